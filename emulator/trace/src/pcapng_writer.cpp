#include "pcapng_writer.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>

namespace cardlatch::trace {

namespace {

// Block types and options. Source: draft-ietf-opsawg-pcapng §4.1 to §4.3, §3.5.
constexpr std::uint32_t k_section_header = 0x0A0D0D0A;
constexpr std::uint32_t k_interface_description = 1;
constexpr std::uint32_t k_enhanced_packet = 6;
constexpr std::uint32_t k_byte_order_magic = 0x1A2B3C4D;
constexpr std::uint16_t k_opt_comment = 1;
constexpr std::uint16_t k_shb_userappl = 4;
constexpr std::uint16_t k_if_name = 2;
constexpr std::uint16_t k_if_tsresol = 9;
constexpr std::uint16_t k_link_wireshark_upper_pdu = 252;

// Tags of an exported PDU.
constexpr std::uint16_t k_tag_dissector = 12;
constexpr std::uint16_t k_tag_direction = 35;
constexpr std::uint32_t k_sent = 0;
constexpr std::uint32_t k_received = 1;

constexpr std::uint8_t k_mask = 0x2A;

/// Numbers of a block are in this machine's order, which the section's magic tells; those of a tag are in
/// network order.
class Block {
  public:
    void u16(std::uint16_t value) { native(&value, sizeof value); }
    void u32(std::uint32_t value) { native(&value, sizeof value); }
    void bytes(ByteView bytes) { out_.insert(out_.end(), bytes.begin(), bytes.end()); }
    void pad() { out_.resize((out_.size() + 3) / 4 * 4); }
    void option(std::uint16_t code, ByteView value) {
        u16(code);
        u16(static_cast<std::uint16_t>(value.size()));
        bytes(value);
        pad();
    }
    void end_of_options() { u32(0); }

    void tag(std::uint16_t code, ByteView value) {
        const auto padded = (value.size() + 3) / 4 * 4;
        network16(code);
        network16(static_cast<std::uint16_t>(padded));
        bytes(value);
        out_.resize(out_.size() + padded - value.size());
    }

    [[nodiscard]] ByteView view() const { return out_; }
    [[nodiscard]] std::size_t size() const { return out_.size(); }
    void wipe_content() { wipe(out_); }

  private:
    void native(const void* value, std::size_t size) {
        const auto* const first = static_cast<const std::uint8_t*>(value);
        out_.insert(out_.end(), first, first + size);
    }
    void network16(std::uint16_t value) {
        out_.push_back(static_cast<std::uint8_t>(value >> 8U));
        out_.push_back(static_cast<std::uint8_t>(value));
    }
    Bytes out_;
};

class PcapngWriter : public Writer {
  public:
    explicit PcapngWriter(Output& output)
        : output_(output) {
        Block body;
        body.u32(k_byte_order_magic);
        body.u16(1); // version 1.0
        body.u16(0);
        body.u32(0xFFFFFFFFU); // the section's length is not known
        body.u32(0xFFFFFFFFU);
        body.option(k_shb_userappl, as_bytes("Cardlatch"));
        body.end_of_options();
        block(k_section_header, body);
    }

