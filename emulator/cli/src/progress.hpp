#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace cardlatch::cli {

/// Long work on standard error: on a terminal one line that moves, otherwise one plain line per piece of work
/// when it begins. Nothing at all while `quiet`.
class Progress {
  public:
    /// `verb` begins every line: "generating".
    Progress(std::string verb, bool quiet);

    void begin(std::string_view what);
    /// The work goes on; may be called as often as one likes.
    void working();
    void done();

  private:
    using Clock = std::chrono::steady_clock;
    void draw();

    std::string verb_;
    bool quiet_;
    bool terminal_;
    std::string what_;
    Clock::time_point began_;
    Clock::time_point drawn_;
    unsigned turns_ = 0;
};

} // namespace cardlatch::cli
