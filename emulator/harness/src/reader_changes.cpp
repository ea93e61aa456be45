// Readers that come and go: what a stack is made of, and what pcscd calls it.

#include "private_stack_impl.hpp"

#include <cardlatch/card/profile.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <fcntl.h>
#include <unistd.h>

namespace cardlatch::harness {

namespace {

template <class Devices>
auto& device_by_id(Devices& devices, unsigned id) {
    return *std::find_if(devices.begin(), devices.end(),
                         [id](const auto& device) { return device.id == id; });
}

} // namespace

PrivateStack::Impl::Slot PrivateStack::Impl::slot(std::size_t number) const {
    const std::lock_guard lock(slots_mutex);
    return slots.at(number);
}

std::vector<PrivateStack::Impl::Slot> PrivateStack::Impl::all_slots() const {
    const std::lock_guard lock(slots_mutex);
    return slots;
}

std::string PrivateStack::Impl::reader_of(std::size_t slot) const {
    const std::lock_guard lock(slots_mutex);
    return slots.at(slot).reader;
}

PrivateStack::Impl::Device PrivateStack::Impl::device_of(std::size_t slot) const {
    const std::lock_guard lock(slots_mutex);
    return device_by_id(devices, slots.at(slot).device);
}

std::vector<std::string> PrivateStack::Impl::plugged_readers() const {
    const std::lock_guard lock(slots_mutex);
    std::vector<std::string> readers;
    for (const auto& slot : slots) {
        if (device_by_id(devices, slot.device).state == Device::State::plugged) {
            readers.push_back(slot.reader);
        }
    }
    return readers;
}

/// Makes a reader that is not plugged in yet, on the slots' numbers that are free. Needs no lock before the
/// stack runs, and bus_mutex later.
Result<unsigned> PrivateStack::Impl::make_device(const std::string& name, unsigned slots_of_it) {
    Device device{
        .id = 0, .name = name, .address = {}, .number = 0, .slots = {}, .state = Device::State::removed};
    {
        const std::lock_guard lock(slots_mutex);
        device.id = devices.empty() ? 0 : devices.back().id + 1;
        device.number = free_number();
        for (std::size_t i = 0; i < k_max_slots && device.slots.size() < slots_of_it; ++i) {
            if (i >= slots.size() || device_by_id(devices, slots[i].device).state == Device::State::removed) {
                device.slots.push_back(i);
            }
        }
    }
    if (device.slots.size() < slots_of_it) {
        return fail(
            std::errc::no_buffer_space,
            fmt::format("one pcscd carries {} readers, slots counted singly; remove one first", k_max_slots));
    }
    const auto path = file(fmt::format("link.{}", device.slots.front())).native();
    device.address = "unix:" + path + device_options(slots_of_it, device.id);
    std::vector<Slot> made;
    for (unsigned i = 0; i < slots_of_it; ++i) {
        const vpcd::LinkAddress address{.kind = vpcd::LinkAddress::Kind::connect_unix,
                                        .offers_extension = true,
                                        .path = i == 0 ? path : fmt::format("{}.{}", path, i),
                                        .tcp = {}};
        BOOST_OUTCOME_TRY(auto link, vpcd::IccLink::open(address));
        made.push_back(make_slot(device.slots[i], slot_name(device, i), device.id, std::move(link)));
    }
    std::vector<Slot> former; // ends outside the lock
    const std::lock_guard lock(slots_mutex);
    slots.reserve(k_max_slots);
    for (unsigned i = 0; i < slots_of_it; ++i) {
        if (device.slots[i] < slots.size()) {
            former.push_back(std::exchange(slots[device.slots[i]], std::move(made[i])));
        } else {
            slots.push_back(std::move(made[i]));
        }
    }
    std::erase_if(devices, [this](const Device& old) { // whose numbers are all taken
        return std::none_of(slots.begin(), slots.end(),
                            [&old](const Slot& slot) { return slot.device == old.id; });
    });
    const auto id = device.id;
    devices.push_back(std::move(device));
    return id;
}

/// As pcscd does it for its list. Source: pcsc-lite readerfactory.c, RFSetReaderName and RFAddReader.
std::string PrivateStack::Impl::slot_name(const Device& device, std::size_t index) {
    return fmt::format("{} {:02X} {:02X}", device.name, device.number, index);
}

/// The number that pcscd gives to the reader that comes next.
unsigned PrivateStack::Impl::free_number() const {
    unsigned number = 0;
    while (std::any_of(devices.begin(), devices.end(), [&number](const Device& other) {
        return other.state == Device::State::plugged && other.number == number;
    })) {
        ++number;
    }
    return number;
}

void PrivateStack::Impl::name_slots(const Device& device) {
    for (std::size_t i = 0; i < device.slots.size(); ++i) {
        slots[device.slots[i]].reader = slot_name(device, i);
    }
}

/// The names that a pcscd gives that starts now.
void PrivateStack::Impl::number_devices() {
    const std::lock_guard lock(slots_mutex);
    unsigned number = 0;
    for (auto& device : devices) {
        if (device.state == Device::State::plugged) {
            device.number = number++;
            name_slots(device);
        }
    }
}

Result<void> PrivateStack::Impl::plug(unsigned id) {
    Device device;
    Device::State before{};
    {
        const std::lock_guard lock(slots_mutex);
        auto& found = device_by_id(devices, id);
        found.number = free_number();
        before = std::exchange(found.state, Device::State::plugged);
        name_slots(found);
        device = found;
    }
    ::unlink(unplug_file(id).c_str());
    auto done = bus->attach(id, device.name, device.address);
    if (done) {
        done = bus->tell("add", id);
    }
    if (!done) {
        bus->detach(id);
        const std::lock_guard lock(slots_mutex);
        device_by_id(devices, id).state = before;
    }
    return done;
}

Result<void> PrivateStack::Impl::unplug_device(unsigned id, Device::State state) {
    {
        const std::lock_guard lock(slots_mutex);
        device_by_id(devices, id).state = state;
    }
    bus->detach(id);
    mark_unplugged(id);
    return bus->tell("remove", id);
}

/// What a USB transfer does by itself when the device goes: a command that is out fails at once. pcscd alone
/// would wait for its answer.
void PrivateStack::Impl::mark_unplugged(unsigned id) const {
    const UniqueFd marker(::open(unplug_file(id).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

void PrivateStack::Impl::cut_links(unsigned id) const {
    std::vector<std::shared_ptr<CardSlot>> cards;
    {
        const std::lock_guard lock(slots_mutex);
        for (const auto number : device_by_id(devices, id).slots) {
            cards.push_back(slots[number].card);
        }
    }
    for (const auto& card : cards) {
        (void)card->cut_link(false); // without a card there is nothing to cut
    }
}

Result<void> PrivateStack::Impl::await_plugged(unsigned id, Clock::time_point deadline) const {
    std::vector<std::string> readers;
    {
        const std::lock_guard lock(slots_mutex);
        for (const auto number : device_by_id(devices, id).slots) {
            readers.push_back(slots[number].reader);
        }
    }
    const auto seen = eyes()->wait_until(deadline, [&](const auto& views) {
        return std::all_of(readers.begin(), readers.end(), [&](const auto& reader) {
            const auto* view = find_view(views, reader);
            return view != nullptr && view->state != "unavailable";
        });
    });
    return seen ? seen : with_log(seen.assume_error(), fmt::format("reader \"{}\"", readers.front()));
}

Result<void> PrivateStack::Impl::await_unplugged(unsigned id, Clock::time_point deadline) const {
    std::vector<std::string> readers;
    {
        const std::lock_guard lock(slots_mutex);
        for (const auto number : device_by_id(devices, id).slots) {
            readers.push_back(slots[number].reader);
        }
    }
    return eyes()->wait_until(deadline, [&](const auto& views) {
        return std::none_of(readers.begin(), readers.end(),
                            [&](const auto& reader) { return find_view(views, reader) != nullptr; });
    });
}

Result<std::vector<std::size_t>> PrivateStack::Impl::add_reader(const ReaderOptions& reader) {
    if (!bus) {
        return fail(std::errc::not_supported,
                    options.driver == Driver::vpcd
                        ? "stock vpcd has the two slots of one reader and no more; use Cardlatch's own driver"
                        : "this pcscd is built without libudev and takes readers only when it starts");
    }
    const auto name = reader.name.value_or(options.reader_name);
    BOOST_OUTCOME_TRY(check_reader_name(name));
    if (reader.cards.size() > k_most_reader_slots) {
        return fail(std::errc::invalid_argument, fmt::format("a reader with {} slots; 1 to {} are possible",
                                                             reader.cards.size(), k_most_reader_slots));
    }
    for (const auto& card : reader.cards) {
        if (card) {
            // A mistake in it is told before anything changes.
            BOOST_OUTCOME_TRY(const auto profile, card::load_profile(*card));
            BOOST_OUTCOME_TRY(faults_of(profile));
        }
    }
    const std::lock_guard lock(bus_mutex);
    const auto deadline = Clock::now() + options.deadline;
    BOOST_OUTCOME_TRY(const auto id, make_device(name, static_cast<unsigned>(
                                                           std::max<std::size_t>(1, reader.cards.size()))));
    BOOST_OUTCOME_TRY(plug(id));
    if (auto seen = await_plugged(id, deadline); !seen) {
        (void)unplug_device(id, Device::State::removed);
        return std::move(seen).assume_error();
    }
    const auto numbers = [&] {
        const std::lock_guard slots_lock(slots_mutex);
        return device_by_id(devices, id).slots;
    }();
    emit("reader", "plugged", reader_of(numbers.front()), "");
    for (std::size_t i = 0; i < reader.cards.size(); ++i) {
        if (reader.cards[i]) {
            BOOST_OUTCOME_TRY(
                change(numbers[i], true, [&](CardSlot& card) { return card.insert(reader.cards[i]); }));
        }
    }
    return numbers;
}

Result<void> PrivateStack::Impl::remove_reader(std::size_t slot) {
    if (!bus) {
        return fail(std::errc::not_supported,
                    "this pcscd takes its readers from its configuration and keeps them until it ends");
    }
    const std::lock_guard lock(bus_mutex);
    const auto device = device_of(slot);
    if (device.state == Device::State::removed) {
        return fail(std::errc::no_such_device, fmt::format("the reader of slot {} is gone already", slot));
    }
    const auto deadline = Clock::now() + options.deadline;
    if (device.state == Device::State::plugged) {
        BOOST_OUTCOME_TRY(unplug_device(device.id, Device::State::removed));
        cut_links(device.id);
        BOOST_OUTCOME_TRY(await_unplugged(device.id, deadline));
    } else {
        const std::lock_guard slots_lock(slots_mutex);
        device_by_id(devices, device.id).state = Device::State::removed;
    }
    for (const auto number : device.slots) {
        (void)this->slot(number).card->remove(); // nobody sees it any more; there may be none
    }
    emit("reader", "unplugged", reader_of(device.slots.front()), "");
    return ok();
}

bool PrivateStack::readers_change() const {
    return impl_->bus.has_value();
}

Result<std::vector<std::size_t>> PrivateStack::add_reader(const ReaderOptions& reader) {
    return impl_->add_reader(reader);
}

Result<void> PrivateStack::remove_reader(std::size_t slot) {
    return impl_->remove_reader(slot);
}

} // namespace cardlatch::harness
