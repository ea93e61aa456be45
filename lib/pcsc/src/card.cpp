#include "connection.hpp"
#include "native_calls.hpp"

#include <cardlatch/pcsc/card.hpp>
#include <cardlatch/pcsc/context.hpp>

namespace cardlatch::pcsc {

Card::Card(std::shared_ptr<detail::Connection> connection)
    : connection_(std::move(connection)) {}
Card::Card(Card&&) noexcept = default;

Card& Card::operator=(Card&& other) noexcept {
    if (this != &other) {
        leave();
        connection_ = std::move(other.connection_);
    }
    return *this;
}

Card::~Card() {
    leave();
}

void Card::leave() noexcept {
    if (!connection_ || !connection_->connected || connection_->context->inherited()) {
        return;
    }
    // Disconnecting before the context goes keeps pcsc-lite from resetting the card of a lock's owner.
    const auto left = connection_->owned ? disconnect() : drop_locks();
    if (!left) {
        detail::log("card in reader '" + connection_->reader +
                    "' not left cleanly: " + left.error().message());
    }
    connection_->connected = false;
}

Result<Card> Card::adopt(const Context& context, NativeHandle handle) {
    const auto native = static_cast<SCARDHANDLE>(handle);
    auto status = detail::native_status(native);
    if (!status && status.error().code != Errc::reset_card && status.error().code != Errc::removed_card) {
        return status.error();
    }
    auto name = status ? status.value().reader : std::string();
    auto queue = std::make_unique<detail::Turnstile>(name);
    auto connection = std::make_shared<detail::Connection>(context.handle_, native, std::move(name),
                                                           std::move(queue), false);
    if (status) {
        connection->active = status.value().protocol;
        // An exclusive connection excludes any other, so a handle that is valid and a reader in exclusive use
        // belong together.
        const auto state = detail::query_reader(*context.handle_, connection->reader);
        if (state && state.value().exclusive()) {
            connection->share = ShareMode::exclusive;
        }
    }
    return Card(std::move(connection));
}

Result<Lock> Card::lock() const {
    return lock_within({});
}

Result<Lock> Card::lock(std::chrono::steady_clock::time_point deadline) const {
    return lock_within({deadline, {}, Errc::timeout});
}

Result<Lock> Card::lock(std::stop_token stop, std::chrono::steady_clock::time_point deadline) const {
    return lock_within({deadline, std::move(stop), Errc::timeout});
}

Result<Lock> Card::try_lock() const {
    return lock_within({std::chrono::steady_clock::now(), {}, Errc::sharing_violation});
}

Result<Lock> Card::lock_within(const detail::LockBounds& bounds) const {
    BOOST_OUTCOME_TRY(const auto level, connection_->begin(bounds));
    Lock lock(connection_, level.epoch);
    if (level.recovered) {
        const auto policy = connection_->policy();
        if (const auto& reselect = policy.after_reset.reselect()) {
            BOOST_OUTCOME_TRY(reselect(lock));
        }
        connection_->recovery_done();
    }
    return lock;
}

void Card::set_lock_policy(LockPolicy policy) {
    connection_->set_policy(std::move(policy));
}

LockPolicy Card::lock_policy() const {
    return connection_->policy();
}

Result<Bytes> Card::transmit_unlocked(ByteView command) const {
    return connection_->exchange(command);
}

Result<CardStatus> Card::status() const {
    BOOST_OUTCOME_TRY(connection_->check_connected("status"));
    return detail::native_status(connection_->handle);
}

Result<void> Card::reconnect(ShareMode mode, Protocol preferred, Disposition initialization) {
    return connection_->reconnect(mode, preferred, initialization);
}

Result<void> Card::drop_locks() {
    return connection_->drop_locks();
}

Result<void> Card::disconnect(Disposition disposition) {
    return connection_->disconnect(disposition);
}

NativeHandle Card::native_handle() const {
    return connection_->connected ? static_cast<NativeHandle>(connection_->handle) : 0;
}

const std::string& Card::reader_name() const {
    return connection_->reader;
}

Protocol Card::active_protocol() const {
    return connection_->active;
}

Protocol Card::preferred_protocol() const {
    return connection_->preferred;
}

ShareMode Card::share_mode() const {
    return connection_->share;
}

unsigned Card::lock_depth() const {
    return connection_->levels();
}

bool Card::owned() const {
    return connection_->owned;
}

} // namespace cardlatch::pcsc
