// The life of a participant: orders come over a socket, each is done by the thread it names, and answered.

#include "actor_calls.hpp"
#include "contention_worker.hpp"
#include "library_calls.hpp"
#include "message.hpp"
#include "order.hpp"

#include <cardlatch/card/witness.hpp>
#include <cardlatch/lockcheck/suite.hpp>

#include <atomic>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

namespace cardlatch::lockcheck {

namespace {

namespace witness = card::witness;

/// How many operations "work" and "look" are.
constexpr int k_operations = 20;
/// A forked child that nobody ends does so itself, in seconds.
constexpr unsigned k_child_life_s = 300;

class Actor {
  public:
    explicit Actor(int fd)
        : fd_(fd) {}

    int run() {
        while (auto message = receive_message(fd_)) {
            const Order order(message->text);
            if (order.verb == "quit") {
                library_.close();
                calls_.close();
                send_message(fd_,
                             {.id = message->id, .text = {}}); // the rest is nobody's business: it is killed
                continue;
            }
            if (order.verb == "exit") {
                ::_exit(0);
            }
            if (order.verb == "halt") {
                halt_ = true;
                continue;
            }
            lane(message->lane).push(std::move(*message));
        }
        ::_exit(0); // the suite is gone
    }

  private:
    /// One thread with its orders.
    class Lane {
      public:
        explicit Lane(const std::function<void(const Message&)>& work)
            : thread_([this, work] {
                for (;;) {
                    std::unique_lock lock(mutex_);
                    ready_.wait(lock, [this] { return !orders_.empty(); });
                    auto order = std::move(orders_.front());
                    orders_.pop_front();
                    lock.unlock();
                    work(order);
                }
            }) {}

        void push(Message order) {
            {
                const std::lock_guard lock(mutex_);
                orders_.push_back(std::move(order));
            }
            ready_.notify_one();
        }

      private:
        std::mutex mutex_;
        std::condition_variable ready_;
        std::deque<Message> orders_;
        std::thread thread_;
    };

    Lane& lane(std::uint32_t number) {
        auto& slot = lanes_[number];
        if (!slot) {
            slot = std::make_unique<Lane>([this](const Message& order) { work(order); });
        }
        return *slot;
    }

    void work(const Message& order) {
        Message answer{
            .id = order.id, .lane = order.lane, .code = k_not_done, .began_ns = 0, .ended_ns = 0, .text = {}};
        answer.began_ns = monotonic_ns();
        const Order parsed(order.text);
        const auto verb = verbs_.find(parsed.verb);
        const auto library_verb = library_verbs_.find(parsed.verb);
        if (parsed.verb == "reader") {
            const auto name = order.text.substr(order.text.find(' ') + 1); // it may hold anything
            calls_.use_reader(name);
            library_.use_reader(name);
            answer.code = k_success;
        } else if (parsed.verb == "find") {
            answer.code = find_card(order.text.size() > 5 ? order.text.substr(5) : "", answer.text);
        } else if (verb != verbs_.end()) {
            answer.code = verb->second(parsed, answer.text);
        } else if (library_verb != library_verbs_.end()) {
            answer.code = library_verb->second(library_, parsed);
        }
        answer.ended_ns = monotonic_ns();
        send_message(fd_, answer);
    }

    Code find_card(std::string name, std::string& text) {
        Bytes atr;
        const auto code = calls_.find_card("c0", name, atr);
        text = to_hex(atr) + " " + name;
        return code;
    }

    Code work_on(const Order& order) {
        Bytes answer;
        Code code = k_success;
        const bool by_library = library_.has_lock(order.card);
        for (int i = 0; i < k_operations && code == k_success; ++i) {
            code = by_library ? library_.transmit(order.card, harmless_command(), answer)
                              : calls_.exchange(order.connection, harmless_command(), answer);
        }
        return code;
    }

