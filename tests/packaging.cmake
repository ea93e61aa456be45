# What is delivered beside the programs: the image's entrypoint, and that man page and completions know every option.
add_test(NAME packaging/entrypoint
         COMMAND sh ${PROJECT_SOURCE_DIR}/docker/entrypoint_test.sh $<TARGET_FILE_DIR:cardlatch_command>)
add_test(NAME packaging/documented
         COMMAND sh ${PROJECT_SOURCE_DIR}/packaging/documented_test.sh $<TARGET_FILE:cardlatch_command>)
set_tests_properties(packaging/entrypoint packaging/documented PROPERTIES
    LABELS packaging TIMEOUT 300 ENVIRONMENT "${test_environment}")
# Every shell example of the book runs, and the reference has no warnings; once, as the sanitizers have the same commands in tests of their own.
if(NOT CARDLATCH_SANITIZE)
    # The unit's sandbox has no room for a sanitizer.
    add_test(NAME packaging/service
             COMMAND /usr/bin/python3 ${PROJECT_SOURCE_DIR}/packaging/service_test.py $<TARGET_FILE:cardlatch_command>
                     ${PROJECT_BINARY_DIR}/emulator/cli/cardlatch.service)
    set_tests_properties(packaging/service PROPERTIES LABELS packaging TIMEOUT 300 SKIP_RETURN_CODE 77)
    add_test(NAME packaging/examples
             COMMAND /usr/bin/python3 ${PROJECT_SOURCE_DIR}/tests/docs/run_examples.py $<TARGET_FILE:cardlatch_command>)
    set_tests_properties(packaging/examples PROPERTIES LABELS packaging TIMEOUT 300)
    add_test(NAME packaging/reference COMMAND sh ${PROJECT_SOURCE_DIR}/dev docs ${PROJECT_BINARY_DIR}/docs)
    set_tests_properties(packaging/reference PROPERTIES LABELS packaging)
endif()
