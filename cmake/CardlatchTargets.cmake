# One function per kind of target, so that flags, folders and names are decided in one place.

# All compile settings that are ours alone; PRIVATE, so that a consumer keeps its own.
function(cardlatch_compile_settings target)
    target_compile_features(${target} PUBLIC cxx_std_20)
    target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wconversion -Wshadow)
    if(NOT WIN32) # where COM's own interfaces have no destructor
        target_compile_options(${target} PRIVATE -Wnon-virtual-dtor)
    endif()
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
        # gcc 12 takes the value inside a checked Outcome result for uninitialised when it optimises.
        target_compile_options(${target} PRIVATE -Wno-maybe-uninitialized)
    endif()
    if(CARDLATCH_WERROR)
        target_compile_options(${target} PRIVATE -Werror)
    endif()
endfunction()

# Reading headers is two thirds of a build from nothing, so CI builds with CARDLATCH_PRECOMPILE. It is off by default: there a
# header that compiles only because of what was read before it has to show.
#   cardlatch_precompile(TARGET <header>...)        TARGET has its own precompiled headers
#   cardlatch_precompile(TARGET REUSE_FROM OTHER)   it shares OTHER's, which needs the same flags and no macro that TARGET lacks
function(cardlatch_precompile target)
    if(CARDLATCH_PRECOMPILE)
        list(GET ARGN 0 first)
        if(first STREQUAL "REUSE_FROM")
            target_precompile_headers(${target} ${ARGN})
        else()
            target_precompile_headers(${target} PRIVATE ${ARGN})
        endif()
    endif()
endfunction()

# What the headers' templates and inline functions cost is paid once for a batch of files; `./dev` builds so. Off by default:
# there a change costs one file's compilation, and a file that lacks an include shows.
#   cardlatch_unity(TARGET [<file>...])     the files named stay by themselves: their local names are others' as well
function(cardlatch_unity target)
    if(CARDLATCH_UNITY)
        set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
        set_source_files_properties(${ARGN} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
        if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
            # It takes types of an unnamed namespace for a header's, as the file that it compiles includes them.
            target_compile_options(${target} PRIVATE -Wno-subobject-linkage)
        endif()
    endif()
endfunction()

# A room: one static library `cardlatch_<name>` with the alias `cardlatch::<name>`. Its public headers are in include/.
#   cardlatch_room(NAME SOURCES ... [LINK ...] [ALONE <file>...])      ALONE as in cardlatch_unity()
function(cardlatch_room name)
    cmake_parse_arguments(ARG "" "" "SOURCES;LINK;ALONE" ${ARGN})
    add_library(cardlatch_${name} STATIC ${ARG_SOURCES})
    add_library(cardlatch::${name} ALIAS cardlatch_${name})
    set_target_properties(cardlatch_${name} PROPERTIES POSITION_INDEPENDENT_CODE ON)
    target_include_directories(cardlatch_${name} PUBLIC $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/include>)
    target_link_libraries(cardlatch_${name} PUBLIC ${ARG_LINK})
    cardlatch_compile_settings(cardlatch_${name})
    cardlatch_unity(cardlatch_${name} ${ARG_ALONE})
endfunction()

# A Boost.Test program `test_<name>` registered with CTest under the same name.
#   cardlatch_test(NAME LABEL unit|integration SOURCES ... [LINK ...] [ONE_THREAD])
# ONE_THREAD: what it tests has no threads, so ThreadSanitizer's build leaves it out.
function(cardlatch_test name)
    cmake_parse_arguments(ARG "ONE_THREAD" "LABEL" "SOURCES;LINK" ${ARGN})
    add_executable(test_${name} ${ARG_SOURCES})
    target_link_libraries(test_${name} PRIVATE ${ARG_LINK} cardlatch_test_main)
    cardlatch_precompile(test_${name} REUSE_FROM cardlatch_test_main)
    cardlatch_compile_settings(test_${name})
    set_target_properties(test_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
    if(ARG_ONE_THREAD AND CARDLATCH_SANITIZE MATCHES "thread")
        set_target_properties(test_${name} PROPERTIES EXCLUDE_FROM_ALL ON)
        return()
    endif()
    add_test(NAME ${ARG_LABEL}/${name} COMMAND test_${name} --log_level=test_suite --color_output=no)
    set_tests_properties(${ARG_LABEL}/${name} PROPERTIES LABELS ${ARG_LABEL} TIMEOUT 300)
endfunction()
