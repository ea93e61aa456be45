// The PC/SC client behind cardlatch::harness::Observer: reports what clients see of the readers, one JSON
// object per line on descriptor 3, and takes requests there. Ends when pcscd or its owner does.

#include <cardlatch/base/bytes.hpp>
#include <cardlatch/base/result.hpp>
#include <cardlatch/pcsc/card.hpp>
#include <cardlatch/pcsc/context.hpp>
#include <cardlatch/pcsc/error.hpp>
#include <cardlatch/pcsc/reader.hpp>
#include <cardlatch/pcsc/reader_state.hpp>

#include <boost/json.hpp>
#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace {

namespace json = boost::json;
using namespace cardlatch;

constexpr int k_channel = 3;
// Changes come by themselves; these bound one call, after which the list of readers is read again. pcsc-lite
// compares the number of readers with the one at the call, so a reader that comes between our list and the
// call is no news to it.
constexpr std::chrono::milliseconds k_wait_after_news{100};
constexpr std::chrono::seconds k_long_wait{2};
constexpr auto k_short_pause = std::chrono::milliseconds(100);

/// Writes whole lines from both threads.
class Channel {
  public:
    bool send(const json::object& message) {
        const auto line = json::serialize(message) + "\n";
        const std::lock_guard lock(mutex_);
        std::size_t done = 0;
        while (done < line.size()) {
            const auto count = ::send(k_channel, line.data() + done, line.size() - done, MSG_NOSIGNAL);
            if (count < 0 && errno != EINTR) {
                return false;
            }
            done += count > 0 ? static_cast<std::size_t>(count) : 0;
        }
        return true;
    }

  private:
    std::mutex mutex_;
};

/// The queues that users of lib/pcsc make before the stack's readers. A user that leaves removes them; one
/// that is killed cannot, and the kernel keeps them when the stack is gone.
class Queues {
  public:
    /// Queues are found by the socket's path, which is known while pcscd runs.
    void note(const pcsc::Reader& reader) {
        (void)reader.lock_queue();
        const std::lock_guard lock(mutex_);
        const bool known =
            std::any_of(readers_.begin(), readers_.end(),
                        [&reader](const pcsc::Reader& other) { return other.name() == reader.name(); });
        if (!known) {
            readers_.push_back(reader);
        }
    }

    void remove() {
        const std::lock_guard lock(mutex_);
        for (const auto& reader : readers_) {
            reader.remove_lock_queue();
        }
    }

  private:
    std::mutex mutex_;
    std::vector<pcsc::Reader> readers_;
};

Queues& queues() {
    static auto& instance = *new Queues; // any thread may be the one that ends the process
    return instance;
}

/// Other threads may wait in pcscd, so nothing is destroyed.
[[noreturn]] void leave(int code) {
    queues().remove();
    ::_exit(code);
}

const char* word_for(const pcsc::ReaderState& state) {
    if (state.mute()) {
        return "mute";
    }
    if (state.card_present()) {
        return "present";
    }
    return state.empty() ? "empty" : "unavailable";
}

/// What clients see, as it was told last.
struct Told {
    json::array views{nullptr}; // equal to no list of views
    unsigned failures = 0;      ///< since then
};

/// Reports every change as one client, until that one fails or the owner is gone. Returns why.
std::string watch(Channel& channel, const pcsc::Context& context, Told& told) {
    std::vector<pcsc::ReaderState> known;
    bool with_list = true;
    bool news = true;
    for (;;) {
        const auto readers = context.readers();
        if (!readers) {
            return readers.assume_error().message();
        }
        std::vector<pcsc::ReaderState> states;
        for (const auto& reader : readers.assume_value()) {
            pcsc::ReaderState state;
            state.name = reader.name();
            for (const auto& old : known) {
                if (old.name == state.name) {
                    state = old;
                }
            }
            states.push_back(std::move(state));
            queues().note(reader);
        }
        // One that has gone is news of its own, which no other reader's change would bring.
        const bool gone = std::any_of(known.begin(), known.end(), [&states](const auto& old) {
            return std::none_of(states.begin(), states.end(),
                                [&old](const auto& state) { return state.name == old.name; });
        });
        std::chrono::milliseconds patience = news ? k_wait_after_news : k_long_wait;
        if (gone) {
            patience = std::chrono::milliseconds(0);
        }
        news = false;
        const std::size_t count = states.size();
        if (with_list) {
            pcsc::ReaderState list;
            list.name = pcsc::k_reader_list;
            states.push_back(list);
        }
        const auto waited = context.wait_for_change(states, std::chrono::steady_clock::now() + patience);
        if (!waited && waited.assume_error().code == pcsc::Errc::unknown_reader) {
            known.clear(); // a reader went away between listing and waiting
            continue;
        }
        if (!waited && waited.assume_error().code == pcsc::Errc::invalid_parameter && with_list) {
            // pcsc-lite before 2.5 watches 16 names. With 16 readers there the list can only shrink, and
            // that is seen of the reader that leaves.
            with_list = false;
            continue;
        }
        with_list = true;
        if (!waited && waited.assume_error().code != pcsc::Errc::timeout) {
            return waited.assume_error().message();
        }
        states.resize(count);
        json::array views;
        for (const auto& state : states) {
            views.push_back(json::object{{"name", state.name},
                                         {"state", word_for(state)},
                                         {"atr", to_hex(state.atr)},
                                         {"events", state.event_count()}});
        }
        known = std::move(states);
        told.failures = 0;
        if (views == told.views) {
            // pcscd answers at once, for ever, about a reader whose driver could not be loaded.
            std::this_thread::sleep_for(k_short_pause);
            continue;
        }
        if (!channel.send({{"readers", views}})) {
            leave(EXIT_SUCCESS); // the owner has gone
        }
        told.views = std::move(views);
        news = true;
    }
}

