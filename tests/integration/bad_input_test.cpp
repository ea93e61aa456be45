// Bad input gets one clear line and the right exit code, and leaves nothing behind.

#include "child.hpp"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <unistd.h>
#include <vector>

using namespace cardlatch::test;
namespace fs = std::filesystem;
namespace data = boost::unit_test::data;

namespace {

struct Case {
    const char* name;
    std::vector<std::string> arguments; ///< after `cardlatch`; @ stands for the case's own folder
    int exit_code;
    std::string message; ///< has to be in the line
    std::vector<std::pair<std::string, std::string>> environment = {};
};

std::ostream& operator<<(std::ostream& out, const Case& c) {
    return out << c.name;
}

const std::vector<Case> k_cases = {
    {"no subcommand", {}, 2, "a subcommand is missing"},
    {"unknown subcommand", {"frobnicate"}, 2, "frobnicate"},
    {"unknown option", {"run", "--frobnicate", "--", "true"}, 2, "--frobnicate"},
    {"no command", {"run"}, 2, "run needs a command"},
    {"unknown card",
     {"run", "--card", "platinum", "--", "true"},
     125,
     "no card \"platinum\"; shipped are filecard"},
    {"missing profile", {"run", "--card", "@/none.toml", "--", "true"}, 125, "@/none.toml: no such file"},
    {"malformed profile", {"run", "--card", "@/malformed.toml", "--", "true"}, 125, "@/malformed.toml:2:"},
    {"profile with an unknown key",
     {"run", "--card", "@/unknown.toml", "--", "true"},
     125,
     "@/unknown.toml:3: "},
    {"profile that is a folder", {"run", "--card", "@/folder.toml", "--", "true"}, 125, "@/folder.toml"},
    {"unknown driver", {"run", "--driver", "usb", "--", "true"}, 2, "usb"},
    {"missing pcscd",
     {"run", "--pcscd", "@/pcscd", "--", "true"},
     125,
     "pcscd at @/pcscd: No such file or directory"},
    {"pcscd that is no program", {"run", "--pcscd", "@/text", "--", "true"}, 125, "pcscd at @/text"},
    {"pcscd that ends at once", {"run", "--pcscd", "/bin/false", "--", "true"}, 125, "pcscd"},
    {"driver that cannot be loaded",
     {"run", "--card", "none", "--", "true"},
     125,
     "the driver did not start it",
     {{"CARDLATCH_ROOT", "@/broken"}}},
    {"reader name with a quote", {"run", "--reader-name", "a\"b", "--", "true"}, 125, "double quote"},
    {"reader name too long", {"run", "--reader-name", std::string(121, 'x'), "--", "true"}, 125, "121 bytes"},
    {"empty reader name", {"run", "--reader-name", "", "--", "true"}, 125, "0 bytes"},
    {"log file in no folder", {"run", "--log", "@/none/log", "--", "true"}, 125, "log file @/none/log"},
    {"state folder that is a file", {"run", "--state", "@/text", "--", "true"}, 125, "@/text"},
    {"damaged state", {"run", "--state", "@/damaged", "--", "true"}, 125, "@/damaged/0-piv.toml"},
    {"three cards on stock vpcd",
     {"run", "--driver", "vpcd", "--card", "none", "--card", "none", "--card", "none", "--", "true"},
     125,
     "stock vpcd carries 1 to 2"},
    {"status outside a stack", {"status"}, 2, "no control socket"},
    {"control socket that is not there", {"status", "--control", "@/control"}, 1, "control socket @/control"},
    {"control socket path too long", {"status", "--control", "/" + std::string(120, 'x')}, 1, "121 bytes"},
    {"serve without an address", {"serve"}, 2, "--connect"},
    {"serve with a bad address", {"serve", "--connect", "carrier-pigeon:1"}, 2, "carrier-pigeon"},
    {"serve with a path too long", {"serve", "--connect", "unix:/" + std::string(120, 'x')}, 2, "107"},
    {"serve on a port in use", {"serve", "--listen", "vpcd://127.0.0.1:%"}, 1, "Address already in use"},
};

/// A folder with the files that the cases name, and a port that is taken.
struct Scene {
    std::string path = "/tmp/cl-bad-XXXXXX";
    int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    std::string port;

