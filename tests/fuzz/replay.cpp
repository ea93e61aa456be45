// Runs every input of the corpus once through its target, without a fuzzer: an ordinary test.
//   fuzz_replay FOLDER      FOLDER holds one folder of inputs per target

#include "targets.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

int main(int argc, char** argv) {
    namespace fs = std::filesystem;
    if (argc != 2) {
        std::fputs("usage: fuzz_replay FOLDER\n", stderr);
        return 2;
    }
    for (const auto& target : cardlatch::fuzz::targets()) {
        std::size_t count = 0;
        for (const auto& entry : fs::directory_iterator(fs::path(argv[1]) / target.name)) {
            std::ifstream file(entry.path(), std::ios::binary);
            const std::vector<char> bytes(std::istreambuf_iterator<char>(file), {});
            const cardlatch::Bytes input(bytes.begin(), bytes.end());
            // Cut at every byte as well: a peer may die between any two.
            const std::size_t cuts = std::min<std::size_t>(input.size(), 64);
            for (std::size_t size = 0; size <= cuts; ++size) {
                target.run(cardlatch::ByteView(input).first(size));
            }
            target.run(input);
            ++count;
        }
        std::printf("%s: %zu inputs\n", target.name, count);
        if (count == 0) {
            std::fputs("no corpus\n", stderr);
            return 1;
        }
    }
    return 0;
}
