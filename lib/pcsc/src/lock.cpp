#include "connection.hpp"

#include <cardlatch/pcsc/lock.hpp>

namespace cardlatch::pcsc {

Lock::Lock(std::shared_ptr<detail::Connection> connection, std::uint64_t epoch)
    : connection_(std::move(connection))
    , epoch_(epoch) {}

Lock::Lock(Lock&& other) noexcept = default;

Lock& Lock::operator=(Lock&& other) noexcept {
    if (this != &other) {
        finish();
        connection_ = std::move(other.connection_);
        epoch_ = other.epoch_;
    }
    return *this;
}

Lock::~Lock() {
    finish();
}

void Lock::finish() noexcept {
    if (!held()) {
        return;
    }
    const auto connection = connection_; // unlock() forgets it
    const auto ended = unlock();
    if (!ended) {
        if (ended.error().code == Errc::reset_card) {
            connection->keep_reset_for_next_lock();
        }
        detail::log("lock of the card in reader '" + connection->reader +
                    "' not ended cleanly: " + ended.error().message());
    }
}

Result<iso7816::ResponseApdu> Lock::transmit(const iso7816::CommandApdu& command) const {
    BOOST_OUTCOME_TRY(const auto reply, transmit_bytes(command.encode()));
    return iso7816::ResponseApdu::parse(reply);
}

Result<Bytes> Lock::transmit_bytes(ByteView command) const {
    if (!connection_) {
        return detail::pcsc_error(Errc::not_transacted, "transmit: this lock is ended");
    }
    return connection_->exchange_locked(epoch_, command);
}

Result<void> Lock::unlock(Disposition disposition) {
    if (!connection_) {
        return detail::pcsc_error(Errc::not_transacted, "unlock: this lock is ended");
    }
    auto ended = connection_->end_level(epoch_, disposition);
    if (ended.released) {
        connection_.reset();
    }
    return std::move(ended.result);
}

Result<void> Lock::check() const {
    if (!connection_) {
        return detail::pcsc_error(Errc::not_transacted, "this lock is ended");
    }
    if (!connection_->holds(epoch_)) {
        return connection_->why_lost(epoch_, "lock");
    }
    return ok();
}

bool Lock::held() const {
    return connection_ && connection_->holds(epoch_);
}

} // namespace cardlatch::pcsc
