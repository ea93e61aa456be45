#include "library_calls.hpp"

#include <thread>
#include <utility>

namespace cardlatch::lockcheck {

namespace {

constexpr std::chrono::milliseconds k_look_again{1};

constexpr Code k_no_such_card = code_of(pcsc::Errc::invalid_handle);
constexpr Code k_no_lock = code_of(pcsc::Errc::not_transacted);

} // namespace

Code code_of(const Error& error) {
    return error.code.category() == pcsc::category() ? static_cast<Code>(error.code.value()) : k_not_done;
}

void LibraryCalls::use_reader(std::string name) {
    const std::lock_guard guard(mutex_);
    reader_ = std::move(name);
}

Result<pcsc::Reader> LibraryCalls::reader() {
    const std::lock_guard guard(mutex_);
    if (!context_) {
        BOOST_OUTCOME_TRY(auto context, pcsc::Context::establish());
        context_.emplace(std::move(context));
    }
    return context_->reader(reader_);
}

std::shared_ptr<LibraryCalls::Held> LibraryCalls::find(const std::string& name) const {
    const std::lock_guard guard(mutex_);
    const auto found = cards_.find(name);
    return found == cards_.end() ? nullptr : found->second;
}

Code LibraryCalls::attach(const std::string& name, pcsc::ShareMode share) {
    const auto where = reader();
    if (!where) {
        return code_of(where);
    }
    return keep(name, where.assume_value().connect(share));
}

Code LibraryCalls::attach_within(const std::string& name, std::chrono::milliseconds time) {
    const auto where = reader();
    return where ? keep(name, where.assume_value().connect(std::chrono::steady_clock::now() + time))
                 : code_of(where);
}

Code LibraryCalls::attach_stoppable(const std::string& name) {
    const auto where = reader();
    if (!where) {
        return code_of(where);
    }
    const auto stop = [&] {
        const std::lock_guard guard(mutex_);
        return attaching_[name].get_token();
    }();
    auto connected = where.assume_value().connect(stop);
    {
        const std::lock_guard guard(mutex_);
        attaching_.erase(name);
    }
    return keep(name, std::move(connected));
}

Code LibraryCalls::keep(const std::string& name, Result<pcsc::Card> connected) {
    if (!connected) {
        return code_of(connected);
    }
    auto held = std::make_shared<Held>(std::move(connected).assume_value());
    const std::lock_guard guard(mutex_);
    cards_[name] = std::move(held);
    return k_success;
}

Code LibraryCalls::reattach(const std::string& name, pcsc::Disposition initialization) {
    const auto held = find(name);
    return held ? code_of(held->card.reconnect(pcsc::ShareMode::shared, pcsc::Protocol::any, initialization))
                : k_no_such_card;
}

Code LibraryCalls::detach(const std::string& name, pcsc::Disposition disposition) {
    const auto held = find(name);
    return held ? code_of(held->card.disconnect(disposition)) : k_no_such_card;
}

Code LibraryCalls::forget(const std::string& name) {
    const auto held = find(name);
    const std::lock_guard guard(mutex_);
    return cards_.erase(name) == 1 ? k_success : k_no_such_card;
}

Code LibraryCalls::keep(Held& held, Result<pcsc::Lock> lock) {
    if (!lock) {
        return code_of(lock);
    }
    const std::lock_guard guard(held.mutex);
    if (!held.done_with) {
        held.locks.push_back(std::move(lock).assume_value());
    }
    return k_success;
}

Code LibraryCalls::lock(const std::string& name) {
    const auto held = find(name);
    return held ? keep(*held, held->card.lock()) : k_no_such_card;
}

Code LibraryCalls::lock_within(const std::string& name, std::chrono::milliseconds time) {
    const auto held = find(name);
    return held ? keep(*held, held->card.lock(std::chrono::steady_clock::now() + time)) : k_no_such_card;
}

Code LibraryCalls::lock_stoppable(const std::string& name) {
    const auto held = find(name);
    if (!held) {
        return k_no_such_card;
    }
    const auto stop = [&] {
        const std::lock_guard guard(held->mutex);
        return held->stop.get_token();
    }();
    const auto code = keep(*held, held->card.lock(stop));
    const std::lock_guard guard(held->mutex);
    if (held->stop.stop_requested()) {
        held->stop = std::stop_source();
    }
    return code;
}

Code LibraryCalls::stop(const std::string& name) {
    const auto held = find(name);
    const auto stop = [&] {
        const std::lock_guard guard(held ? held->mutex : mutex_);
        return held ? held->stop : attaching_[name];
    }();
    stop.request_stop();
    return k_success;
}

Code LibraryCalls::try_lock(const std::string& name) {
    const auto held = find(name);
    return held ? keep(*held, held->card.try_lock()) : k_no_such_card;
}

Code LibraryCalls::unlock(const std::string& name, pcsc::Disposition disposition) {
    const auto held = find(name);
    if (!held) {
        return k_no_such_card;
    }
    const std::lock_guard guard(held->mutex);
    if (held->locks.empty()) {
        return k_no_lock;
    }
    const auto code = code_of(held->locks.back().unlock(disposition));
    if (!held->locks.back().held()) {
        held->locks.pop_back();
    }
    return code;
}

Code LibraryCalls::let_go(const std::string& name) {
    const auto held = find(name);
    if (!held) {
        return k_no_such_card;
    }
    const std::lock_guard guard(held->mutex);
    if (held->locks.empty()) {
        return k_no_lock;
    }
    held->locks.pop_back();
    return k_success;
}

Code LibraryCalls::transmit(const std::string& name, const iso7816::CommandApdu& command, Bytes& answer) {
    const auto held = find(name);
    answer.clear();
    if (!held) {
        return k_no_such_card;
    }
    const std::lock_guard guard(held->mutex);
    if (held->locks.empty()) {
        return k_no_lock;
    }
    auto reply = held->locks.back().transmit_bytes(command.encode());
    if (reply) {
        answer = std::move(reply).assume_value();
        return k_success;
    }
    return code_of(reply);
}

Code LibraryCalls::check(const std::string& name) {
    const auto held = find(name);
    if (!held) {
        return k_no_such_card;
    }
    const std::lock_guard guard(held->mutex);
    return held->locks.empty() ? k_no_lock : code_of(held->locks.back().check());
}

bool LibraryCalls::has_lock(const std::string& name) const {
    const auto held = find(name);
    if (!held) {
        return false;
    }
    const std::lock_guard guard(held->mutex);
    return !held->locks.empty();
}

Code LibraryCalls::end_idle_locks(const std::string& name, std::chrono::milliseconds time) {
    const auto held = find(name);
    if (!held) {
        return k_no_such_card;
    }
    auto policy = held->card.lock_policy();
    policy.idle = {time, pcsc::IdleWatch::Action::unlock};
    held->card.set_lock_policy(std::move(policy));
    return k_success;
}

Code LibraryCalls::recover_with(const std::string& name, const iso7816::CommandApdu& command) {
    const auto held = find(name);
    if (!held) {
        return k_no_such_card;
    }
    auto policy = held->card.lock_policy();
    policy.after_reset = pcsc::Recovery::reattach([command](pcsc::Lock& lock) -> Result<void> {
        BOOST_OUTCOME_TRY(const auto reply, lock.transmit(command));
        return reply.sw.value() == 0x9000 ? Result<void>(ok()) : fail(std::errc::permission_denied);
    });
    held->card.set_lock_policy(std::move(policy));
    return k_success;
}

Code LibraryCalls::await_queue(unsigned count) {
    const auto where = reader();
    if (!where) {
        return code_of(where);
    }
    while (where.assume_value().lock_queue().waiting != count) {
        std::this_thread::sleep_for(k_look_again);
    }
    return k_success;
}

Code LibraryCalls::is_holder(pid_t pid) {
    const auto where = reader();
    if (!where) {
        return code_of(where);
    }
    const auto holder = where.assume_value().lock_queue().holder;
    return holder && holder->pid == pid ? k_success : k_not_done;
}

void LibraryCalls::close() {
    std::map<std::string, std::shared_ptr<Held>> cards;
    std::optional<pcsc::Context> context;
    {
        const std::lock_guard guard(mutex_);
        cards.swap(cards_);
        context.swap(context_);
    }
    for (const auto& [name, held] : cards) {
        const std::lock_guard guard(held->mutex);
        held->done_with = true;
        held->locks.clear();
        // Another thread may still wait for this card: the Card itself goes with its last user.
        (void)held->card.disconnect();
    }
}

} // namespace cardlatch::lockcheck
