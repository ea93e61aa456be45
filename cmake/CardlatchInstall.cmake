# What outside projects find: the CMake package and the pkg-config files. Both are relocatable, so a staged installation can be
# used where it lies.
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/Cardlatch)
configure_package_config_file(cmake/CardlatchConfig.cmake.in CardlatchConfig.cmake INSTALL_DESTINATION ${package_dir})
# Before 1.0 a new minor version may change anything.
write_basic_package_version_file(CardlatchConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/CardlatchConfig.cmake ${PROJECT_BINARY_DIR}/CardlatchConfigVersion.cmake
        DESTINATION ${package_dir} COMPONENT dev)
install(EXPORT CardlatchTargets NAMESPACE cardlatch:: DESTINATION ${package_dir} COMPONENT dev)

file(RELATIVE_PATH pc_prefix /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
foreach(module cardlatch cardlatch-harness cardlatch-control)
    configure_file(cmake/${module}.pc.in ${module}.pc @ONLY)
    install(FILES ${PROJECT_BINARY_DIR}/${module}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT dev)
endforeach()

# For the command's users.
install(FILES docs/man/cardlatch.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES packaging/completions/cardlatch.bash RENAME cardlatch DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES packaging/completions/_cardlatch DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions)
install(FILES packaging/completions/cardlatch.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)

# For a system's pcscd: an empty reader. pcscd reads /etc/reader.conf.d, so elsewhere the file is a sample.
configure_file(packaging/reader.conf.in reader.conf @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/reader.conf RENAME cardlatch DESTINATION ${CMAKE_INSTALL_SYSCONFDIR}/reader.conf.d)
install(FILES docs/man/ifdcardlatch.5 DESTINATION ${CMAKE_INSTALL_MANDIR}/man5)
