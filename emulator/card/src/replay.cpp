#include "replay.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace cardlatch::card {

namespace {

/// What identifies a command to people without giving its data away.
std::string header_of(ByteView command) {
    constexpr std::size_t k_header = 4;
    return fmt::format("{} ({} bytes)", to_hex(command.first(std::min(k_header, command.size())), " "),
                       command.size());
}

} // namespace

void Replay::skip_resets() {
    const auto& steps = dialogue_->steps;
    while (next_ < steps.size() && steps[next_].kind != DialogueStep::Kind::command) {
        ++next_;
    }
}

void Replay::reset() {
    skip_resets();
}

Bytes Replay::transmit(ByteView command) {
    const auto& steps = dialogue_->steps;
    skip_resets();
    const auto fits = [&command](const DialogueStep& step) {
        return step.kind == DialogueStep::Kind::command && step.command.matches(command);
    };
    const auto expected = steps.begin() + static_cast<std::ptrdiff_t>(next_);
    auto found = std::find_if(expected, steps.end(), fits);
    const bool ahead = found != steps.end();
    if (!ahead) {
        found = std::find_if(steps.begin(), expected, fits);
        if (found == expected) {
            say(fmt::format("no answer to {} was recorded; answered 6F00{}", header_of(command),
                            next_ < steps.size() ? fmt::format(", line {} was expected", steps[next_].line)
                                                 : std::string()));
            return {0x6F, 0x00};
        }
    }
    // At the end, the dialogue begins again: that is no deviation.
    if (found != expected && next_ < steps.size()) {
        say(fmt::format("{} is line {}, line {} was expected", header_of(command), found->line,
                        steps[next_].line));
    }
    next_ = static_cast<std::size_t>(found - steps.begin()) + 1;
    return found->response.example();
}

void Replay::say(const std::string& what) const {
    if (report_) {
        report_(dialogue_->file.filename().string() + ": " + what);
    }
}

} // namespace cardlatch::card
