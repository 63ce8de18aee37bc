# cmake -DCOMPILER=… -DFLAGS=… -DSOURCE=… -P refused.cmake
cmake_minimum_required(VERSION 3.25)

separate_arguments(FLAGS NATIVE_COMMAND "${FLAGS}")

# One form a file, or several, each selected by -DREFUSED=<number>.
file(STRINGS ${SOURCE} wanted REGEX "^// refused( [0-9]+)?: ")
if(NOT wanted)
    message(FATAL_ERROR "${SOURCE}: no line '// refused: <regular expression>'")
endif()

execute_process(COMMAND ${COMPILER} ${FLAGS} -DCONTROL ${SOURCE}
    RESULT_VARIABLE code ERROR_VARIABLE errors OUTPUT_QUIET)
if(NOT code EQUAL 0)
    message("${errors}")
    message(FATAL_ERROR "the allowed variant (-DCONTROL) does not compile")
endif()

foreach(line IN LISTS wanted)
    string(REGEX MATCH "^// refused ?([0-9]*): (.+)$" line "${line}")
    set(number "${CMAKE_MATCH_1}")
    set(expected "${CMAKE_MATCH_2}")
    set(selected)
    if(number)
        set(selected -DREFUSED=${number})
    endif()
    execute_process(COMMAND ${COMPILER} ${FLAGS} ${selected} ${SOURCE}
        RESULT_VARIABLE code ERROR_VARIABLE errors OUTPUT_QUIET)
    if(code EQUAL 0)
        message(SEND_ERROR "${number}: this compiles, and should be refused with: ${expected}")
        continue()
    endif()
    # Only errors count: a note or a quoted source line may hold the words by accident.
    string(REGEX MATCHALL "error:[^\n]*" found "${errors}")
    if(NOT "${found}" MATCHES "${expected}")
        message("${errors}")
        message(SEND_ERROR "${number}: refused, but not with '${expected}'")
    endif()
endforeach()
