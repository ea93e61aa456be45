#include "private_stack_impl.hpp"

#include <cardlatch/vpcd/socket.hpp>

#include <fmt/format.h>
#include <sys/eventfd.h>

#include <csignal>
#include <unistd.h>

namespace cardlatch::harness {

using fault::Occasion;
using fault::Type;

FaultReach PrivateStack::Impl::reach() const {
    const bool ours = options.driver == Driver::cardlatch;
    return {
        .commands = options.host == Host::stack, .extension = ours, .own_pcscd = true, .unpluggable = ours};
}

std::vector<std::size_t> PrivateStack::Impl::slots_of(const fault::Fault& fault) const {
    std::vector<std::size_t> numbers;
    const auto count = all_slots().size();
    for (std::size_t i = 0; i < count; ++i) {
        if (!fault.slot || *fault.slot == i) {
            numbers.push_back(i);
        }
    }
    return numbers;
}

/// Where a fault happens now: in the slot that it names, or wherever there is what it strikes.
std::vector<std::size_t> PrivateStack::Impl::struck_now(const fault::Fault& fault) const {
    auto numbers = slots_of(fault);
    const bool strikes_readers = fault.type == Type::unplug || fault.type == Type::kill_pcscd;
    if (!fault.slot && !strikes_readers) {
        std::erase_if(numbers, [this](std::size_t number) { return !slot(number).card->occupied(); });
    }
    return numbers;
}

/// The part of a strike that is not the card's own; on the thread that serves the card.
void PrivateStack::Impl::on_strike(std::size_t slot, const fault::Fault& fault) {
    emit("fault", std::string(fault::info(fault.type).name), reader_of(slot),
         fmt::format("{}, seed {}", fault.name, plan.seed()));
    switch (fault.type) {
    case Type::client_reset:
        caretaker.post(std::chrono::milliseconds(0), [this, slot] {
            if (const auto done = reset(slot); !done) {
                emit("fault", "client-reset failed", reader_of(slot), done.assume_error().message());
            }
        });
        break;
    case Type::unplug:
        unplug(slot, fault.back);
        break;
    case Type::kill_pcscd:
        kill_pcscd(fault.back);
        break;
    default:
        break;
    }
}

std::filesystem::path PrivateStack::Impl::unplug_file(std::size_t device) const {
    return file(fmt::format("unplugged.{}", device));
}

/// Off the bus, and so off pcscd's list. Without a bus the driver says that the reader is gone, and pcscd
/// keeps its name. Waits for nothing.
void PrivateStack::Impl::unplug(std::size_t slot, std::optional<std::chrono::milliseconds> back) {
    const auto device = device_of(slot);
    if (device.state != Device::State::plugged) {
        return;
    }
    if (bus) {
        (void)unplug_device(device.id, Device::State::pulled);
    } else {
        mark_unplugged(device.id);
    }
    plug_later(slot, back);
}

void PrivateStack::Impl::plug_later(std::size_t slot, std::optional<std::chrono::milliseconds> back) {
    if (back) {
        caretaker.post(*back, [this, slot] { plug_again(slot); });
    }
}

bool PrivateStack::Impl::pulled(std::size_t slot) const {
    const auto device = device_of(slot);
    return bus ? device.state == Device::State::pulled : ::access(unplug_file(device.id).c_str(), F_OK) == 0;
}

void PrivateStack::Impl::plug_again(std::size_t slot) {
    const auto device = device_of(slot);
    if (!bus) {
        if (::unlink(unplug_file(device.id).c_str()) == 0) {
            nudge(slot);
            // From 2.0 on pcscd drops such a reader, and takes it again when it goes through its
            // configuration. Source: pcsc-lite RFReCheckReaderConf.
            const std::lock_guard lock(world_mutex);
            if (!killed && pcscd && pcscd->pid() > 0) {
                ::kill(pcscd->pid(), SIGUSR1);
            }
        }
        return;
    }
    const std::lock_guard lock(bus_mutex);
    if (pulled(slot)) {
        // pcscd keeps a reader for a second after a command to it has failed, and takes one that comes back
        // before that for a duplicate, once and for all. Source: pcsc-lite RFAddReader, IFDTransmit.
        (void)await_unplugged(device.id, Clock::now() + options.deadline);
        if (const auto done = plug(device.id); !done) {
            emit("fault", "unplug: not plugged in again", reader_of(slot), done.assume_error().message());
        }
    }
}

/// Makes the driver look at its link, and so at the file that says whether its reader is there.
void PrivateStack::Impl::nudge(std::size_t slot) const {
    const auto path = file(fmt::format("link.{}", device_of(slot).slots.front())).native();
    if (const auto address = vpcd::SocketAddress::of_path(path)) {
        (void)vpcd::connect_socket(address.assume_value(), std::chrono::seconds(1), path);
    }
}

void PrivateStack::Impl::kill_pcscd(std::optional<std::chrono::milliseconds> back) {
    const std::lock_guard lock(world_mutex);
    if (!killed && pcscd) {
        killed = true;
        revival = back;
        ::kill(pcscd->pid(), SIGKILL);
    }
}

void PrivateStack::Impl::on_death() {
    if (const auto watching = eyes()) {
        watching->leave(); // the next pcscd gets its own
    }
    std::optional<std::chrono::milliseconds> delay;
    {
        const std::lock_guard lock(world_mutex);
        if (!killed) {
            (void)::eventfd_write(death.get(), 1);
            return;
        }
        delay = revival;
    }
    bury();
    if (delay) {
        caretaker.post(*delay, [this] {
            if (const auto done = revive(); !done) {
                emit("pcscd", "failed", "", done.assume_error().message());
                (void)::eventfd_write(death.get(), 1);
            }
        });
    }
}

/// Reaps a pcscd that a fault has killed, and removes its socket; on the caretaker's thread.
void PrivateStack::Impl::bury() {
    {
        const std::lock_guard lock(world_mutex);
        if (pcscd->pid() <= 0) {
            return;
        }
        pcscd->stop();
    }
    emit("pcscd", "killed", "", "by a fault");
}

/// Starts pcscd again; on the caretaker's thread.
Result<void> PrivateStack::Impl::revive() {
    const auto deadline = Clock::now() + options.deadline;
    {
        const std::lock_guard lock(world_mutex);
        if (!killed) {
            return ok();
        }
    }
    bury(); // who asks for it may be sooner than the news of its death
    BOOST_OUTCOME_TRY(launch());
    BOOST_OUTCOME_TRY(await_readers(deadline));
    emit("pcscd", "restarted", "", fmt::format("process {}", pcscd->pid()));
    return ok();
}

/// Waits until clients see the reader and, where one is in its slot, the card.
Result<void> PrivateStack::Impl::await_return(std::size_t number, Clock::time_point deadline) const {
    const auto here = slot(number);
    return eyes()->wait_until(deadline, [&](const auto& views) {
        const auto* view = find_view(views, here.reader);
        return view != nullptr && view->state != "unavailable" &&
               (holds_card(view) || !here.card->occupied());
    });
}

/// A fault that is to happen now, with one slot. Returns when PC/SC clients have seen it.
Result<void> PrivateStack::Impl::happen(std::size_t slot, const fault::Fault& fault) {
    const auto deadline = Clock::now() + options.deadline;
    switch (fault.type) {
    case Type::remove:
        return change(slot, false, [](CardSlot& card) { return card.remove(); });
    case Type::reinsert:
        return change(slot, true, [](CardSlot& card) { return card.cut_link(true); });
    case Type::cut:
        return change(slot, true, [](CardSlot& card) { return card.cut_link(false); });
    case Type::client_reset:
        return reset(slot);
    case Type::unplug: {
        const auto device = device_of(slot);
        if (bus && device.state != Device::State::plugged) {
            return ok(); // with another of its slots
        }
        unplug(slot, {});
        if (bus) {
            cut_links(device.id);
            BOOST_OUTCOME_TRY(await_unplugged(device.id, deadline));
        } else {
            nudge(slot);
            (void)this->slot(slot).card->cut_link(false); // without a card there is nothing to cut
            BOOST_OUTCOME_TRY(eyes()->wait_until(deadline, [&](const auto& views) {
                const auto* view = find_view(views, reader_of(slot));
                return view == nullptr || view->state == "unavailable";
            }));
        }
        plug_later(slot, fault.back);
        return ok();
    }
    default: {
        const auto watching = eyes();
        kill_pcscd(fault.back);
        // Never true, so this ends when pcscd's end has taken the observer along.
        (void)watching->wait_until(deadline, [](const auto&) { return false; });
        return ok();
    }
    }
}

/// Undoes what lasts, or ends it before its time. Returns when PC/SC clients have seen it.
Result<void> PrivateStack::Impl::mend(const fault::Fault& fault) {
    const auto deadline = Clock::now() + options.deadline;
    if (fault.type == Type::kill_pcscd) {
        BOOST_OUTCOME_TRY(caretaker.run([this] { return revive(); })); // behind one that is under way
        for (const auto number : slots_of({})) {
            if (!pulled(number) && device_of(number).state == Device::State::plugged) {
                BOOST_OUTCOME_TRY(await_return(number, deadline));
            }
        }
        return ok();
    }
    if (fault.type != Type::unplug) {
        return ok();
    }
    const auto numbers = slots_of(fault);
    std::vector<bool> back(numbers.size());
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        back[i] = pulled(numbers[i]);
    }
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        if (!back[i]) {
            continue;
        }
        plug_again(numbers[i]); // once for all slots of a reader
        BOOST_OUTCOME_TRY(await_return(numbers[i], deadline));
    }
    return ok();
}

