// Addresses of the card end, and the sockets behind them.

#include "link_peer.hpp"

#include <cardlatch/vpcd/address.hpp>
#include <cardlatch/vpcd/error.hpp>
#include <cardlatch/vpcd/icc_link.hpp>
#include <cardlatch/vpcd/reserved_port.hpp>
#include <cardlatch/vpcd/unix_listener.hpp>

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

using namespace cardlatch;
using namespace cardlatch::vpcd;
using cardlatch::test::TempDir;
namespace data = boost::unit_test::data;

namespace {

bool can_connect(const HostPort& where) {
    return connect_socket(SocketAddress::of_host(where).value(), std::chrono::seconds(5), where.text())
        .has_value();
}

} // namespace

BOOST_AUTO_TEST_SUITE(vpcd_address)

BOOST_AUTO_TEST_CASE(every_form_is_read_and_written_back) {
    for (const std::string text : {"unix:/run/x", "vpcd+unix:/run/x", "cardlatch://127.0.0.1:1",
                                   "vpcd://[::1]:65535", "vpcd-listen://127.0.0.1:0"}) {
        const auto address = LinkAddress::parse(text);
        BOOST_REQUIRE_MESSAGE(address, text);
        BOOST_TEST(address.value().text() == text);
    }
    BOOST_TEST(LinkAddress::parse("unix:x").value().offers_extension);
    BOOST_TEST(LinkAddress::parse("cardlatch://h:1").value().offers_extension);
    BOOST_TEST(!LinkAddress::parse("vpcd+unix:x").value().offers_extension);
    BOOST_TEST(!LinkAddress::parse("vpcd://h:1").value().offers_extension);
}

BOOST_AUTO_TEST_CASE(what_is_missing_is_loopback_and_vpcds_port) {
    BOOST_TEST(LinkAddress::parse("vpcd://").value().text() == "vpcd://127.0.0.1:35963");
    BOOST_TEST(LinkAddress::parse("vpcd://:7").value().text() == "vpcd://127.0.0.1:7");
    BOOST_TEST(LinkAddress::parse("vpcd://card").value().text() == "vpcd://card:35963");
    BOOST_TEST(LinkAddress::parse("vpcd://[::1]").value().text() == "vpcd://[::1]:35963");
}

const std::vector<std::string> k_bad{"",
                                     "tcp://h:1",
                                     "unix:",
                                     "vpcd://h:65536",
                                     "vpcd://h:-1",
                                     "vpcd://h:1x",
                                     "vpcd://h:",
                                     "vpcd://h:0",
                                     "vpcd://[::1",
                                     "vpcd://[::1]7",
                                     "unix:" + std::string(108, 'a')};

BOOST_DATA_TEST_CASE(bad_addresses_are_refused_with_a_reason, data::make(k_bad), text) {
    const auto address = LinkAddress::parse(text);
    BOOST_REQUIRE(!address);
    BOOST_TEST((address.error().code == LinkErrc::bad_address));
    BOOST_TEST(!address.error().detail.empty());
}

BOOST_AUTO_TEST_CASE(longest_socket_path_passes) {
    BOOST_TEST(LinkAddress::parse("unix:" + std::string(107, 'a')).has_value());
}

BOOST_AUTO_TEST_CASE(connecting_to_nobody_names_the_address) {
    const TempDir dir;
    auto link = IccLink::open(LinkAddress::parse("unix:" + dir.path("none")).value());
    BOOST_REQUIRE(link);
    const auto inserted = link.value().insert();
    BOOST_REQUIRE(!inserted);
    BOOST_TEST((inserted.error().code == std::errc::no_such_file_or_directory));
    BOOST_TEST(inserted.error().detail.find(dir.path("none")) != std::string::npos);
}

BOOST_AUTO_TEST_CASE(unresolvable_host_is_an_error) {
    auto link = IccLink::open(LinkAddress::parse("vpcd://no.such.host.invalid:1").value());
    BOOST_REQUIRE(link);
    const auto inserted = link.value().insert();
    BOOST_REQUIRE(!inserted);
    BOOST_TEST((inserted.error().code == std::errc::address_not_available));
}