    Scene() {
        BOOST_REQUIRE(::mkdtemp(path.data()) != nullptr);
        write("malformed.toml", "description = \"x\"\n= 1\n");
        write("unknown.toml", "description = \"x\"\n[atr]\nprotocolls = [\"T=1\"]\n[witness]\n");
        write("text", "not a program\n");
        fs::create_directory(path + "/folder.toml");
        fs::create_directory(path + "/damaged");
        write("damaged/0-piv.toml", "half a li");
        fs::create_directory(path + "/stacks");
        // A build tree like ours, but with a text in place of the driver.
        fs::create_directories(path + "/broken/lib");
        fs::create_symlink(CARDLATCH_BUILD "/bin", path + "/broken/bin");
        for (const std::string part : {"libcardlatch-pcscd-shim.so", "libcardlatch-hosted.so"}) {
            fs::create_symlink(CARDLATCH_BUILD "/lib/" + part, path + "/broken/lib/" + part);
        }
        write("broken/lib/libifdcardlatch.so", "not a library\n");
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        BOOST_REQUIRE(::bind(listener, reinterpret_cast<sockaddr*>(&address), size) == 0);
        BOOST_REQUIRE(::listen(listener, 1) == 0);
        BOOST_REQUIRE(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) == 0);
        port = std::to_string(ntohs(address.sin_port));
    }
    ~Scene() {
        ::close(listener);
        std::error_code ignored;
        fs::remove_all(path, ignored);
    }
    void write(const std::string& name, const std::string& text) const {
        std::ofstream(path + "/" + name) << text;
    }

    [[nodiscard]] std::string resolve(std::string text) const {
        for (const auto& [mark, value] : {std::pair<char, std::string>{'@', path}, {'%', port}}) {
            if (const auto at = text.find(mark); at != std::string::npos) {
                text.replace(at, 1, value);
            }
        }
        return text;
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(bad_input)

BOOST_DATA_TEST_CASE(is_answered_with_one_clear_line, data::make(k_cases), c) {
    const Scene scene;
    std::vector<std::string> command{cardlatch_command()};
    for (const auto& argument : c.arguments) {
        command.push_back(scene.resolve(argument));
    }
    ChildOptions options;
    options.environment = {{"TMPDIR", scene.path + "/stacks"}};
    for (const auto& [key, value] : c.environment) {
        options.environment.emplace_back(key, scene.resolve(value));
    }
    const auto outcome = run(command, options);
    BOOST_TEST_CONTEXT("standard error: " << outcome.err) {
        BOOST_TEST(outcome.exit_code == c.exit_code);
        BOOST_TEST(outcome.err.find(scene.resolve(c.message)) != std::string::npos);
        BOOST_TEST(outcome.out == "");
        if (c.exit_code != 2 ||
            outcome.err.starts_with("cardlatch: ")) { // CLI11 adds a line that names --help
            BOOST_TEST(std::count(outcome.err.begin(), outcome.err.end(), '\n') == 1);
        }
    }
    BOOST_TEST(fs::is_empty(scene.path + "/stacks"));
}

BOOST_AUTO_TEST_CASE(damaged_state_is_left_as_it_was) {
    const Scene scene;
    const auto outcome = cardlatch_run({"--state", scene.path + "/damaged"}, {"true"});
    BOOST_TEST(outcome.exit_code == 125);
    std::ifstream file(scene.path + "/damaged/0-piv.toml");
    BOOST_TEST(std::string((std::istreambuf_iterator<char>(file)), {}) == "half a li");
}

BOOST_AUTO_TEST_CASE(no_permission_for_the_folder_of_stacks_is_a_clear_error) {
    if (::geteuid() != 0) {
        BOOST_TEST_MESSAGE("skipped: needs root to become a user without permissions");
        return;
    }
    const Scene scene; // owned by root
    const auto staged = fs::path(cardlatch_command());
    ::chmod(scene.path.c_str(), 0755);
    const auto outcome =
        run({staged.native(), "run", "--", "true"},
            {.environment = {{"TMPDIR", scene.path + "/stacks"}}, .input = {}, .user = 65534});
    if (outcome.exit_code == 127) {
        BOOST_TEST_MESSAGE("skipped: the build tree cannot be read by other users");
        return;
    }
    BOOST_TEST(outcome.exit_code == 125);
    BOOST_TEST(outcome.err.find("Permission denied") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
