// What every test program reads; see cardlatch_precompile() in ../CardlatchTargets.cmake.

#include "base.hpp"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
