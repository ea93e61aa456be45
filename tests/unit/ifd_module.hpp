#pragma once

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cstring>
#include <dlfcn.h>
#include <future>
#include <string>
#include <utility>

extern "C" {
#include <ifdhandler.h>
}
#include "link_peer.hpp"

#include <reader.h>

namespace cardlatch::test {

/// The driver as pcscd has it: loaded, never linked, by its exported functions alone.
class IfdModule {
  public:
    static const IfdModule& get() {
        static const IfdModule module;
        return module;
    }

    decltype(&IFDHCreateChannelByName) create_by_name = nullptr;
    decltype(&IFDHCreateChannel) create = nullptr;
    decltype(&IFDHCloseChannel) close = nullptr;
    decltype(&IFDHGetCapabilities) get_capabilities = nullptr;
    decltype(&IFDHSetCapabilities) set_capabilities = nullptr;
    decltype(&IFDHSetProtocolParameters) set_protocol = nullptr;
    decltype(&IFDHPowerICC) power = nullptr;
    decltype(&IFDHTransmitToICC) transmit = nullptr;
    decltype(&IFDHControl) control = nullptr;
    decltype(&IFDHICCPresence) presence = nullptr;

  private:
    IfdModule() {
        void* const handle = ::dlopen(CARDLATCH_IFD_MODULE, RTLD_LAZY | RTLD_NODELETE);
        BOOST_REQUIRE_MESSAGE(handle != nullptr, ::dlerror());
        const auto load = [handle](const char* name, auto& function) {
            function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(::dlsym(handle, name));
            BOOST_REQUIRE_MESSAGE(function != nullptr, name);
        };
        load("IFDHCreateChannelByName", create_by_name);
        load("IFDHCreateChannel", create);
        load("IFDHCloseChannel", close);
        load("IFDHGetCapabilities", get_capabilities);
        load("IFDHSetCapabilities", set_capabilities);
        load("IFDHSetProtocolParameters", set_protocol);
        load("IFDHPowerICC", power);
        load("IFDHTransmitToICC", transmit);
        load("IFDHControl", control);
        load("IFDHICCPresence", presence);
    }
};

/// An answer of the driver: its code, and what it gave.
struct Answer {
    RESPONSECODE code;
    std::string bytes; ///< hexadecimal
};

/// One open slot, closed at the end, used as pcscd uses it. The thread that waits for events is the one that
/// asks for presence.
class OpenSlot {
  public:
    OpenSlot(DWORD lun, const std::string& name)
        : lun_(lun) {
        std::string text = name;
        opened_ = IfdModule::get().create_by_name(lun, text.data());
        if (opened_ == IFD_SUCCESS) {
            // Once, as pcscd does: another thread may close the slot before a wait begins.
            wait_ = capability<decltype(wait_)>(TAG_IFD_POLLING_THREAD_WITH_TIMEOUT);
        }
    }
    OpenSlot(const OpenSlot&) = delete;
    OpenSlot& operator=(const OpenSlot&) = delete;
    ~OpenSlot() { (void)close(); }

    [[nodiscard]] RESPONSECODE opened() const { return opened_; }
    [[nodiscard]] RESPONSECODE presence() const { return IfdModule::get().presence(lun_); }

    RESPONSECODE close() {
        const bool open = std::exchange(opened_, IFD_COMMUNICATION_ERROR) == IFD_SUCCESS;
        return open ? IfdModule::get().close(lun_) : IFD_COMMUNICATION_ERROR;
    }

    /// pcscd's polling call: returns at an event or after `timeout_ms`.
    RESPONSECODE wait(int timeout_ms) const { return wait_(lun_, timeout_ms); }
    RESPONSECODE stop() const {
        return capability<RESPONSECODE (*)(DWORD)>(TAG_IFD_STOP_POLLING_THREAD)(lun_);
    }

    /// Waits by events until the card is present or absent, as pcscd's status thread does. For any thread:
    /// checks nothing.
    [[nodiscard]] bool reaches(RESPONSECODE wanted) const {
        const auto end = std::chrono::steady_clock::now() + k_patience;
        while (presence() != wanted) {
            if (std::chrono::steady_clock::now() > end ||
                wait(1000 * static_cast<int>(k_patience.count())) != IFD_SUCCESS) {
                return false;
            }
        }
        return true;
    }

