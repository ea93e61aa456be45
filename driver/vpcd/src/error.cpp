#include <cardlatch/vpcd/error.hpp>

namespace cardlatch::vpcd {

namespace {

class LinkCategory final : public std::error_category {
  public:
    [[nodiscard]] const char* name() const noexcept override { return "vpcd"; }

    [[nodiscard]] std::string message(int value) const override {
        switch (static_cast<LinkErrc>(value)) {
        case LinkErrc::malformed:
            return "the peer broke the link's protocol";
        case LinkErrc::too_long:
            return "more bytes than the link carries";
        case LinkErrc::closed:
            return "the peer closed the link";
        case LinkErrc::timed_out:
            return "the peer did not answer in time";
        case LinkErrc::bad_address:
            return "the address cannot be read";
        case LinkErrc::mute:
            return "the card stays mute";
        case LinkErrc::garbled:
            return "the card's answer cannot be read";
        }
        return "unknown link error " + std::to_string(value);
    }

    [[nodiscard]] std::error_condition default_error_condition(int value) const noexcept override {
        switch (static_cast<LinkErrc>(value)) {
        case LinkErrc::malformed:
        case LinkErrc::garbled:
            return std::errc::bad_message;
        case LinkErrc::too_long:
            return std::errc::message_size;
        case LinkErrc::closed:
            return std::errc::connection_reset;
        case LinkErrc::timed_out:
        case LinkErrc::mute:
            return std::errc::timed_out;
        case LinkErrc::bad_address:
            return std::errc::invalid_argument;
        }
        return {value, *this};
    }
};

} // namespace

const std::error_category& link_category() noexcept {
    // A union member is not destroyed: threads of pcscd may still fail a link while it exits.
    union Immortal {
        LinkCategory value;
        constexpr Immortal()
            : value() {}
        ~Immortal() {} // NOLINT(modernize-use-equals-default): a defaulted one would be deleted
    };
    static constinit Immortal category;
    return category.value;
}

} // namespace cardlatch::vpcd
