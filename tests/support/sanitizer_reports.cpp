// sanitizer_reports FOLDER: shows what sanitizers wrote there, fails when that is anything, and empties the
// folder for the next run. The last test of a sanitizer's build: pcscd and other processes in the background
// report to nobody otherwise.

#include "pcscd_watch.hpp"

#include <cstdio>
#include <cstdlib>
#include <filesystem>

int main(int argc, char** argv) {
    if (argc != 2) {
        (void)std::fputs("usage: sanitizer_reports FOLDER\n", stderr);
        return EXIT_FAILURE;
    }
    const std::filesystem::path folder = argv[1];
    const auto text = cardlatch::test::reports_in(folder);
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
    std::filesystem::create_directories(folder, ignored);
    (void)std::fputs(text.empty() ? "no report\n" : text.c_str(), stdout);
    return text.empty() ? EXIT_SUCCESS : EXIT_FAILURE;
}