    void write(const Event& event, const SecretBytes& secret) override {
        switch (event.what) {
        case What::exchange: {
            Bytes command = event.command;
            std::fill(command.begin() + static_cast<std::ptrdiff_t>(secret.command_begin),
                      command.begin() + static_cast<std::ptrdiff_t>(secret.command_end), k_mask);
            packet(event, event.begin, "iso7816", k_sent, command,
                   secret.command_end > secret.command_begin ? "secret bytes are shown as 2A" : "");
            if (event.response.empty()) {
                text(event, event.end, "the card never answered");
            } else {
                Bytes response = event.response;
                std::fill_n(response.begin(), secret.response_end, k_mask);
                packet(event, event.end, "iso7816", k_received, response,
                       secret.response_end > 0 ? "secret bytes are shown as 2A" : "");
            }
            break;
        }
        case What::cold_reset:
        case What::warm_reset: {
            const char* const kind = event.what == What::cold_reset ? "cold reset" : "warm reset";
            if (event.response.empty()) {
                text(event, event.end, std::string(kind) + ": the card stays mute");
            } else {
                packet(event, event.end, "iso7816.atr", k_received, event.response, kind);
            }
            break;
        }
        case What::inserted:
            text(event, event.begin, "card inserted: " + event.detail);
            break;
        case What::removed:
            text(event, event.begin, "card removed");
            break;
        case What::power_off:
            text(event, event.begin, "power off");
            break;
        case What::pin_entry:
            text(event, event.begin, "PIN pad: " + event.detail);
            break;
        case What::lock_wait:
            text(event, event.begin, event.who + " waits for exclusive access");
            break;
        case What::lock:
            text(event, event.begin, event.who + " has exclusive access from here to " + span_of(event));
            break;
        case What::note:
            text(event, event.begin, event.detail);
            break;
        }
    }

  private:
    static std::string span_of(const Event& event) {
        const auto us =
            std::chrono::duration_cast<std::chrono::microseconds>(event.end - event.begin).count();
        return std::to_string(us) + " us later";
    }

    void block(std::uint32_t type, const Block& body) {
        Block whole;
        const auto size = static_cast<std::uint32_t>(body.size() + 12);
        whole.u32(type);
        whole.u32(size);
        whole.bytes(body.view());
        whole.u32(size);
        output_.write(whole.view());
        whole.wipe_content();
    }

    std::uint32_t interface_of(const std::string& reader) {
        const auto [at, fresh] = interfaces_.try_emplace(reader, interfaces_.size());
        if (fresh) {
            Block body;
            body.u16(k_link_wireshark_upper_pdu);
            body.u16(0);
            body.u32(0); // no limit to a packet
            body.option(k_if_name, as_bytes(reader.empty() ? "stack" : reader));
            constexpr std::uint8_t k_nanoseconds = 9;
            body.option(k_if_tsresol, ByteView(&k_nanoseconds, 1));
            body.end_of_options();
            block(k_interface_description, body);
        }
        return static_cast<std::uint32_t>(at->second);
    }

    void text(const Event& event, Clock::time_point when, const std::string& words) {
        packet(event, when, "syslog", k_received, as_bytes("<14>" + words), "");
    }

    void packet(const Event& event, Clock::time_point when, std::string_view dissector,
                std::uint32_t direction, ByteView pdu, std::string_view comment) {
        Block data;
        data.tag(k_tag_dissector, as_bytes(dissector));
        const std::uint8_t value[] = {0, 0, 0, static_cast<std::uint8_t>(direction)};
        data.tag(k_tag_direction, value);
        data.tag(0, {});
        data.bytes(pdu);

        Block body;
        body.u32(interface_of(event.reader));
        const auto ns = static_cast<std::uint64_t>(
            std::chrono::duration_cast<std::chrono::nanoseconds>(when.time_since_epoch()).count());
        body.u32(static_cast<std::uint32_t>(ns >> 32U));
        body.u32(static_cast<std::uint32_t>(ns));
        body.u32(static_cast<std::uint32_t>(data.size()));
        body.u32(static_cast<std::uint32_t>(data.size()));
        body.bytes(data.view());
        body.pad();
        if (!comment.empty()) {
            body.option(k_opt_comment, as_bytes(comment));
            body.end_of_options();
        }
        block(k_enhanced_packet, body);
        data.wipe_content();
        body.wipe_content();
    }

    Output& output_;
    std::map<std::string, std::size_t> interfaces_;
};

} // namespace

std::unique_ptr<Writer> make_pcapng_writer(Output& output) {
    return std::make_unique<PcapngWriter>(output);
}

} // namespace cardlatch::trace
