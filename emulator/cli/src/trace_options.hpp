#pragma once

#include <cardlatch/base/result.hpp>
#include <cardlatch/trace/trace_file.hpp>

#include <CLI/CLI.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace cardlatch::cli {

/// --trace and what belongs to it, for every command that has cards.
class TraceOptions {
  public:
    void add_to(CLI::App& app);

    /// The files that were asked for as one sink; null when none was.
    /// Errors: invalid_argument for a name that tells no format; the system's.
    Result<std::shared_ptr<trace::Sink>> open();

    /// Completes the files. Returns `code`, or 125 with a complaint when a trace could not be written.
    int close(int code);

  private:
    std::vector<std::string> names_;
    std::optional<trace::Format> format_;
    bool show_secrets_ = false;
    std::vector<std::shared_ptr<trace::TraceFile>> files_;
};

} // namespace cardlatch::cli
