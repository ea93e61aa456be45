#pragma once

#include "application.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace cardlatch::card {

/// What a class byte says. Source: ISO/IEC 7816-4 §5.4.1.
struct ClassByte {
    iso7816::StatusWord sw;  ///< 9000 if the card can serve a command of this class
    unsigned channel = 0;    ///< logical channel, 0 to 19
    bool chained = false;    ///< the command is not the last of its chain
    std::uint8_t family = 0; ///< 00 interindustry, 80 proprietary: the class that applications see
};

/// Reads a class byte: 00 to 1F and 40 to 7F; proprietary classes 80 to 9F and C0 to FE use the same bits.
/// Secure messaging is refused (6882), and so are 20 to 3F, A0 to BF and FF (6E00).
ClassByte read_class(std::uint8_t cla);

/// Which application is selected in which logical channel. Source: ISO/IEC 7816-4 §5.4.1, §11.2.3.
class LogicalChannels {
  public:
    static constexpr std::size_t k_count = 20; ///< the basic channel and 19 others

    using Applications = std::vector<std::unique_ptr<Application>>;

    /// A session that a SELECT tries out; it becomes the channel's by enter().
    struct Candidate {
        std::size_t application = 0;
        Session* session = nullptr;   ///< null if the application is taken by another channel
        std::unique_ptr<Session> own; ///< set if the session was made for the channel
    };

    /// Borrows `applications`, which has to outlive this and to be filled before reset().
    explicit LogicalChannels(const Applications& applications)
        : applications_(&applications) {}

    /// Closes all channels but the basic one, in which `selected` is selected. Applications are not told.
    void reset(std::size_t selected);

    [[nodiscard]] bool is_open(unsigned channel) const { return channels_.at(channel).open; }

    /// The session of the application selected in an open channel, null if none is.
    [[nodiscard]] Session* session(unsigned channel) const { return channels_.at(channel).session; }

    /// The session that `application` has, or would have, in `channel`.
    [[nodiscard]] Candidate candidate(unsigned channel, std::size_t application);

    /// Makes `candidate` the channel's session; the one before is deselected if it is another.
    void enter(unsigned channel, Candidate candidate);

    /// The DF name that was selected last in the channel, for next and previous occurrence.
    [[nodiscard]] std::optional<std::size_t>& last_df_name(unsigned channel) {
        return channels_.at(channel).last_df_name;
    }

    /// MANAGE CHANNEL, received in `channel`. Source: ISO/IEC 7816-4 §11.2.3.
    iso7816::ResponseApdu manage(const iso7816::CommandApdu& command, unsigned channel);

  private:
    struct Channel {
        bool open = false;
        std::size_t application = 0; ///< valid while there is a session
        Session* session = nullptr;
        std::unique_ptr<Session> own; ///< `session`, if it was made for this channel
        std::optional<std::size_t> last_df_name;
    };

    iso7816::ResponseApdu open(const iso7816::CommandApdu& command, unsigned from);
    iso7816::ResponseApdu close(const iso7816::CommandApdu& command, unsigned from);

    const Applications* applications_;
    std::size_t selected_at_reset_ = 0;
    std::array<Channel, k_count> channels_;
    /// By application: the channel that has used the application itself as its session. What that keeps while
    /// another application is selected, such as verified PINs, is for this channel alone.
    std::vector<std::optional<unsigned>> homes_;
};

} // namespace cardlatch::card