BOOST_AUTO_TEST_CASE(reserved_port_refuses_until_it_listens_and_again_after) {
    auto row = ReservedPort::reserve({"127.0.0.1", 0}, 2);
    BOOST_REQUIRE(row);
    const auto& first = row.value()[0];
    const auto& second = row.value()[1];
    BOOST_TEST(first.where().port != 0);
    BOOST_TEST(second.where().port == first.where().port + 1);
    for (int round = 0; round < 3; ++round) {
        BOOST_TEST(!can_connect(first.where()));
        {
            const auto listener = first.listen();
            BOOST_REQUIRE(listener);
            BOOST_TEST(can_connect(first.where()));
            BOOST_TEST(!can_connect(second.where()));
        }
    }
    BOOST_TEST(!can_connect(first.where()));
}

BOOST_AUTO_TEST_CASE(reserved_ports_of_several_owners_never_collide) {
    std::vector<std::vector<ReservedPort>> rows;
    std::vector<std::uint16_t> ports;
    for (int i = 0; i < 32; ++i) {
        auto row = ReservedPort::reserve({"127.0.0.1", 0}, 2);
        BOOST_REQUIRE(row);
        for (const auto& port : row.value()) {
            ports.push_back(port.where().port);
        }
        rows.push_back(std::move(row).value());
    }
    std::sort(ports.begin(), ports.end());
    BOOST_TEST((std::adjacent_find(ports.begin(), ports.end()) == ports.end()));
}

BOOST_AUTO_TEST_CASE(port_in_use_is_an_error_that_names_it) {
    auto row = ReservedPort::reserve({"127.0.0.1", 0}, 1);
    BOOST_REQUIRE(row);
    const auto listener = row.value()[0].listen();
    BOOST_REQUIRE(listener);
    const auto taken = ReservedPort::reserve(row.value()[0].where(), 1);
    BOOST_REQUIRE(!taken);
    BOOST_TEST((taken.error().code == std::errc::address_in_use));
    BOOST_TEST(taken.error().detail.find(row.value()[0].where().text()) != std::string::npos);
}

BOOST_AUTO_TEST_CASE(socket_file_is_its_owners_alone_whatever_the_umask) {
    const TempDir dir;
    const auto before = ::umask(0);
    auto listener = UnixListener::open(dir.path("s"));
    ::umask(before);
    BOOST_REQUIRE(listener);
    struct stat info {};
    BOOST_REQUIRE(::stat(dir.path("s").c_str(), &info) == 0);
    BOOST_TEST((info.st_mode & 0777U) == 0600U);
}

BOOST_AUTO_TEST_CASE(dead_socket_is_replaced_and_a_live_one_refused) {
    const TempDir dir;
    const auto path = dir.path("s");
    {
        // A dead owner: bound once, its file still there.
        const auto dead = open_socket(AF_UNIX).value();
        const auto address = SocketAddress::of_path(path).value();
        BOOST_REQUIRE(::bind(dead.get(), address.get(), address.size) == 0);
    }
    auto listener = UnixListener::open(path);
    BOOST_REQUIRE(listener);
    const auto second = UnixListener::open(path);
    BOOST_REQUIRE(!second);
    BOOST_TEST((second.error().code == std::errc::address_in_use));
}

BOOST_AUTO_TEST_CASE(another_kind_of_file_is_left_alone) {
    const TempDir dir;
    std::ofstream(dir.path("s")) << "precious";
    const auto listener = UnixListener::open(dir.path("s"));
    BOOST_REQUIRE(!listener);
    BOOST_TEST((listener.error().code == std::errc::address_in_use));
    std::string text;
    std::ifstream(dir.path("s")) >> text;
    BOOST_TEST(text == "precious");
}

BOOST_AUTO_TEST_CASE(listener_removes_its_own_file_only) {
    const TempDir dir;
    const auto path = dir.path("s");
    {
        auto first = UnixListener::open(path);
        BOOST_REQUIRE(first);
        BOOST_REQUIRE(::unlink(path.c_str()) == 0);
        auto second = UnixListener::open(path); // somebody else's by now
        BOOST_REQUIRE(second);
        first.value().remove_file();
        BOOST_TEST(::access(path.c_str(), F_OK) == 0);
    }
    BOOST_TEST(::access(path.c_str(), F_OK) != 0);
}

BOOST_AUTO_TEST_SUITE_END()
