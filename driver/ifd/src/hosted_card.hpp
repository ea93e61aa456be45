#pragma once

#include <cardlatch/base/bytes.hpp>
#include <cardlatch/base/result.hpp>
#include <cardlatch/ifd/card_plugin.h>

#include <memory>
#include <string>

namespace cardlatch::ifd {

/// A card that runs inside pcscd, in a library that the reader's DEVICENAME names: no second process takes
/// part in an APDU. What it costs: a crash of the card is a crash of pcscd, and no deadline watches it. One
/// call at a time.
class HostedCard {
  public:
    /// Loads `plugin`, once per process, and asks it for the card that `request` describes.
    /// Errors: std::errc::no_such_file_or_directory, not_supported (another version), with the loader's text;
    /// std::errc::invalid_argument with the plug-in's own text.
    static Result<std::shared_ptr<HostedCard>> open(const std::string& plugin, const std::string& request);

    ~HostedCard() { table_->close(card_); }
    HostedCard(const HostedCard&) = delete;
    HostedCard& operator=(const HostedCard&) = delete;

    /// The ATR; empty when the card stays mute.
    Bytes power_on() { return activate(table_->power_on); }
    Bytes reset() { return activate(table_->reset); }
    void power_off() { table_->power_off(card_); }

    void set_protocol(unsigned protocol) { table_->set_protocol(card_, static_cast<std::uint8_t>(protocol)); }

    /// The response's length; it is in `response` when it fits.
    std::size_t transmit(ByteView command, std::span<std::uint8_t> response) {
        return table_->transmit(card_, command.data(), command.size(), response.data(), response.size());
    }

  private:
    using Table = const cardlatch_card_plugin_table*;

    HostedCard(Table table, cardlatch_hosted_card* card)
        : table_(table)
        , card_(card) {}
    Bytes activate(std::size_t (*how)(cardlatch_hosted_card*, std::uint8_t*));

    Table table_;
    cardlatch_hosted_card* card_;
};

} // namespace cardlatch::ifd
