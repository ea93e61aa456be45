// bench_stopwatch: a PC/SC client that measures on demand. It reads one order per line from standard input
// and answers each with one line of JSON, so that bench.py can give several of them, in several stacks, their
// turns:
//
//   transmit WARM-UP COUNT   {"ns": [COUNT round trips]}; the card is connected, and locked while this lasts
//   insert DELAY-US          {"ns": [time]}; takes the card out, and puts it back after the delay
//   link                     {"link": "vpcd://..."}; where another card may connect
//
// What fails becomes {"error": "..."} and ends the program. Times are of CLOCK_MONOTONIC, in nanoseconds.

#include <cardlatch/harness/control.hpp>
#include <cardlatch/pcsc/card.hpp>
#include <cardlatch/pcsc/context.hpp>
#include <cardlatch/pcsc/error.hpp>

#include <boost/json.hpp>
#include <fmt/format.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <future>
#include <iostream>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <winscard.h>

using namespace cardlatch;
namespace json = boost::json;
using Clock = std::chrono::steady_clock;

namespace {

constexpr std::chrono::seconds k_patience{20};

/// SELECT the MF, no response data wanted: 9000 from every card here, and the null driver's answer too.
/// Source: ISO/IEC 7816-4 §11.2.2.
constexpr std::array<std::uint8_t, 7> k_select_mf = {0x00, 0xA4, 0x00, 0x0C, 0x02, 0x3F, 0x00};

std::int64_t nanoseconds(Clock::duration duration) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(duration).count();
}

/// Waits until `wanted` holds for `state`. Errors: no_such_device for a reader that pcscd could not start or
/// has lost, and those of Context::wait_for_change.
template <class Predicate>
Result<void> wait_until(const pcsc::Context& context, pcsc::ReaderState& state, Predicate wanted) {
    const auto deadline = Clock::now() + k_patience;
    while (!wanted(state)) {
        BOOST_OUTCOME_TRY(context.wait_for_change({&state, 1}, deadline));
        // pcscd 1.9.9 lists a reader whose driver it could not load, in no state at all.
        if (!state.empty() && !state.card_present()) {
            return fail(std::errc::no_such_device, fmt::format("reader \"{}\" does not work", state.name));
        }
    }
    return ok();
}

/// The first reader, and the connection to the card in it once one is needed.
class Stopwatch {
  public:
    static Result<Stopwatch> start() {
        BOOST_OUTCOME_TRY(auto context, pcsc::Context::establish());
        BOOST_OUTCOME_TRY(const auto readers, context.readers());
        if (readers.empty()) {
            return fail(std::errc::no_such_device, "no reader");
        }
        return Stopwatch(std::move(context), readers.front().name());
    }

    /// The answer to one order.
    Result<json::object> obey(const std::string& line) {
        std::istringstream order(line);
        std::string word;
        order >> word;
        if (word == "transmit") {
            unsigned warm_up = 0;
            unsigned count = 0;
            order >> warm_up >> count;
            return transmit(warm_up, count);
        }
        if (word == "insert") {
            std::int64_t delay_us = 0;
            order >> delay_us;
            return insert(std::chrono::microseconds(delay_us));
        }
        if (word == "link") {
            BOOST_OUTCOME_TRY(const auto status, control("status"));
            return json::object{{"link", status.at("slots").at(0).at("link")}};
        }
        return fail(std::errc::invalid_argument, "no such order: " + line);
    }

  private:
    Stopwatch(pcsc::Context context, std::string reader)
        : context_(std::move(context))
        , reader_(std::move(reader)) {}

    static Result<json::value> control(const std::string& method) {
        const char* socket = std::getenv("CARDLATCH_CONTROL");
        if (socket == nullptr) {
            return fail(std::errc::not_supported, "no control in this stack");
        }
        const bool of_slot = method != "status";
        return harness::control_call(socket, method, of_slot ? json::object{{"slot", 0}} : json::object{});
    }