/// Watches until pcscd has ended. Returns why. A client that fails while pcscd lives is replaced by a new
/// one: libpcsclite 2.5 loses its place in what pcscd says.
std::string watch(Channel& channel) {
    constexpr unsigned k_failures = 100;
    Told told;
    for (;;) {
        const auto context = pcsc::Context::establish();
        if (!context) {
            return context.assume_error().message();
        }
        auto reason = watch(channel, context.assume_value(), told);
        if (++told.failures == k_failures) {
            return reason;
        }
        fmt::print(stderr, "cardlatch-observer: {}; once more\n", reason);
        static_cast<void>(std::fflush(stderr));
        std::this_thread::sleep_for(k_short_pause);
    }
}

/// Connects as one more client and leaves with a reset.
Result<void> reset_card(const std::string& reader) {
    BOOST_OUTCOME_TRY(const auto context, pcsc::Context::establish());
    BOOST_OUTCOME_TRY(auto card, context.reader(reader).connect());
    return card.disconnect(pcsc::Disposition::reset);
}

/// Takes the card as one more client and gives it back as it was.
Result<void> acquire_card(const std::string& reader) {
    BOOST_OUTCOME_TRY(const auto context, pcsc::Context::establish());
    BOOST_OUTCOME_TRY(auto card, context.reader(reader).connect());
    BOOST_OUTCOME_TRY(auto lock, card.lock());
    return lock.unlock();
}

void answer(Channel& channel, const std::string& line) {
    boost::system::error_code error;
    const auto value = json::parse(line, error);
    if (error || !value.is_object()) {
        return;
    }
    const auto& request = value.as_object();
    const auto* id = request.if_contains("id");
    const auto* action = request.if_contains("do");
    const auto* reader = request.if_contains("reader");
    if (id == nullptr || action == nullptr || reader == nullptr || !reader->is_string()) {
        return;
    }
    // A thread each, because connecting waits for as long as some client holds the card.
    std::thread([&channel, id = *id, act = *action == "reset" ? reset_card : acquire_card,
                 name = std::string(reader->as_string())] {
        const auto result = act(name);
        if (result) {
            channel.send({{"id", id}, {"error", ""}});
        } else {
            const bool busy = result.assume_error().code == std::errc::device_or_resource_busy;
            channel.send({{"id", id}, {"error", result.assume_error().message()}, {"busy", busy}});
        }
    }).detach();
}

void serve_requests(Channel& channel) {
    std::string pending;
    std::array<char, 4096> chunk{};
    for (;;) {
        const auto count = ::read(k_channel, chunk.data(), chunk.size());
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            leave(EXIT_SUCCESS); // the owner has gone
        }
        pending.append(chunk.data(), static_cast<std::size_t>(count));
        for (auto end = pending.find('\n'); end != std::string::npos; end = pending.find('\n')) {
            answer(channel, pending.substr(0, end));
            pending.erase(0, end + 1);
        }
    }
}

} // namespace

int main() {
    // What the kernel sends when the thread that owns the stack ends.
    static sigset_t ending; // outlives the detached threads, as the channel does
    sigemptyset(&ending);
    sigaddset(&ending, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &ending, nullptr);
    std::thread([] {
        int signal = 0;
        sigwait(&ending, &signal);
        leave(EXIT_SUCCESS);
    }).detach();
    static Channel channel;
    std::thread([] { serve_requests(channel); }).detach();
    const auto reason = watch(channel);
    fmt::print(stderr, "cardlatch-observer: {}\n", reason);
    static_cast<void>(std::fflush(stderr));
    leave(EXIT_FAILURE);
}
