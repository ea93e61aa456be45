#include "chrome_writer.hpp"

#include <cardlatch/trace/instruction.hpp>

#include <fmt/format.h>

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

namespace cardlatch::trace {

namespace {

/// Bytes of the UTF-8 character that `text` begins with; 0 when it begins with none.
std::size_t character_length(std::string_view text) {
    const auto first = static_cast<unsigned char>(text.front());
    const std::size_t length = first < 0x80U                     ? 1
                               : first >= 0xC2U && first < 0xE0U ? 2
                               : first >= 0xE0U && first < 0xF0U ? 3
                               : first >= 0xF0U && first < 0xF5U ? 4
                                                                 : 0;
    for (std::size_t i = 1; i < length; ++i) {
        if (i >= text.size() || (static_cast<unsigned char>(text[i]) & 0xC0U) != 0x80U) {
            return 0;
        }
    }
    return length;
}

/// A JSON string; bytes that are no UTF-8, in the name of a file for one, become question marks.
std::string json_text(std::string_view text) {
    std::string out = "\"";
    while (!text.empty()) {
        const auto length = character_length(text);
        const char c = text.front();
        if (length == 0) {
            out += '?';
        } else if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (static_cast<unsigned char>(c) < 0x20U) {
            out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
        } else {
            out += text.substr(0, length);
        }
        text.remove_prefix(length == 0 ? 1 : length);
    }
    return out + '"';
}

constexpr int k_readers = 1; // the "processes" of the trace
constexpr int k_clients = 2;

class ChromeWriter : public Writer {
  public:
    explicit ChromeWriter(Output& output)
        : output_(output) {
        output_.write("[\n");
        put(meta(k_readers, 0, "process_name", "readers"));
        put(meta(k_clients, 0, "process_name", "clients that wait for a reader"));
    }

    void write(const Event& event, const SecretBytes& secret) override {
        const auto reader = row(k_readers, event.reader.empty() ? "stack" : event.reader);
        switch (event.what) {
        case What::exchange: {
            const auto response = masked_hex(event.response, 0, secret.response_end, "**");
            put(slice(event, k_readers, reader, instruction_name(event.command), "apdu",
                      fmt::format(R"("command":{},"response":{},"sw":{})",
                                  json_text(masked_hex(event.command, secret.command_begin,
                                                       secret.command_end, "**")),
                                  json_text(response), json_text(status_word(event.response)))));
            break;
        }
        case What::lock:
            put(slice(event, k_readers, reader, "locked by " + event.who, "lock",
                      "\"client\":" + json_text(event.who)));
            break;
        case What::lock_wait:
            put(slice(event, k_clients, row(k_clients, event.who), "waits for " + event.reader, "lock",
                      "\"reader\":" + json_text(event.reader)));
            break;
        case What::cold_reset:
        case What::warm_reset:
            put(instant(event, reader, event.what == What::cold_reset ? "cold reset" : "warm reset",
                        "\"atr\":" + json_text(to_hex(event.response, " "))));
            break;
        case What::inserted:
            put(instant(event, reader, "inserted", "\"card\":" + json_text(event.detail)));
            break;
        case What::removed:
            put(instant(event, reader, "removed", ""));
            break;
        case What::power_off:
            put(instant(event, reader, "power off", ""));
            break;
        case What::pin_entry:
            put(slice(event, k_readers, reader, "PIN pad", "pin", "\"outcome\":" + json_text(event.detail)));
            break;
        case What::note:
            put(instant(event, reader, event.detail, ""));
            break;
        }
    }

    void finish() override { output_.write("\n]\n"); }

  private:
    static double us(Clock::duration duration) {
        return std::chrono::duration<double, std::micro>(duration).count();
    }

    static std::string status_word(ByteView response) {
        return response.size() < 2 ? "none" : to_hex(response.subspan(response.size() - 2));
    }

    static std::string meta(int process, std::size_t thread, std::string_view what, std::string_view name) {
        return fmt::format(R"({{"ph":"M","pid":{},"tid":{},"name":"{}","args":{{"name":{}}}}})", process,
                           thread, what, json_text(name));
    }

    /// Time starts with the first event: Chrome's own clock does not begin in 1970 either.
    double since_start(Clock::time_point when) {
        if (!started_) {
            start_ = when;
            started_ = true;
        }
        return us(when - start_);
    }

    std::string slice(const Event& event, int process, std::size_t thread, std::string_view name,
                      std::string_view category, std::string_view arguments) {
        return fmt::format(
            R"({{"ph":"X","pid":{},"tid":{},"ts":{:.3f},"dur":{:.3f},"cat":"{}","name":{},"args":{{{}}}}})",
            process, thread, since_start(event.begin), us(event.end - event.begin), category, json_text(name),
            arguments);
    }

    std::string instant(const Event& event, std::size_t thread, std::string_view name,
                        std::string_view arguments) {
        return fmt::format(
            R"({{"ph":"i","s":"t","pid":{},"tid":{},"ts":{:.3f},"cat":"reader","name":{},"args":{{{}}}}})",
            k_readers, thread, since_start(event.begin), json_text(name), arguments);
    }

    std::size_t row(int process, const std::string& name) {
        const auto [at, fresh] = rows_.try_emplace({process, name}, rows_.size() + 1);
        if (fresh) {
            put(meta(process, at->second, "thread_name", name));
        }
        return at->second;
    }

    void put(std::string_view object) {
        output_.write(first_ ? "" : ",\n");
        first_ = false;
        output_.write(object);
    }

    Output& output_;
    std::map<std::pair<int, std::string>, std::size_t> rows_;
    bool first_ = true;
    bool started_ = false;
    Clock::time_point start_;
};

} // namespace

std::unique_ptr<Writer> make_chrome_writer(Output& output) {
    return std::make_unique<ChromeWriter>(output);
}

} // namespace cardlatch::trace