    /// The same in the test's own thread, which may check.
    void until(RESPONSECODE wanted) const { BOOST_REQUIRE(reaches(wanted)); }

    [[nodiscard]] Answer power(DWORD action) const {
        std::array<UCHAR, MAX_ATR_SIZE> atr{};
        DWORD size = atr.size();
        const auto code = IfdModule::get().power(lun_, action, atr.data(), &size);
        return {code, to_hex(ByteView(atr).first(size))};
    }

    [[nodiscard]] Answer transmit(const Bytes& command, DWORD room = 65538) const {
        Bytes response(room);
        const auto code = IfdModule::get().transmit(lun_, SCARD_IO_HEADER{1, sizeof(SCARD_IO_HEADER)},
                                                    const_cast<PUCHAR>(command.data()), command.size(),
                                                    response.data(), &room, nullptr);
        return {code, to_hex(ByteView(response).first(room))};
    }

    [[nodiscard]] Answer attribute(DWORD tag, DWORD room = 64) const {
        Bytes value(room);
        const auto code = IfdModule::get().get_capabilities(lun_, tag, &room, value.data());
        return {code, to_hex(ByteView(value).first(room))};
    }

    /// A capability that is a value of T; T{} when the driver has none.
    template <class T>
    [[nodiscard]] T capability(DWORD tag) const {
        T value{};
        DWORD size = sizeof value;
        (void)IfdModule::get().get_capabilities(lun_, tag, &size, reinterpret_cast<PUCHAR>(&value));
        return size == sizeof value ? value : T{};
    }

    [[nodiscard]] DWORD lun() const { return lun_; }

  private:
    DWORD lun_;
    RESPONSECODE (*wait_)(DWORD, int) = nullptr;
    RESPONSECODE opened_ = IFD_COMMUNICATION_ERROR;
};

inline const std::string k_atr = "3B80800101";

/// A plain card in the slot: greeted, not powered.
inline Peer insert_plain(const OpenSlot& slot, const std::string& path) {
    auto card = Peer::to_unix(path);
    card.say("0005" + k_atr); // even before it was asked: the bytes wait
    slot.until(IFD_ICC_PRESENT);
    card.expect("000104");
    return card;
}

/// A card that speaks the extension in the slot: greeted, not powered.
inline Peer insert_extended(const OpenSlot& slot, const std::string& path) {
    auto card = Peer::to_unix(path);
    card.say("0004434C5801");
    slot.until(IFD_ICC_PRESENT);
    card.expect("000104");
    card.expect("000000021F01");
    return card;
}

/// Runs `call` in a thread of its own while the test plays the card.
template <class Call>
auto meanwhile(Call&& call) {
    return std::async(std::launch::async, std::forward<Call>(call));
}

template <class T>
T result_of(std::future<T>& future) {
    BOOST_REQUIRE((future.wait_for(k_patience) == std::future_status::ready));
    return future.get();
}

/// A command on its way, while the test answers it.
inline std::future<Answer> sending(const OpenSlot& slot, Bytes command, DWORD room = 65538) {
    return meanwhile([&slot, command = std::move(command), room] { return slot.transmit(command, room); });
}

/// A change of power on its way, while the test answers it.
inline std::future<Answer> powering(const OpenSlot& slot, DWORD action) {
    return meanwhile([&slot, action] { return slot.power(action); });
}

/// Powers the card up from both ends.
inline void power_up(const OpenSlot& slot, const Peer& card, bool plain) {
    auto powered = powering(slot, IFD_POWER_UP);
    card.expect(plain ? "000101000104" : "0000000101");
    card.say((plain ? "0005" : "0000000681") + k_atr);
    const auto answer = result_of(powered);
    BOOST_REQUIRE_EQUAL(answer.code, IFD_SUCCESS);
    BOOST_REQUIRE_EQUAL(answer.bytes, k_atr);
}

} // namespace cardlatch::test
