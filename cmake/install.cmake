include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/zproc)
install(TARGETS ${zproc_installed} EXPORT zproc_targets FILE_SET HEADERS)
install(EXPORT zproc_targets
    NAMESPACE zproc:: FILE zproc-targets.cmake DESTINATION ${package_dir})
configure_package_config_file(
    ${PROJECT_SOURCE_DIR}/cmake/zproc-config.cmake.in ${PROJECT_BINARY_DIR}/zproc-config.cmake
    INSTALL_DESTINATION ${package_dir})
# Before 1.0 a minor version may change the interface.
write_basic_package_version_file(
    ${PROJECT_BINARY_DIR}/zproc-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES
    ${PROJECT_BINARY_DIR}/zproc-config.cmake ${PROJECT_BINARY_DIR}/zproc-config-version.cmake
    DESTINATION ${package_dir})
if(TARGET zproc_program)
    install(TARGETS zproc_program RUNTIME)
endif()
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