    Result<void> connect() {
        if (!card_) {
            pcsc::ReaderState state{.name = reader_, .flags = 0, .atr = {}};
            BOOST_OUTCOME_TRY(wait_until(context_, state, [](const auto& s) { return s.card_present(); }));
            BOOST_OUTCOME_TRY(card_, context_.reader(reader_).connect());
        }
        return ok();
    }

    /// One SCardTransmit, from before the call until after its return.
    Result<std::int64_t> time_transmit() {
        std::array<std::uint8_t, 258> response{};
        DWORD size = response.size();
        const SCARD_IO_REQUEST pci{static_cast<unsigned long>(card_->active_protocol()), sizeof pci};
        const auto handle = static_cast<SCARDHANDLE>(card_->native_handle());
        const auto start = Clock::now();
        const auto code = ::SCardTransmit(handle, &pci, k_select_mf.data(), k_select_mf.size(), nullptr,
                                          response.data(), &size);
        const auto end = Clock::now();
        if (code != SCARD_S_SUCCESS || size != 2 || response[0] != 0x90 || response[1] != 0x00) {
            return fail(std::errc::io_error,
                        fmt::format("SELECT MF: {} ({:#x}), {} bytes, {:02X}{:02X}",
                                    ::pcsc_stringify_error(code), code, size, response[0], response[1]));
        }
        return nanoseconds(end - start);
    }

    Result<json::object> transmit(unsigned warm_up, unsigned count) {
        BOOST_OUTCOME_TRY(connect());
        BOOST_OUTCOME_TRY(auto lock, card_->lock());
        for (unsigned i = 0; i < warm_up; ++i) {
            BOOST_OUTCOME_TRY(time_transmit());
        }
        json::array times;
        times.reserve(count);
        for (unsigned i = 0; i < count; ++i) {
            BOOST_OUTCOME_TRY(const auto time, time_transmit());
            times.emplace_back(time);
        }
        BOOST_OUTCOME_TRY(lock.unlock());
        return json::object{{"ns", std::move(times)}};
    }

    /// From before the request to the control socket until SCardGetStatusChange, which waits since well
    /// before, returns with the card. The control's own answer, which waits for the observer, is not in it.
    Result<json::object> insert(std::chrono::microseconds delay) {
        BOOST_OUTCOME_TRY(auto state, context_.reader(reader_).state());
        if (state.card_present()) {
            BOOST_OUTCOME_TRY(control("remove"));
            BOOST_OUTCOME_TRY(wait_until(context_, state, [](const auto& s) { return s.empty(); }));
        }
        auto seen = std::async(std::launch::async, [this, &state]() -> Result<Clock::time_point> {
            BOOST_OUTCOME_TRY(wait_until(context_, state, [](const auto& s) { return s.card_present(); }));
            return Clock::now();
        });
        // A poll's phase follows from the removal: only a random pause before the insertion samples all of
        // it.
        std::this_thread::sleep_for(delay);
        const auto start = Clock::now();
        const auto inserted = control("insert");
        const auto end = seen.get();
        BOOST_OUTCOME_TRY(inserted);
        BOOST_OUTCOME_TRY(const auto time, end);
        return json::object{{"ns", json::array{nanoseconds(time - start)}}};
    }

    pcsc::Context context_;
    std::string reader_;
    std::optional<pcsc::Card> card_;
};

int complain(const Error& error) {
    std::cout << json::object{{"error", error.message()}} << std::endl;
    return EXIT_FAILURE;
}

} // namespace

int main() {
    auto stopwatch = Stopwatch::start();
    if (!stopwatch) {
        return complain(stopwatch.assume_error());
    }
    for (std::string line; std::getline(std::cin, line);) {
        const auto answer = stopwatch.assume_value().obey(line);
        if (!answer) {
            return complain(answer.assume_error());
        }
        std::cout << answer.assume_value() << std::endl;
    }
    return EXIT_SUCCESS;
}
