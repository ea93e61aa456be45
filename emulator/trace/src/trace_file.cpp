#include "chrome_writer.hpp"
#include "dialogue_writer.hpp"
#include "pcapng_writer.hpp"

#include <cardlatch/base/unique_fd.hpp>
#include <cardlatch/trace/trace_file.hpp>

#include <cerrno>
#include <fcntl.h>
#include <map>
#include <mutex>
#include <optional>

namespace cardlatch::trace {

namespace {

constexpr std::size_t k_buffer = std::size_t{64} * 1024;

/// A file behind a buffer; the first error ends the writing.
class FileOutput : public Output {
  public:
    FileOutput(UniqueFd fd, std::string name)
        : fd_(std::move(fd))
        , name_(std::move(name)) {
        buffer_.reserve(k_buffer);
    }
    ~FileOutput() override { wipe(buffer_); }

    void write(ByteView bytes) override {
        if (buffer_.size() + bytes.size() > k_buffer) {
            flush();
        }
        if (bytes.size() > k_buffer) {
            write_out(bytes);
        } else {
            buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
        }
    }

    Result<void> close() {
        flush();
        if (fd_ && ::close(fd_.release()) != 0 && !error_) {
            error_ = last_system_error("trace " + name_);
        }
        return error_ ? Result<void>(*error_) : ok();
    }

  private:
    void flush() {
        write_out(buffer_);
        wipe(buffer_);
        buffer_.clear();
    }

    void write_out(ByteView bytes) {
        while (!bytes.empty() && !error_) {
            const auto count = ::write(fd_.get(), bytes.data(), bytes.size());
            if (count < 0 && errno != EINTR) {
                error_ = last_system_error("trace " + name_);
            } else if (count > 0) {
                bytes = bytes.subspan(static_cast<std::size_t>(count));
            }
        }
    }

    UniqueFd fd_;
    std::string name_;
    Bytes buffer_;
    std::optional<Error> error_;
};

} // namespace

Result<Format> format_of(const std::filesystem::path& file) {
    const auto extension = file.extension();
    if (extension == ".pcapng") {
        return Format::pcapng;
    }
    if (extension == ".json") {
        return Format::chrome;
    }
    if (extension == ".apdu") {
        return Format::apdu;
    }
    return fail(std::errc::invalid_argument,
                "trace " + file.string() +
                    ": the name tells the format and ends in .pcapng (Wireshark), .json (Perfetto) or .apdu "
                    "(dialogue); or say --trace-format");
}

class TraceFile::Impl {
  public:
    Impl(UniqueFd fd, std::string name, Format format, Secrets secrets)
        : output_(std::move(fd), std::move(name))
        , secrets_(secrets) {
        switch (format) {
        case Format::pcapng:
            writer_ = make_pcapng_writer(output_);
            break;
        case Format::chrome:
            writer_ = make_chrome_writer(output_);
            break;
        case Format::apdu:
            writer_ = make_dialogue_writer(output_);
            break;
        }
    }

    void record(const Event& event) {
        const std::lock_guard lock(mutex_);
        if (closed_) {
            return;
        }
        SecretBytes secret;
        if (secrets_ == Secrets::masked) {
            auto& mask = masks_[event.reader];
            if (event.what == What::exchange) {
                secret = mask.examine(event.command, event.response);
            } else if (event.what != What::lock && event.what != What::lock_wait &&
                       event.what != What::note) {
                mask.reset();
            }
        }
        writer_->write(event, secret);
    }

    Result<void> close() {
        const std::lock_guard lock(mutex_);
        if (!closed_) {
            closed_ = true;
            writer_->finish();
        }
        return output_.close();
    }

  private:
    std::mutex mutex_;
    FileOutput output_;
    Secrets secrets_;
    std::unique_ptr<Writer> writer_;
    std::map<std::string, SecretMask> masks_; ///< by reader
    bool closed_ = false;
};

TraceFile::TraceFile(std::unique_ptr<Impl> impl)
    : impl_(std::move(impl)) {}

TraceFile::~TraceFile() {
    static_cast<void>(impl_->close()); // who wants to know calls close()
}

Result<std::shared_ptr<TraceFile>> TraceFile::create(const std::filesystem::path& file, Format format,
                                                     Secrets secrets) {
    UniqueFd fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!fd) {
        return last_system_error("trace " + file.string());
    }
    return on(std::move(fd), file.string(), format, secrets);
}

std::shared_ptr<TraceFile> TraceFile::on(UniqueFd fd, const std::string& name, Format format,
                                         Secrets secrets) {
    return std::shared_ptr<TraceFile>(
        new TraceFile(std::make_unique<Impl>(std::move(fd), name, format, secrets)));
}

void TraceFile::record(const Event& event) {
    impl_->record(event);
}

Result<void> TraceFile::close() {
    return impl_->close();
}

} // namespace cardlatch::trace
