#pragma once

#include <cardlatch/base/bytes.hpp>

#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <thread>
#include <winscard.h>

namespace cardlatch::test {

/// An SCARD code as eight hexadecimal digits.
inline std::string code(LONG rv) {
    return fmt::format("{:08X}", static_cast<std::uint32_t>(rv));
}

/// A program that calls winscard.h. Its functions return what it saw, as text.
class PlainClient {
  public:
    explicit PlainClient(const std::string& reader)
        : reader_(reader) {
        // A resource manager that is being started again refuses for a moment.
        const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (::SCardEstablishContext(SCARD_SCOPE_USER, nullptr, nullptr, &context_) != SCARD_S_SUCCESS &&
               std::chrono::steady_clock::now() < until) {
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
    }
    ~PlainClient() {
        ::SCardDisconnect(card_, SCARD_LEAVE_CARD);
        ::SCardReleaseContext(context_);
    }
    PlainClient(const PlainClient&) = delete;
    PlainClient& operator=(const PlainClient&) = delete;

    std::string connect() {
        return code(::SCardConnect(context_, reader_.c_str(), SCARD_SHARE_SHARED,
                                   SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1, &card_, &protocol_));
    }
    std::string reconnect(DWORD initialization) {
        return code(::SCardReconnect(card_, SCARD_SHARE_SHARED, SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1,
                                     initialization, &protocol_));
    }
    /// "9000+4": status word and how much data; "short": fewer than two bytes; or the error's number.
    std::string transmit(const std::string& command, std::size_t room = 65548) {
        const auto bytes = from_hex(command).value();
        Bytes answer(room);
        DWORD size = answer.size();
        const auto rv = ::SCardTransmit(card_, protocol_ == SCARD_PROTOCOL_T0 ? SCARD_PCI_T0 : SCARD_PCI_T1,
                                        bytes.data(), bytes.size(), nullptr, answer.data(), &size);
        if (rv != SCARD_S_SUCCESS) {
            return code(rv);
        }
        answer.resize(size);
        data_ = answer;
        return size < 2 ? "short"
                        : fmt::format("{:02X}{:02X}+{}", answer[size - 2], answer[size - 1], size - 2);
    }
    /// The last response, SW included.
    [[nodiscard]] const Bytes& data() const { return data_; }

  private:
    std::string reader_;
    SCARDCONTEXT context_ = 0;
    SCARDHANDLE card_ = 0;
    DWORD protocol_ = SCARD_PROTOCOL_T1;
    Bytes data_;
};

} // namespace cardlatch::test
