# What there is on Windows: lib, as the COM server cardlatch.dll, and those of its tests that need no reader.
enable_language(RC)

# No code of Boost is linked, so any machine's headers will do; a folder of their own keeps its other headers out.
find_path(boost_headers boost/outcome/std_result.hpp PATHS /usr/include NO_CMAKE_FIND_ROOT_PATH REQUIRED)
file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/boost)
file(CREATE_LINK ${boost_headers}/boost ${PROJECT_BINARY_DIR}/boost/boost SYMBOLIC)
add_library(boost_headers INTERFACE)
target_include_directories(boost_headers SYSTEM INTERFACE ${PROJECT_BINARY_DIR}/boost)
add_library(Boost::headers ALIAS boost_headers)

add_compile_definitions(WIN32_LEAN_AND_MEAN NOMINMAX _WIN32_WINNT=0x0601)
add_link_options(-static) # no run time of the compiler's beside the DLL

# The type library: widl, and the system's own one to refer to, which Wine has a copy of.
find_program(WIDL NAMES x86_64-w64-mingw32-widl widl)
find_path(stdole_folder stdole2.tlb NO_CMAKE_FIND_ROOT_PATH
    PATHS /usr/lib/x86_64-linux-gnu/wine/x86_64-windows /usr/lib64/wine/x86_64-windows)
set(typelib ${PROJECT_BINARY_DIR}/cardlatch.tlb)
set(idl ${PROJECT_SOURCE_DIR}/lib/iscard/windows/cardlatch.idl)
if(NOT WIDL)
    message(FATAL_ERROR "widl is missing: it makes the type library (mingw-w64-tools)")
endif()
set(stdole "")
if(stdole_folder)
    set(stdole -DHAVE_STDOLE -L ${stdole_folder})
endif()
add_custom_command(OUTPUT ${typelib} COMMAND ${WIDL} --win64 -t ${stdole} -o ${typelib} ${idl} DEPENDS ${idl} VERBATIM)
configure_file(lib/iscard/windows/typelib.rc.in typelib.rc @ONLY)
add_custom_target(cardlatch_typelib DEPENDS ${typelib})
add_library(cardlatch_typelib_resource OBJECT ${PROJECT_BINARY_DIR}/typelib.rc)
add_dependencies(cardlatch_typelib_resource cardlatch_typelib)
set_source_files_properties(${PROJECT_BINARY_DIR}/typelib.rc PROPERTIES OBJECT_DEPENDS ${typelib})

find_package(Threads REQUIRED)
add_subdirectory(lib)
if(CARDLATCH_TESTS)
    enable_testing()
    add_subdirectory(tests/windows)
endif()
