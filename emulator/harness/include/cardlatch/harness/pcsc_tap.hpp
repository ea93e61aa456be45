#pragma once

#include <cardlatch/base/result.hpp>
#include <cardlatch/trace/event.hpp>

#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <string>

namespace cardlatch::harness {

/// What a tap is made of.
struct TapOptions {
    std::filesystem::path socket; ///< where clients connect; at most 107 bytes; must not exist
    std::filesystem::path pcscd;  ///< the socket of the pcscd that serves them
    std::shared_ptr<trace::Sink> trace;
    bool exchanges = true; ///< APDUs and resets as well, not exclusive access alone
    std::string reader;    ///< only what happens in this reader; empty: in all
};

/// Stands between PC/SC clients and a pcscd, passes every byte on unchanged, and tells a trace what it saw:
/// who waited for exclusive access and who had it, APDUs, and resets that a client asked for.
///
/// Works with any reader and any pcsc-lite whose messages have the form of 1.8.24 to 2.x: it looks into the
/// messages for connecting, transactions and transmitting, and knows nothing of the others. Not seen: card
/// insertions, resets by other clients, PINs typed on a PIN pad. Every client costs a thread.
/// Source: pcsc-lite winscard_msg.h.
class PcscTap {
  public:
    /// Errors: the system's; std::errc::connection_refused and such when no pcscd serves `pcscd`.
    static Result<std::unique_ptr<PcscTap>> start(TapOptions options);
    /// Ends its clients' connections.
    ~PcscTap();
    PcscTap(const PcscTap&) = delete;
    PcscTap& operator=(const PcscTap&) = delete;

    /// Says nothing of this process's doings from now on.
    void hide(pid_t process);

  private:
    class Impl;
    explicit PcscTap(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

} // namespace cardlatch::harness
