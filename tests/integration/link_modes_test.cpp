// The driver's other ways to a card, in a real pcscd with a reader configuration as in docs/protocol.md: it
// listens for vpcd cards, and it connects to cards that listen.

#include "child.hpp"
#include "stack_script.hpp"
#include "temporary_folder.hpp"

#include <cardlatch/harness/installation.hpp>
#include <cardlatch/harness/pcscd.hpp>
#include <cardlatch/vpcd/reserved_port.hpp>

#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

using namespace cardlatch;
using namespace cardlatch::test;

namespace {

/// A reader configuration with one reader whose DEVICENAME is `device`.
std::string reader(const std::string& device) {
    const auto installation = harness::Installation::locate();
    BOOST_REQUIRE(installation);
    return "FRIENDLYNAME \"Other way\"\nDEVICENAME \"" + device + "\"\nLIBPATH " +
           installation.value().driver.native() + "\nCHANNELID 0\n";
}

/// A private pcscd with the readers of `configuration`.
class Daemon {
  public:
    explicit Daemon(const std::string& configuration) {
        const auto installation = harness::Installation::locate();
        BOOST_REQUIRE(installation);
        for (const auto* name : {"run", "readers"}) {
            std::filesystem::create_directory(folder_.path() / name);
        }
        std::ofstream(folder_.path() / "readers" / "cardlatch") << configuration;
        harness::PcscdOptions options;
        options.socket = folder_.path() / "socket";
        options.config_dir = folder_.path() / "readers";
        options.run_dir = folder_.path() / "run";
        options.log_file = folder_.path() / "log";
        options.shim = installation.value().shim;
        options.usb_bus = folder_.path() / "no-bus";                      // no reader of this machine
        if (const char* preload = std::getenv("CARDLATCH_PCSCD_PRELOAD"); // NOLINT(concurrency-mt-unsafe)
            preload != nullptr && *preload != '\0') {
            options.preload.emplace_back(preload);
        }
        auto started = harness::Pcscd::start(options);
        BOOST_REQUIRE_MESSAGE(started, (started ? "" : started.error().message()));
        pcscd_.emplace(std::move(started).value());
    }

    /// A shell script among its clients.
    Outcome script(const std::string& text) const {
        ChildOptions options;
        options.environment.emplace_back("PCSCLITE_CSOCK_NAME", (folder_.path() / "socket").string());
        return run({"sh", "-ec", "CARD='" CARDLATCH_TEST_SUPPORT "/plain_vpcd_card.py'\n" + k_shell + text},
                   options);
    }

    [[nodiscard]] std::string log() const {
        std::stringstream text;
        text << std::ifstream(folder_.path() / "log").rdbuf();
        return text.str();
    }

  private:
    TemporaryFolder folder_;
    std::optional<harness::Pcscd> pcscd_;
};

/// Free for as long as the driver does not want them.
std::uint16_t free_ports(unsigned count) {
    const auto ports = vpcd::ReservedPort::reserve({std::string(vpcd::k_loopback), 0}, count);
    BOOST_REQUIRE(ports);
    return ports.value().front().where().port;
}

} // namespace

BOOST_AUTO_TEST_SUITE(link_modes)

BOOST_AUTO_TEST_CASE(the_driver_listens_for_vpcd_cards) {
    const auto port = std::to_string(free_ports(2));
    const auto next = std::to_string(std::stoi(port) + 1);
    const Daemon daemon(reader("vpcd-listen:127.0.0.1:" + port + "?slots=2"));
    const auto outcome = daemon.script("port=" + port + " next=" + next + R"(
reader_list
/usr/bin/python3 "$CARD" --connect 127.0.0.1:$port & peer=$!
await present
opensc-tool -s 00EE0000020102 | tail -2
"$COMMAND" serve --card filecard --connect cardlatch://127.0.0.1:$next 2>/dev/null & serve=$!
await present 1
opensc-tool -r 1 --atr
kill $peer $serve
await empty; await empty 1
grep -i ":$(printf %04X $port) 00000000:0000 0A" /proc/net/tcp | cut -c7-14
)");
    BOOST_TEST(outcome.exit_code == 0, outcome.err + outcome.out + daemon.log());
    BOOST_TEST(outcome.out.starts_with("0: Other way 00 00\n1: Other way 00 01\n"), outcome.out);
    BOOST_TEST(outcome.out.find("01 02") != std::string::npos, outcome.out);
    BOOST_TEST(outcome.out.find("3b:8f:01") != std::string::npos, outcome.out);
    BOOST_TEST(outcome.out.ends_with("0100007F\n"), outcome.out);
    BOOST_TEST(daemon.log().find("open to other machines") == std::string::npos, daemon.log());
}

