#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#ifdef _WIN32
#include <random>
#endif
#include <stdexcept>
#include <string>
#include <string_view>

namespace cardlatch::test {

/// A folder of its own for one test, removed with everything in it.
class TemporaryFolder {
  public:
    TemporaryFolder() {
#ifdef _WIN32
        std::random_device random;
        path_ = std::filesystem::temp_directory_path() / ("cardlatch-test-" + std::to_string(random()));
        std::filesystem::create_directory(path_);
#else
        auto name = (std::filesystem::temp_directory_path() / "cardlatch-test-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) {
            throw std::runtime_error("cannot make a folder in " + name);
        }
        path_ = name;
#endif
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    ~TemporaryFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }

    [[nodiscard]] const std::filesystem::path& path() const {
        return path_;
    }

    /// Writes a file in the folder and returns its path.
    [[nodiscard]] std::filesystem::path write(std::string_view name, std::string_view text) const {
        const auto file = path_ / name;
        std::ofstream(file, std::ios::binary) << text;
        return file;
    }

  private:
    std::filesystem::path path_;
};

/// The whole content of a file, empty if it cannot be read.
inline std::string read_file(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

} // namespace cardlatch::test
