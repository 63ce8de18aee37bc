# cmake -DCOMPILER=… -DFLAGS=… -DSOURCE=… -P refused.cmake
cmake_minimum_required(VERSION 3.25)

separate_arguments(FLAGS NATIVE_COMMAND "${FLAGS}")

file(STRINGS ${SOURCE} first LIMIT_COUNT 1)
if(NOT first MATCHES "^// refused: (.+)$")
    message(FATAL_ERROR "${SOURCE}: the first line must be '// refused: <regular expression>'")
endif()
set(expected "${CMAKE_MATCH_1}")

execute_process(COMMAND ${COMPILER} ${FLAGS} -DCONTROL ${SOURCE}
    RESULT_VARIABLE code ERROR_VARIABLE errors OUTPUT_QUIET)
if(NOT code EQUAL 0)
    message("${errors}")
    message(FATAL_ERROR "the allowed variant (-DCONTROL) does not compile")
endif()

execute_process(COMMAND ${COMPILER} ${FLAGS} ${SOURCE}
    RESULT_VARIABLE code ERROR_VARIABLE errors OUTPUT_QUIET)
if(code EQUAL 0)
    message(FATAL_ERROR "this compiles, and should be refused with: ${expected}")
endif()
# Only errors count: a note or a quoted source line may hold the words by accident.
string(REGEX MATCHALL "error:[^\n]*" found "${errors}")
if(NOT "${found}" MATCHES "${expected}")
    message("${errors}")
    message(FATAL_ERROR "refused, but not with '${expected}'")
endif()
