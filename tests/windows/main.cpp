// Boost.Test itself, compiled into the program, and main().

#include "test_main.cpp"

#include <boost/test/included/unit_test.hpp>