BOOST_AUTO_TEST_CASE(a_port_that_is_open_to_others_is_told) {
    const auto port = std::to_string(free_ports(1));
    const Daemon daemon(reader("vpcd-listen:0.0.0.0:" + port));
    const auto outcome = daemon.script("reader_list");
    BOOST_TEST(outcome.out == "0: Other way 00 00\n", outcome.err);
    BOOST_TEST(daemon.log().find("open to other machines, without any protection") != std::string::npos,
               daemon.log());
}

BOOST_AUTO_TEST_CASE(the_driver_connects_to_cards_that_listen) {
    const auto port = std::to_string(free_ports(1));
    const Daemon daemon(reader("vpcd-connect:127.0.0.1:" + port));
    const auto outcome = daemon.script("port=" + port + R"(
await empty
for round in 1 2; do
    /usr/bin/python3 "$CARD" --listen 127.0.0.1:$port >/dev/null & peer=$!
    await present
    opensc-tool -s 00EE0000020102 | tail -2
    kill $peer
    await empty
done
"$COMMAND" serve --card filecard --listen vpcd://127.0.0.1:$port 2>/dev/null & serve=$!
await present
opensc-tool --atr
kill $serve
await empty
)");
    BOOST_TEST(outcome.exit_code == 0, outcome.err + outcome.out + daemon.log());
    const auto first = outcome.out.find("01 02");
    BOOST_TEST(first != std::string::npos, outcome.out);
    BOOST_TEST(outcome.out.find("01 02", first + 5) != std::string::npos, outcome.out);
    BOOST_TEST(outcome.out.ends_with("3b:8f:01:80:31:f8:73:f6:41:ff:67:46:49:4c:45:43:52:44:c8\n"),
               outcome.out);
}

// `cmake --install` into a packager's DESTDIR, as docs/system-reader.md has it; pcscd reads the configuration
// that was installed, with the folders as they are here.
BOOST_AUTO_TEST_CASE(an_installed_reader_takes_the_cards_of_an_installed_command) {
    const TemporaryFolder folder;
    const auto stage = folder.path() / "stage";
    ChildOptions options;
    options.environment.emplace_back("DESTDIR", stage.string());
    const auto installed = run({CARDLATCH_CMAKE, "--install", CARDLATCH_BUILD, "--prefix", "/usr"}, options);
    BOOST_REQUIRE_MESSAGE(installed.exit_code == 0, installed.err);
    const auto driver = stage / "usr/lib/pcsc/drivers/serial/libifdcardlatch.so";
    BOOST_TEST(std::filesystem::exists(driver));
    BOOST_TEST(std::filesystem::exists(stage / "usr/share/cardlatch/systemd/cardlatch.service"));
    const auto found = run({"sh", "-c", "find \"$0\" -path '*/reader.conf.d/cardlatch'", stage.string()});
    std::stringstream text;
    text << std::ifstream(found.out.substr(0, found.out.find('\n'))).rdbuf();
    auto configuration = text.str();
    const auto replace = [&configuration](const std::string& from, const std::string& to) {
        const auto at = configuration.find(from);
        BOOST_REQUIRE_MESSAGE(at != std::string::npos, from << " in " << configuration);
        configuration.replace(at, from.size(), to);
    };
    const auto link = (folder.path() / "link").string();
    replace("/run/pcscd/cardlatch\"", link + "\"");
    const auto library = configuration.find("LIBPATH");
    const auto line_end = configuration.find('\n', library);
    BOOST_REQUIRE(library != std::string::npos);
    BOOST_TEST(configuration.substr(library, line_end - library)
                   .ends_with("/lib/pcsc/drivers/serial/libifdcardlatch.so"));
    configuration.replace(library, line_end - library, "LIBPATH " + driver.string());
    const Daemon daemon(configuration);
    const auto outcome = daemon.script("link=" + link + " stage=" + stage.string() + R"(
await empty
stat -c %a "$link"
CARDLATCH_ROOT="$stage/usr" "$stage/usr/bin/cardlatch" serve --connect "unix:$link" --card filecard 2>/dev/null & serve=$!
await present
opensc-tool --atr
kill $serve
await empty
)");
    BOOST_TEST(outcome.exit_code == 0, outcome.err + outcome.out + daemon.log());
    BOOST_TEST(outcome.out == "600\n3b:8f:01:80:31:f8:73:f6:41:ff:67:46:49:4c:45:43:52:44:c8\n", outcome.out);
}

BOOST_AUTO_TEST_SUITE_END()
