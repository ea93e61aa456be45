#pragma once

#include <cardlatch/base/unique_fd.hpp>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <future>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

namespace cardlatch::harness {

/// A thread that looks after what a stack has started: it forks pcscd and the observer, which the kernel ends
/// when the thread that forked them ends (PR_SET_PDEATHSIG), waits for pcscd's death, and does later what
/// nobody else may wait for. Thread-safe.
class Caretaker {
  public:
    Caretaker();
    /// After quiet(); ends the thread.
    ~Caretaker();
    Caretaker(const Caretaker&) = delete;
    Caretaker& operator=(const Caretaker&) = delete;

    /// Does `function` on the thread and returns what it returned. Never called by the thread itself.
    template <class Function>
    auto run(Function function) {
        std::promise<decltype(function())> answer;
        auto result = answer.get_future();
        post(std::chrono::milliseconds(0), [&] { answer.set_value(function()); });
        return result.get();
    }

    /// Does `task` on the thread after `delay`. Nothing happens after quiet().
    void post(std::chrono::milliseconds delay, std::function<void()> task);

    /// Calls `on_end` on the thread, once, when `fd` becomes readable; replaces what was watched before.
    /// `fd` -1 ends the watch. The descriptor stays open as long as it is watched.
    void watch(int fd, std::function<void()> on_end);

    /// Waits for the task under way and forgets the others.
    void quiet();

  private:
    using Clock = std::chrono::steady_clock;
    void live();
    [[nodiscard]] bool step();
    void wake() const;

    UniqueFd wake_;
    std::mutex mutex_;
    std::condition_variable idle_;
    std::multimap<Clock::time_point, std::function<void()>> tasks_;
    int watched_ = -1;
    std::function<void()> on_end_;
    bool busy_ = false;
    bool quiet_ = false;
    bool ending_ = false;
    std::thread thread_;
};

} // namespace cardlatch::harness
