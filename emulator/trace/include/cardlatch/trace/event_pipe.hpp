#pragma once

#include <cardlatch/base/result.hpp>
#include <cardlatch/base/unique_fd.hpp>
#include <cardlatch/trace/event.hpp>

#include <filesystem>
#include <memory>
#include <mutex>
#include <string>

namespace cardlatch::trace {

/// Sends events to another process's EventReceiver. Thread-safe. A receiver that has gone costs the events
/// and nothing else; one that is slow makes record() wait.
class EventSender : public Sink {
  public:
    /// Errors: the system's.
    static Result<std::shared_ptr<EventSender>> connect(const std::string& path);
    /// Sends the event, without a result.
    void record(const Event& event) override;

  private:
    explicit EventSender(UniqueFd socket)
        : socket_(std::move(socket)) {}
    std::mutex mutex_;
    UniqueFd socket_;
};

/// Takes the events of cards that run in another process: a unix socket, for the owner alone.
class EventReceiver {
  public:
    /// Events go to `sink`, from a thread of this object. Errors: the system's; the path has at most 107
    /// bytes.
    static Result<std::unique_ptr<EventReceiver>> start(const std::filesystem::path& path,
                                                        std::shared_ptr<Sink> sink);
    /// Delivers what was sent before.
    ~EventReceiver();
    EventReceiver(const EventReceiver&) = delete;
    EventReceiver& operator=(const EventReceiver&) = delete;

  private:
    class Impl;
    explicit EventReceiver(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

} // namespace cardlatch::trace