    Code look() {
        Code code = k_success;
        for (int i = 0; i < k_operations && code == k_success; ++i) {
            DWORD state = SCARD_STATE_UNAWARE;
            code = calls_.look("c9", 0, state);
        }
        return code;
    }

    /// Waits without touching the card. The call returns early when the reader's state changes.
    Code idle(const Order& order) {
        const auto until = monotonic_ns() + static_cast<std::int64_t>(order.number()) * 1'000'000;
        DWORD state = SCARD_STATE_UNAWARE;
        Code code = calls_.look("c9", 0, state);
        while (monotonic_ns() < until) {
            code = calls_.look("c9", static_cast<DWORD>((until - monotonic_ns()) / 1'000'000 + 1), state);
        }
        return code == static_cast<Code>(SCARD_E_TIMEOUT) ? k_success : code;
    }

    /// Until nobody is connected, or for two seconds: others may use the reader for longer than we can wait.
    Code quiet() {
        const auto until = monotonic_ns() + 2'000'000'000;
        DWORD state = SCARD_STATE_UNAWARE;
        Code code = calls_.look("c9", 0, state);
        while ((state & (SCARD_STATE_INUSE | SCARD_STATE_EXCLUSIVE)) != 0 && monotonic_ns() < until) {
            code = calls_.look("c9", 5, state);
        }
        return code == static_cast<Code>(SCARD_E_TIMEOUT) ? k_success : code;
    }

    /// What a program does after a reset by others, until it holds the lock with a card that answers.
    Code recover(const Order& order) {
        Bytes answer;
        for (;;) {
            auto code = calls_.reconnect(order.connection, SCARD_SHARE_SHARED, SCARD_LEAVE_CARD);
            if (code == k_success) {
                while (calls_.end(order.connection, SCARD_LEAVE_CARD) == k_success) {
                }
                code = calls_.begin(order.connection);
            }
            if (code == k_success) {
                code = calls_.exchange(order.connection, harmless_command(), answer);
            }
            const bool passing = code == static_cast<Code>(SCARD_W_RESET_CARD) ||
                                 code == static_cast<Code>(SCARD_E_PROTO_MISMATCH) ||
                                 code == static_cast<Code>(SCARD_E_NOT_TRANSACTED);
            if (!passing) {
                return code;
            }
        }
    }

    Code fork_child(std::string& text) const {
        const pid_t pid = ::fork();
        if (pid == 0) {
            // Holds what it inherited, the connection to pcscd included, and nothing else.
            ::close(fd_);
            ::alarm(k_child_life_s);
            for (;;) {
                ::pause();
            }
        }
        text = std::to_string(pid);
        return pid > 0 ? k_success : k_not_done;
    }

    Code witness_command(const Order& order, const iso7816::CommandApdu& command, std::string& text) {
        Bytes answer;
        const auto code = calls_.command(order.connection, command, answer);
        text = to_hex(answer);
        return code;
    }

    Code enter(const Order& order) {
        std::string ignored;
        const auto code = witness_command(order, witness::select(), ignored);
        return code == k_success ? witness_command(order, witness::enter(client_, 1), ignored) : code;
    }

    Code contend_for(const Order& order, bool by_library, std::string& text) {
        const Tell tell = tell_suite();
        const Contention contention{.halt = halt_, .tell = tell, .told_after = order.number()};
        return by_library ? library_contend(library_, order.card, contention, text)
                          : contend(calls_, contention, text);
    }

    Code storm_by_library(const Order& order, std::string& text) {
        const auto reader = library_.reader();
        return reader ? library_storm(reader.assume_value(), order.number(), halt_, tell_suite(), text)
                      : code_of(reader);
    }

    [[nodiscard]] Tell tell_suite() const {
        return [this](const std::string& news) { send_message(fd_, {.text = news}); };
    }

