# What an outside project sees of an installed Cardlatch. In the plain build alone: the consumers are built without sanitizers.
if(CARDLATCH_SANITIZE)
    return()
endif()

function(cardlatch_consumer_test name)
    add_test(NAME consumers/${name}
             COMMAND sh ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/check.sh ${name} ${PROJECT_BINARY_DIR} ${CMAKE_COMMAND})
    set_tests_properties(consumers/${name} PROPERTIES LABELS consumers TIMEOUT 300)
endfunction()

cardlatch_consumer_test(build)
set_tests_properties(consumers/build PROPERTIES FIXTURES_SETUP consumers COST 1000)
foreach(consumer boost google c pytest shell pkgconfig)
    cardlatch_consumer_test(${consumer})
    set_tests_properties(consumers/${consumer} PROPERTIES FIXTURES_REQUIRED consumers)
endforeach()
