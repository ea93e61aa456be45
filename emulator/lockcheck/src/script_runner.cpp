#include "stage.hpp"

#include <cardlatch/lockcheck/script.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <map>
#include <memory>
#include <optional>
#include <string_view>

namespace cardlatch::lockcheck {

namespace {

std::string describe_codes(const std::vector<Code>& codes) {
    std::string text;
    for (const auto code : codes) {
        text += (text.empty() ? "" : " or ") + describe_code(code);
    }
    return text;
}

bool contains(const std::vector<Code>& codes, Code code) {
    return std::find(codes.begin(), codes.end(), code) != codes.end();
}

/// Plays one script: one process for each participant, one step after the other.
class ScriptRunner {
  public:
    explicit ScriptRunner(const Stage& stage)
        : stage_(stage) {}

    Played play(const std::vector<Step>& steps) {
        Played played;
        for (std::size_t i = 0; i < steps.size() && played.failure.empty(); ++i) {
            if (const auto failure = perform(steps[i]); !failure.empty()) {
                played.failure = fmt::format("step {} \"{}\": {}", i + 1, steps[i].text, failure);
            }
        }
        close();
        played.untidy = untidy_;
        return played;
    }

  private:
    struct Member {
        Participant process;
        std::map<int, std::uint32_t> calls; ///< that are out, by thread
        std::vector<pid_t> children;
    };

    /// Empty, or what went wrong.
    std::string perform(const Step& step) {
        using Kind = Step::Kind;
        switch (step.kind) {
        case Kind::call:
            return call(step);
        case Kind::start:
            return start(step);
        case Kind::waits:
            return waits(step);
        case Kind::returns:
            return returns(step);
        case Kind::until:
            return until(step);
        case Kind::dies:
            return end(step, SIGKILL);
        case Kind::exits:
            return end(step, 0);
        case Kind::stops:
            return signal(step, SIGSTOP);
        case Kind::continues:
            return signal(step, SIGCONT);
        case Kind::leaves:
            return act("card", stage_.remove);
        case Kind::arrives:
            return act("card", stage_.insert);
        case Kind::reader_leaves:
            return act("reader", stage_.unplug);
        case Kind::reader_arrives:
            return act("reader", stage_.plug);
        case Kind::service_dies:
            return act("pcscd", stage_.kill_service);
        }
        return "unknown step";
    }

    Member* member(char who, std::string& failure) {
        if (const auto found = members_.find(who); found != members_.end()) {
            return &found->second;
        }
        auto joined = stage_.join();
        if (!joined) {
            failure = joined.assume_error().message();
            return nullptr;
        }
        return &members_.try_emplace(who, Member{std::move(joined).assume_value(), {}, {}}).first->second;
    }

    std::string call(const Step& step) {
        std::string failure;
        auto* const caller = member(step.who, failure);
        if (caller == nullptr) {
            return failure;
        }
        if (step.command == "kill-child") {
            // Its end shows in what pcscd does then; the script waits for that.
            untidy_ = true;
            acted(std::string(1, step.who));
            for (const auto pid : caller->children) {
                ::kill(pid, SIGKILL);
            }
            caller->children.clear();
            return {};
        }
        const auto answer = complete(*caller, step.who, step.lane, step.command);
        if (!answer) {
            return no_answer(*caller);
        }
        if (step.command == "fork") {
            pid_t pid = 0;
            std::from_chars(answer->text.data(), answer->text.data() + answer->text.size(), pid);
            caller->children.push_back(pid);
            untidy_ = true;
        }
        return judge(step, answer->code);
    }

    static std::string judge(const Step& step, Code code) {
        return contains(step.expects, code)
                   ? std::string()
                   : fmt::format("expected {}, got {}", describe_codes(step.expects), describe_code(code));
    }

    std::string no_answer(const Member& member) const {
        return member.process.gone()
                   ? "the process ended"
                   : fmt::format("no answer within {} s", stage_.options.deadline.count() / 1000);
    }

    /// `command` with the process of the participant that "holder-is" names.
    std::string with_process(const std::string& command) {
        static constexpr std::string_view k_asks_for_holder = "holder-is ";
        if (!command.starts_with(k_asks_for_holder)) {
            return command;
        }
        const auto found = members_.find(command.back());
        return fmt::format("{}{}", k_asks_for_holder,
                           found == members_.end() ? 0 : found->second.process.pid());
    }

