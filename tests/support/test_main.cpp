// The main() that every test program links; the suite gets the program's name.

#include <boost/test/unit_test.hpp>

#include <filesystem>

namespace {

bool name_the_suite() {
    auto& suite = boost::unit_test::framework::master_test_suite();
    suite.p_name.value = std::filesystem::path(suite.argv[0]).filename().string();
    return true;
}

} // namespace

int main(int argc, char** argv) {
    return boost::unit_test::unit_test_main(&name_the_suite, argc, argv);
}
