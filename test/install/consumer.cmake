# Configures, builds and runs one consumer, and looks at what reached it of our own build.
cmake_minimum_required(VERSION 3.25)

function(run)
    execute_process(COMMAND ${ARGN} RESULT_VARIABLE code
        OUTPUT_VARIABLE output ERROR_VARIABLE output)
    if(NOT code EQUAL 0)
        message("${output}")
        message(FATAL_ERROR "${NAME}: ${ARGN}: ended with ${code}")
    endif()
    set(output "${output}" PARENT_SCOPE)
endfunction()

# An older configuration could hide what a clean one lacks; objects may stay.
file(REMOVE ${BUILD}/CMakeCache.txt)
run(${CMAKE_COMMAND} -G Ninja -S ${ZPROC}/test/install/${PROJECT} -B ${BUILD}
    -DCMAKE_CXX_COMPILER=${COMPILER} ${LAUNCHER} -DCMAKE_EXPORT_COMPILE_COMMANDS=ON
    -DZPROC=${ZPROC} -DCMAKE_PREFIX_PATH=${PREFIX} "-DDEFINES=${DEFINES}")
run(${CMAKE_COMMAND} --build ${BUILD})

run(${BUILD}/consumer)
if(NOT output MATCHES "consumer: ok")
    message(FATAL_ERROR "${NAME}: the consumer printed\n${output}")
endif()
run(${BUILD}/cookie_eater)
if(NOT output MATCHES "cookies: 0\n$")
    message(FATAL_ERROR "${NAME}: the bakery printed\n${output}")
endif()

# No warning, no definition, no option of ours in any command: neither for the consumer's files
# nor, embedded, for the library's.
file(READ ${BUILD}/compile_commands.json commands)
string(JSON count LENGTH "${commands}")
math(EXPR last "${count} - 1")
foreach(i RANGE ${last})
    string(JSON command GET "${commands}" ${i} command)
    foreach(leak "-W[a-z]" "-pedantic" "-fsanitize" "-fpch" "-include " "cmake_pch" "ZPROC_[A-Z]"
            "BOOST_TEST")
        if(command MATCHES " ${leak}")
            message(FATAL_ERROR "${NAME}: '${leak}' reached a consumer:\n${command}")
        endif()
    endforeach()
    if(NOT DEFINES AND command MATCHES "BOOST_ASIO_SEPARATE_COMPILATION")
        message(FATAL_ERROR "${NAME}: the way we compile Asio reached a consumer:\n${command}")
    endif()
endforeach()

# The library and nothing else.
execute_process(COMMAND ${CMAKE_COMMAND} --build ${BUILD} --target help OUTPUT_VARIABLE targets)
if(targets MATCHES "zproc_(unit|integration|tests|whole|bench|stress|forms)")
    message(FATAL_ERROR "${NAME}: a consumer builds our tests:\n${targets}")
endif()

if(INSTALL)
    file(REMOVE_RECURSE ${PREFIX})
    run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${PREFIX})
    file(GLOB_RECURSE installed RELATIVE ${PREFIX} ${PREFIX}/*)
    if(NOT "${installed}" MATCHES "include/zproc/error.hpp"
            OR NOT "${installed}" MATCHES "cmake/zproc/zproc-config.cmake")
        message(FATAL_ERROR "${NAME}: installed only ${installed}")
    endif()
endif()