    /// One call from order to answer; notes when it began.
    std::optional<Message> complete(Member& caller, char who, int lane, const std::string& command) {
        auto answer =
            caller.process.await(caller.process.order(lane, with_process(command)), stage_.deadline());
        if (answer) {
            began_[std::string(1, who)] = answer->began_ns;
        } else {
            caller.calls[lane] = 0; // it hangs, so it cannot end in an orderly way
        }
        return answer;
    }

    std::string start(const Step& step) {
        std::string failure;
        auto* const caller = member(step.who, failure);
        if (caller == nullptr) {
            return failure;
        }
        caller->calls[step.lane] = caller->process.order(step.lane, step.command);
        return {};
    }

    std::string waits(const Step& step) {
        std::string failure;
        auto* const waiter = member(step.who, failure);
        auto* const worker = member(step.other[0], failure);
        if (waiter == nullptr || worker == nullptr) {
            return failure;
        }
        // A thread of its own for the worker, so that it may have a call out itself.
        static constexpr int k_work_lane = 8;
        const auto work = complete(*worker, step.other[0], k_work_lane, step.other_command);
        if (!work) {
            return fmt::format("{} {}: {}", step.other, step.other_command, no_answer(*worker));
        }
        if (work->code != k_success) {
            return fmt::format("{} {}: {}", step.other, step.other_command, describe_code(work->code));
        }
        if (const auto answer = waiter->process.poll_answer(waiter->calls[step.lane])) {
            waiter->calls.erase(step.lane);
            return fmt::format("came back with {} instead of waiting", describe_code(answer->code));
        }
        return waiter->process.gone() ? "the process ended" : std::string();
    }

    std::string returns(const Step& step) {
        std::string failure;
        auto* const waiter = member(step.who, failure);
        if (waiter == nullptr) {
            return failure;
        }
        const auto answer = waiter->process.await(waiter->calls[step.lane], stage_.deadline());
        if (!answer) {
            return no_answer(*waiter);
        }
        waiter->calls.erase(step.lane);
        // One clock for every process of the machine, so this is an order of events, not a measurement.
        if (!step.other.empty() && answer->ended_ns < began_[step.other]) {
            return fmt::format("came back with {} before {} acted", describe_code(answer->code), step.other);
        }
        return judge(step, answer->code);
    }

    std::string until(const Step& step) {
        std::string failure;
        auto* const caller = member(step.who, failure);
        if (caller == nullptr) {
            return failure;
        }
        const auto deadline = stage_.deadline();
        for (;;) {
            const auto answer = complete(*caller, step.who, step.lane, step.command);
            if (!answer) {
                return no_answer(*caller);
            }
            if (contains(step.expects, answer->code)) {
                return {};
            }
            if (std::chrono::steady_clock::now() > deadline) {
                return judge(step, answer->code);
            }
        }
    }

    std::string end(const Step& step, int signal) {
        std::string failure;
        auto* const leaver = member(step.who, failure);
        if (leaver == nullptr) {
            return failure;
        }
        untidy_ = true;
        acted(std::string(1, step.who));
        if (signal != 0) {
            leaver->process.signal(signal);
        } else {
            leaver->process.order(0, "exit");
        }
        leaver->calls.clear();
        return leaver->process.await_end(stage_.deadline()) ? std::string() : "it lives on";
    }

    std::string signal(const Step& step, int number) {
        std::string failure;
        if (const auto* const target = member(step.who, failure)) {
            acted(std::string(1, step.who));
            target->process.signal(number);
        }
        return failure;
    }

    std::string act(const std::string& who, const std::function<Result<void>()>& action) {
        if (!action) {
            return fmt::format("nobody can do that to {} here", who);
        }
        acted(who);
        const auto done = action();
        return done ? std::string() : done.assume_error().message();
    }

    void acted(const std::string& who) { began_[who] = monotonic_ns(); }

    void close() {
        for (auto& [who, member] : members_) {
            for (const auto pid : member.children) {
                ::kill(pid, SIGKILL);
            }
        }
        for (auto& [who, member] : members_) {
            if (!member.calls.empty() || member.process.gone()) {
                untidy_ = true;
                member.process.kill();
            } else if (!member.process.finish(stage_.deadline())) {
                untidy_ = true;
            }
        }
        members_.clear();
    }

    const Stage& stage_;
    std::map<char, Member> members_;
    std::map<std::string, std::int64_t> began_; ///< when each one's last action began
    bool untidy_ = false;
};

} // namespace

Played play_script(const Stage& stage, std::string_view script) {
    const auto steps = parse_script(script);
    if (!steps) {
        return {.failure = "script: " + steps.assume_error().message(), .untidy = false, .measurements = {}};
    }
    return ScriptRunner(stage).play(steps.assume_value());
}

} // namespace cardlatch::lockcheck
