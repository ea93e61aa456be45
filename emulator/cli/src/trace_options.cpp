#include "trace_options.hpp"

#include "command.hpp"

#include <map>

namespace cardlatch::cli {

namespace {

const std::map<std::string, trace::Format> k_formats{
    {"pcapng", trace::Format::pcapng}, {"chrome", trace::Format::chrome}, {"apdu", trace::Format::apdu}};

/// Several traces of the same events.
class Tee : public trace::Sink {
  public:
    explicit Tee(std::vector<std::shared_ptr<trace::TraceFile>> files)
        : files_(std::move(files)) {}
    void record(const trace::Event& event) override {
        for (const auto& file : files_) {
            file->record(event);
        }
    }

  private:
    std::vector<std::shared_ptr<trace::TraceFile>> files_;
};

} // namespace

void TraceOptions::add_to(CLI::App& app) {
    app.add_option("--trace", names_,
                   "File for a trace: .pcapng for Wireshark, .json for Perfetto, .apdu to replay; repeatable")
        ->type_name("FILE");
    app.add_option("--trace-format", format_, "Format of the traces, whatever the files are called")
        ->transform(CLI::CheckedTransformer(k_formats))
        ->option_text("pcapng|chrome|apdu");
    app.add_flag("--show-secrets", show_secrets_, "Do not mask PINs and keys in traces");
}

Result<std::shared_ptr<trace::Sink>> TraceOptions::open() {
    const auto secrets = show_secrets_ ? trace::Secrets::shown : trace::Secrets::masked;
    for (const auto& name : names_) {
        auto format = format_ ? Result<trace::Format>(*format_) : trace::format_of(name);
        if (!format) {
            return format.assume_error();
        }
        BOOST_OUTCOME_TRY(auto file, trace::TraceFile::create(name, format.assume_value(), secrets));
        files_.push_back(std::move(file));
    }
    if (files_.empty()) {
        return std::shared_ptr<trace::Sink>();
    }
    return std::shared_ptr<trace::Sink>(std::make_shared<Tee>(files_));
}

int TraceOptions::close(int code) {
    for (const auto& file : files_) {
        if (const auto closed = file->close(); !closed) {
            code = complain(closed.assume_error(), k_own_failure);
        }
    }
    return code;
}

} // namespace cardlatch::cli
