# What holds only when zproc itself is built, and never reaches a consumer: warnings as errors,
# the compiler cache, and Asio compiled once for our own programs.

option(ZPROC_WARNINGS_AS_ERRORS "Stop at warnings" ON)
option(ZPROC_SEPARATE_ASIO "Compile Asio once for our own programs" ${ZPROC_BUILD_TESTS})

set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
set_target_properties(zproc PROPERTIES VERIFY_INTERFACE_HEADER_SETS ON)
# Every public header compiles alone. (CMake makes the target it names after this file ends.)
add_custom_target(zproc_headers)
add_dependencies(zproc_headers zproc_verify_interface_header_sets)

find_program(ZPROC_CCACHE ccache)
if(ZPROC_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    # The sloppiness is what ccache's manual asks for with precompiled headers.
    set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
        CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
        ${ZPROC_CCACHE})
    get_property(targets DIRECTORY ${PROJECT_SOURCE_DIR} PROPERTY BUILDSYSTEM_TARGETS)
    foreach(target IN LISTS targets)
        get_target_property(type ${target} TYPE)
        if(type MATCHES "LIBRARY")
            set_target_properties(${target} PROPERTIES
                CXX_COMPILER_LAUNCHER "${CMAKE_CXX_COMPILER_LAUNCHER}")
        endif()
    endforeach()
endif()

# Flags of our own code; PRIVATE, on targets that are ours.
function(zproc_own_flags target)
    set(flags -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wcast-qual
        -Woverloaded-virtual -Wold-style-cast -Wformat=2)
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
        # g++ 12 reports the first at the closing brace of correct coroutines, and the second
        # wherever a std::variant is moved; AddressSanitizer and clang see the real ones.
        list(APPEND flags -Wno-mismatched-new-delete -Wno-maybe-uninitialized)
        # ThreadSanitizer does not know fences; Asio has some.
        list(APPEND flags -Wno-tsan -Wduplicated-cond -fpch-preprocess)
    else()
        # clang takes the sign for a part of -Wconversion; g++ does not.
        list(APPEND flags -Wno-gnu-zero-variadic-macro-arguments -Wno-sign-conversion)
    endif()
    if(ZPROC_WARNINGS_AS_ERRORS)
        list(APPEND flags -Werror)
        if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
            # Guesses about data flow, wrong often enough in g++ 12 (std::variant, std::string):
            # they are shown, and the sanitizers decide.
            list(APPEND flags -Wno-error=restrict -Wno-error=array-bounds
                -Wno-error=stringop-overflow
                -Wno-error=stringop-overread -Wno-error=dangling-pointer)
        endif()
    endif()
    target_compile_options(${target} PRIVATE ${flags})
    set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
endfunction()

# Tests count in literals; the library has to mean every change of sign.
set(zproc_library_flags -Wsign-conversion)
zproc_own_flags(zproc)
target_compile_options(zproc PRIVATE ${zproc_library_flags})
if(TARGET zproc_throw_sites)
    zproc_own_flags(zproc_throw_sites)
endif()

# BOOST_ASIO_SEPARATE_COMPILATION must hold for every file of a program, so it is never exported:
# our programs get a library of their own, compiled with it from the same sources.
if(ZPROC_SEPARATE_ASIO)
    add_library(zproc_whole STATIC EXCLUDE_FROM_ALL
        ${zproc_sources} ${PROJECT_SOURCE_DIR}/cmake/asio.cpp)
    zproc_library_properties(zproc_whole)
    zproc_own_flags(zproc_whole)
    target_compile_options(zproc_whole PRIVATE ${zproc_library_flags})
    target_include_directories(zproc_whole PUBLIC ${PROJECT_SOURCE_DIR}/include)
    target_compile_definitions(zproc_whole PUBLIC BOOST_ASIO_SEPARATE_COMPILATION)
    # What most files include takes a third of their time; a few rooms are quick without. Consumers
    # compile without it, and there each file has to include what it uses (test/install).
    if(NOT ZPROC_ROOMS)
        target_precompile_headers(zproc_whole PRIVATE
            <boost/asio/any_io_executor.hpp> <boost/asio/awaitable.hpp> <boost/asio/co_spawn.hpp>
            <boost/asio/deferred.hpp> <boost/asio/generic/stream_protocol.hpp>
            <boost/asio/local/stream_protocol.hpp> <boost/asio/ip/tcp.hpp>
            <boost/asio/posix/stream_descriptor.hpp> <boost/asio/post.hpp>
            <boost/asio/steady_timer.hpp> <boost/asio/strand.hpp>
            <algorithm> <chrono> <functional> <map> <memory> <optional> <string> <string_view>
            <variant> <vector>)
    endif()
    set_source_files_properties(${PROJECT_SOURCE_DIR}/cmake/asio.cpp PROPERTIES
        COMPILE_OPTIONS -w SKIP_PRECOMPILE_HEADERS ON)
    set(zproc_program_library zproc_whole)
    if(zproc_throw_site_sources)
        add_library(zproc_whole_throw_sites STATIC EXCLUDE_FROM_ALL ${zproc_throw_site_sources})
        zproc_own_flags(zproc_whole_throw_sites)
        target_include_directories(zproc_whole_throw_sites PRIVATE ${PROJECT_SOURCE_DIR}/lib)
        target_link_libraries(zproc_whole_throw_sites PUBLIC zproc_whole)
        set(zproc_program_throw_sites zproc_whole_throw_sites)
    endif()
else()
    set(zproc_program_library zproc)
    if(TARGET zproc_throw_sites)
        set(zproc_program_throw_sites zproc_throw_sites)
    endif()
endif()

# An executable of ours: our flags, our library, and lib/ in sight (tests look inside).
function(zproc_own_program target)
    add_executable(${target} ${ARGN})
    zproc_own_flags(${target})
    target_link_libraries(${target} PRIVATE ${zproc_program_library})
    set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE ON)
endfunction()
