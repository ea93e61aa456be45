#include <cardlatch/base/bytes.hpp>
#include <cardlatch/base/result.hpp>
#include <cardlatch/base/unique_fd.hpp>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <cerrno>
#include <fcntl.h>

using namespace cardlatch;
namespace data = boost::unit_test::data;

BOOST_AUTO_TEST_SUITE(hex)

BOOST_AUTO_TEST_CASE(bytes_become_upper_case_digits_with_separator) {
    const Bytes bytes{0x3B, 0x0F, 0xA0};
    BOOST_TEST(to_hex(bytes) == "3B0FA0");
    BOOST_TEST(to_hex(bytes, " ") == "3B 0F A0");
    BOOST_TEST(to_hex(Bytes{}, ":").empty());
}

BOOST_DATA_TEST_CASE(equal_texts_give_equal_bytes, data::make({"3B80", "3b 80", "3b:80", " 3B\n80\t"}),
                     text) {
    const auto bytes = from_hex(text);
    BOOST_TEST_REQUIRE(bytes.has_value());
    BOOST_TEST(*bytes == (Bytes{0x3B, 0x80}), boost::test_tools::per_element());
}

BOOST_DATA_TEST_CASE(malformed_text_gives_nothing, data::make({"3", "3B8", "3B 8 0", "GG", "0x3B"}), text) {
    BOOST_TEST(!from_hex(text).has_value());
}

BOOST_AUTO_TEST_CASE(every_byte_survives_the_round_trip) {
    Bytes all(256);
    for (std::size_t i = 0; i < all.size(); ++i) {
        all[i] = static_cast<std::uint8_t>(i);
    }
    BOOST_TEST(from_hex(to_hex(all)).value() == all, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_SUITE(bytes)

BOOST_AUTO_TEST_CASE(wipe_leaves_zeros) {
    Bytes pin{0x31, 0x32, 0x33};
    wipe(pin);
    BOOST_TEST(pin == (Bytes{0, 0, 0}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_SUITE(result)

BOOST_AUTO_TEST_CASE(error_keeps_code_and_prefers_its_detail) {
    const Result<int> failed = fail(std::errc::timed_out, "waited 5 s for the card");
    BOOST_TEST_REQUIRE(!failed);
    BOOST_TEST((failed.error().code == std::errc::timed_out));
    BOOST_TEST(failed.error().message() == "waited 5 s for the card");
    BOOST_TEST(fail(std::errc::timed_out).message() == std::make_error_code(std::errc::timed_out).message());
}

BOOST_AUTO_TEST_CASE(value_of_a_failed_result_throws_the_code) {
    const Result<int> failed = fail(std::errc::timed_out);
    BOOST_CHECK_THROW((void)failed.value(), std::system_error);
}

BOOST_AUTO_TEST_CASE(system_error_names_the_call) {
    errno = ENOENT;
    const auto error = last_system_error("open /nowhere");
    BOOST_TEST((error.code == std::errc::no_such_file_or_directory));
    BOOST_TEST(error.message().find("open /nowhere: ") == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_SUITE(unique_fd)

namespace {
bool is_open(int fd) {
    return ::fcntl(fd, F_GETFD) != -1;
}
} // namespace

BOOST_AUTO_TEST_CASE(closes_what_it_owns_once_and_gives_away_what_is_released) {
    const int first = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    const int second = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    {
        UniqueFd owner(first);
        UniqueFd moved(std::move(owner));
        BOOST_TEST(moved.get() == first);
        moved = UniqueFd(second);
        BOOST_TEST(!is_open(first));
        BOOST_TEST(is_open(second));
        BOOST_TEST(moved.release() == second);
        BOOST_TEST(!moved);
    }
    BOOST_TEST(is_open(second));
    UniqueFd(second).reset();
    BOOST_TEST(!is_open(second));
}

BOOST_AUTO_TEST_SUITE_END()