    int fd_;
    Calls calls_;
    LibraryCalls library_;
    std::atomic<bool> halt_{false};
    std::map<std::uint32_t, std::unique_ptr<Lane>> lanes_; // of the main thread alone
    const std::uint32_t client_ = static_cast<std::uint32_t>(::getpid());
    const LibraryVerbs& library_verbs_ = library_verbs();
    using Verb = std::function<Code(const Order&, std::string&)>;
    const std::map<std::string, Verb> verbs_{
        {"connect",
         [this](const Order& order, std::string&) {
             return calls_.connect(order.context, order.connection, order.share());
         }},
        {"reconnect",
         [this](const Order& order, std::string&) {
             return calls_.reconnect(order.connection, order.share(), order.disposition());
         }},
        {"disconnect",
         [this](const Order& order, std::string&) {
             return calls_.disconnect(order.connection, order.disposition());
         }},
        {"begin", [this](const Order& order, std::string&) { return calls_.begin(order.connection); }},
        {"end", [this](const Order& order,
                       std::string&) { return calls_.end(order.connection, order.disposition()); }},
        {"transmit",
         [this](const Order& order, std::string& text) {
             Bytes answer;
             const auto code = calls_.exchange(order.connection, harmless_command(), answer);
             text = to_hex(answer);
             return code;
         }},
        {"status", [this](const Order& order, std::string&) { return calls_.status(order.connection); }},
        {"control", [this](const Order& order, std::string&) { return calls_.control(order.connection); }},
        {"attribute",
         [this](const Order& order, std::string&) { return calls_.attribute(order.connection); }},
        {"cancel", [this](const Order& order, std::string&) { return calls_.cancel(order.context); }},
        {"release", [this](const Order& order, std::string&) { return calls_.release(order.context); }},
        {"work", [this](const Order& order, std::string&) { return work_on(order); }},
        {"look", [this](const Order&, std::string&) { return look(); }},
        {"idle", [this](const Order& order, std::string&) { return idle(order); }},
        {"quiet", [this](const Order&, std::string&) { return quiet(); }},
        {"recover", [this](const Order& order, std::string&) { return recover(order); }},
        {"no-blocking",
         [](const Order&, std::string&) {
             return ::setenv("PCSCLITE_NO_BLOCKING", "1", 1) == 0 ? k_success : k_not_done;
         }},
        {"fork", [this](const Order&, std::string& text) { return fork_child(text); }},
        {"select", [this](const Order& order,
                          std::string& text) { return witness_command(order, witness::select(), text); }},
        {"enter", [this](const Order& order, std::string&) { return enter(order); }},
        {"recover-and-enter",
         [this](const Order& order, std::string&) {
             const auto code = recover(order);
             return code == k_success ? enter(order) : code;
         }},
        {"touch",
         [this](const Order& order, std::string& text) {
             return witness_command(order, witness::touch(client_, 1), text);
         }},
        {"leave",
         [this](const Order& order, std::string& text) {
             return witness_command(order, witness::leave(client_), text);
         }},
        {"report", [this](const Order& order,
                          std::string& text) { return witness_command(order, witness::report(), text); }},
        {"clear", [this](const Order& order,
                         std::string& text) { return witness_command(order, witness::clear(), text); }},
        {"contend",
         [this](const Order& order, std::string& text) { return contend_for(order, false, text); }},
        {"library-contend",
         [this](const Order& order, std::string& text) { return contend_for(order, true, text); }},
        {"storm",
         [this](const Order& order, std::string& text) {
             return storm(calls_, order.number(), halt_, tell_suite(), text);
         }},
        {"library-storm",
         [this](const Order& order, std::string& text) { return storm_by_library(order, text); }},
    };
};

} // namespace

int participant_main(int fd) {
    static_cast<void>(std::signal(SIGCHLD, SIG_IGN)); // forked children are not waited for
    // Never destroyed: its threads end with the process.
    static Actor& actor = *new Actor(fd); // NOLINT(cppcoreguidelines-owning-memory)
    return actor.run();
}

} // namespace cardlatch::lockcheck
