#pragma once

#include <cardlatch/base/bytes.hpp>
#include <cardlatch/card/dialogue.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace cardlatch::card {

/// Plays a recorded dialogue: answers commands as the card that was recorded did. docs/trace.md says how a
/// command is looked for and what becomes of one that is not there.
class Replay {
  public:
    using Report = std::function<void(const std::string&)>;

    Replay(std::shared_ptr<const Dialogue> dialogue, Report report)
        : dialogue_(std::move(dialogue))
        , report_(std::move(report)) {}

    void reset();
    Bytes transmit(ByteView command);

  private:
    void skip_resets();
    void say(const std::string& what) const;

    std::shared_ptr<const Dialogue> dialogue_;
    Report report_;
    std::size_t next_ = 0; ///< the step that is expected
};

} // namespace cardlatch::card