const fault::FaultPlan& PrivateStack::faults() const {
    return impl_->plan;
}

Result<std::string> PrivateStack::add_fault(fault::Fault fault) {
    BOOST_OUTCOME_TRY(check_reach(fault, impl_->reach()));
    BOOST_OUTCOME_TRY(auto name, impl_->plan.add(fault));
    if (fault.on == Occasion::now) {
        const auto numbers = impl_->struck_now(fault);
        if (numbers.empty()) {
            static_cast<void>(impl_->plan.remove(name));
            return fail(std::errc::no_such_device, "no card in any reader; insert one first");
        }
        for (const auto slot : numbers) {
            impl_->emit("fault", std::string(fault::info(fault.type).name), impl_->reader_of(slot), name);
            if (const auto happened = impl_->happen(slot, fault); !happened) {
                static_cast<void>(impl_->plan.remove(name));
                return happened.assume_error();
            }
            if (fault.type == Type::kill_pcscd) {
                break; // there is one
            }
        }
    }
    return name;
}

Result<void> PrivateStack::remove_fault(const std::string& name) {
    std::optional<fault::Fault> found;
    for (const auto& status : impl_->plan.list()) {
        if (status.fault.name == name) {
            found = status.fault;
        }
    }
    BOOST_OUTCOME_TRY(impl_->plan.remove(name));
    return found ? impl_->mend(*found) : Result<void>(ok());
}

Result<void> PrivateStack::clear_faults() {
    const auto list = impl_->plan.list();
    impl_->plan.clear();
    for (const auto& status : list) {
        BOOST_OUTCOME_TRY(impl_->mend(status.fault));
    }
    return ok();
}

} // namespace cardlatch::harness
