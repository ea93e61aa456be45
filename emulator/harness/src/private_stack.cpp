#include "private_stack_impl.hpp"
#include "reader_config.hpp"

#include <cardlatch/card/profile.hpp>

#include <fmt/format.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <deque>
#include <fstream>
#include <unistd.h>

namespace cardlatch::harness {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

namespace {

/// Stock vpcd serves the two slots of one reader and no more. Source: vsmartcard ifd-vpcd.c, VICC_MAX_SLOTS.
constexpr std::size_t k_vpcd_slots = 2;

/// A driver that loads has a state within a millisecond; this is for machines under load.
constexpr std::chrono::seconds k_driver_start{5};

constexpr const char* k_socket = "pcscd.comm";
/// pcscd's own, behind the relay of a traced stack.
constexpr const char* k_inner_socket = "pcscd.inner";
constexpr const char* k_trace_socket = "trace";

/// The last lines of a log, on one line.
std::string log_tail(const fs::path& file) {
    constexpr std::size_t k_lines = 3;
    std::ifstream log(file);
    std::deque<std::string> lines;
    for (std::string line; std::getline(log, line);) {
        lines.push_back(line);
        if (lines.size() > k_lines) {
            lines.pop_front();
        }
    }
    std::string text;
    for (const auto& line : lines) {
        text += (text.empty() ? "" : " | ") + line;
    }
    return text.empty() ? "its log is empty" : "its log ends: " + text;
}

} // namespace

const ReaderView* find_view(const std::vector<ReaderView>& views, const std::string& name) {
    const auto found =
        std::find_if(views.begin(), views.end(), [&name](const ReaderView& v) { return v.name == name; });
    return found == views.end() ? nullptr : &*found;
}

bool holds_card(const ReaderView* view) {
    return view != nullptr && (view->state == "present" || view->state == "mute");
}

PrivateStack::Impl::Impl(StackOptions o, StackDirectory d)
    : options(std::move(o))
    , directory(std::move(d))
    , log_file(options.log_file.value_or(directory.path() / "pcscd.log"))
    , plan(options.seed.value_or(any_seed()))
    , death(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void PrivateStack::Impl::emit(const std::string& who, const std::string& what, const std::string& reader,
                              const std::string& detail) {
    if (options.on_event) {
        const std::lock_guard lock(event_mutex);
        options.on_event({std::chrono::system_clock::now(), who, what, reader, detail});
    }
}

/// Opens the links, and writes what pcscd reads.
Result<void> PrivateStack::Impl::prepare() {
    const bool stock = options.driver == Driver::vpcd;
    const auto& library = stock ? options.vpcd_library : installation->driver;
    if (::access(library.c_str(), R_OK) != 0) {
        return last_system_error(fmt::format("IFD handler {}{}", library.native(),
                                             stock ? " (apt-get install vsmartcard-vpcd)" : ""));
    }
    std::error_code error;
    fs::create_directory(file("run"), error);
    fs::create_directory(file("readers"), error);
    // pcscd's parser takes only some characters in a path; a link of a known name takes them all.
    fs::create_symlink(fs::absolute(library), file("driver.so"), error);
    if (!error && options.host == Host::driver) {
        fs::create_symlink(installation->hosted, file("hosted.so"), error);
    }
    if (error) {
        return fail(error, fmt::format("folder {}: {}", directory.path().native(), error.message()));
    }
    if (options.state_dir) {
        fs::create_directories(*options.state_dir, error);
        if (error) {
            return fail(error,
                        fmt::format("state folder {}: {}", options.state_dir->native(), error.message()));
        }
    }

    if (options.trace && options.host == Host::driver) {
        BOOST_OUTCOME_TRY(hosted_events, trace::EventReceiver::start(file(k_trace_socket), options.trace));
    }
    std::vector<ReaderEntry> entries;
    if (stock) {
        BOOST_OUTCOME_TRY(prepare_vpcd(entries));
        return write_reader_config(file("readers") / "cardlatch", entries);
    }
    if (UsbBus::carries(options.pcscd)) {
        BOOST_OUTCOME_TRY(bus, UsbBus::create(file("usb"), file("driver.so")));
    }
    for (std::size_t i = 0; i < options.slots.size(); i += options.slots_per_reader) {
        BOOST_OUTCOME_TRY(make_device(options.reader_name, options.slots_per_reader));
        auto& device = devices.back();
        device.state = Device::State::plugged;
        if (bus) {
            BOOST_OUTCOME_TRY(bus->attach(device.id, device.name, device.address));
        } else {
            entries.push_back({device.name, device.address, file("driver.so")});
        }
    }
    number_devices();
    return write_reader_config(file("readers") / "cardlatch", entries);
}

/// Stock vpcd listens for cards; the reservation keeps other programs off the ports until then, and between
/// two cards.
Result<void> PrivateStack::Impl::prepare_vpcd(std::vector<ReaderEntry>& entries) {
    BOOST_OUTCOME_TRY(vpcd_ports,
                      vpcd::ReservedPort::reserve({std::string(vpcd::k_loopback), 0}, k_vpcd_slots));
    entries.push_back({options.reader_name, fmt::format("/dev/null:{}", vpcd_ports.front().where().port),
                       file("driver.so")});
    Device device{.id = 0,
                  .name = options.reader_name,
                  .address = entries.back().device_name,
                  .number = 0,
                  .slots = {},
                  .state = Device::State::plugged};
    for (const auto& port : vpcd_ports) {
        const vpcd::LinkAddress address{.kind = vpcd::LinkAddress::Kind::connect_tcp,
                                        .offers_extension = false,
                                        .path = {},
                                        .tcp = port.where()};
        BOOST_OUTCOME_TRY(auto link, vpcd::IccLink::open(address));
        slots.push_back(
            make_slot(slots.size(), slot_name(device, device.slots.size()), device.id, std::move(link)));
        device.slots.push_back(device.slots.size());
    }
    devices.push_back(std::move(device));
    number_devices();
    return ok();
}

/// What follows the path in a driver's address.
std::string PrivateStack::Impl::device_options(unsigned slots_of_it, std::size_t device) const {
    auto text = fmt::format("?slots={}&unplug-file={}", slots_of_it, unplug_file(device).native());
    if (options.pin_pad) {
        text += "&pin-pad=1";
    }
    if (options.host == Host::driver) {
        text += "&host=" + file("hosted.so").native();
    }
    return text;
}

PrivateStack::Impl::Slot PrivateStack::Impl::make_slot(std::size_t number, std::string reader,
                                                       unsigned device, vpcd::IccLink link) {
    SlotFaults faults{.plan = &plan,
                      .slot = number,
                      .on_strike = [this, number](const fault::Fault& fault) { on_strike(number, fault); },
                      .commands = options.host == Host::stack};
    SlotReports reports{.reader = reader,
                        .trace = options.trace,
                        .trace_socket = hosted_events ? file(k_trace_socket).native() : std::string(),
                        .on_report = [this, number](const std::string& what) {
                            emit("card", "replay", reader_of(number), what);
                        }};
    auto card = std::make_shared<CardSlot>(std::move(link), std::to_string(number), options.state_dir,
                                           CardSlot::Patience::none, std::move(faults), std::move(reports));
    return {.reader = std::move(reader), .card = std::move(card), .device = device};
}

Result<void> PrivateStack::Impl::launch() {
    number_devices();
    auto started = Pcscd::start({.program = options.pcscd,
                                 .socket = file(options.trace ? k_inner_socket : k_socket),
                                 .config_dir = file("readers"),
                                 .run_dir = file("run"),
                                 .log_file = log_file,
                                 .shim = installation->shim,
                                 .loopback_only = options.driver == Driver::vpcd,
                                 .usb_bus = bus ? bus->folder() : fs::path(),
                                 .preload = options.pcscd_preload,
                                 .isolation = options.isolation,
                                 .log_level = options.log_level});
    if (!started) {
        return std::move(started).assume_error();
    }
    if (options.trace && !tap) {
        BOOST_OUTCOME_TRY(tap, PcscTap::start({.socket = file(k_socket),
                                               .pcscd = file(k_inner_socket),
                                               .trace = options.trace,
                                               .exchanges = false,
                                               .reader = {}}));
    }
    BOOST_OUTCOME_TRY(auto watching,
                      Observer::start(installation->observer, file(k_socket), file("observer.log"),
                                      [this](const auto& before, const auto& now) { on_view(before, now); }));
    if (tap) {
        tap->hide(watching->pid());
    }
    std::shared_ptr<Observer> former; // ends outside the lock
    const std::lock_guard lock(world_mutex);
    pcscd.emplace(std::move(started).assume_value());
    former = std::exchange(observer, std::move(watching));
    killed = false;
    caretaker.watch(pcscd->death_fd(), [this] { on_death(); });
    return ok();
}

Error PrivateStack::Impl::with_log(const Error& error, const std::string& what) const {
    return fail(error.code, fmt::format("{}: {}; {}", what, error.message(), log_tail(log_file)));
}

Result<void> PrivateStack::Impl::await_readers(Clock::time_point deadline) {
    // pcscd starts the readers that are there before it serves its first client, so the first list is the
    // whole list; what is missing from it will not come. A reader whose driver cannot be loaded is listed,
    // but its state is never known.
    const auto all_readers = [readers = plugged_readers()](const auto& views, auto&& accept) {
        return std::all_of(readers.begin(), readers.end(),
                           [&](const auto& reader) { return accept(find_view(views, reader)); });
    };
    const auto watching = eyes();
    const auto served = watching->wait_until(deadline, [](const auto&) { return true; });
    if (!served) {
        return with_log(served.assume_error(), "pcscd does not answer");
    }
    const auto listed = [](const ReaderView* view) { return view != nullptr; };
    const auto known = [](const ReaderView* view) { return view != nullptr && view->state != "unavailable"; };
    if (!all_readers(watching->readers(), listed) ||
        !watching->wait_until(std::min(deadline, Clock::now() + k_driver_start),
                              [&](const auto& views) { return all_readers(views, known); })) {
        return with_log(fail(std::errc::no_such_device, "the driver did not start it"),
                        fmt::format("reader \"{}\"", options.reader_name));
    }
    return ok();
}

Result<void> PrivateStack::Impl::insert_first_cards(const Profiles& profiles, Clock::time_point deadline) {
    for (std::size_t i = 0; i < options.slots.size(); ++i) {
        if (const auto& file = options.slots[i].profile) {
            BOOST_OUTCOME_TRY(slot(i).card->insert(profiles.at(*file)));
        }
    }
    const auto seen = eyes()->wait_until(deadline, [this](const auto& views) {
        for (std::size_t i = 0; i < options.slots.size(); ++i) {
            if (options.slots[i].profile && !holds_card(find_view(views, reader_of(i)))) {
                return false;
            }
        }
        return true;
    });
    if (!seen) {
        return with_log(seen.assume_error(), "the cards did not appear");
    }
    return ok();
}

void PrivateStack::Impl::on_view(const ReaderView& before, const ReaderView& now) {
    const bool was = holds_card(&before);
    const bool is = holds_card(&now);
    if (is && (!was || before.events != now.events)) {
        emit("pcscd", "inserted", now.name, "ATR " + now.atr);
    } else if (was && !is) {
        emit("pcscd", "removed", now.name, "");
    }
}

/// Errors: no_such_device.
Result<void> PrivateStack::Impl::check_there(std::size_t number) const {
    if (device_of(number).state == Device::State::plugged) {
        return ok();
    }
    return fail(std::errc::no_such_device, fmt::format("the reader of slot {} is unplugged", number));
}

/// Does `action` to a slot and waits until clients see it, by pcscd's own count of insertions and removals.
Result<void> PrivateStack::Impl::change(std::size_t number, bool present,
                                        const std::function<Result<void>(CardSlot&)>& action) const {
    const auto slot = this->slot(number);
    const std::lock_guard lock(*slot.busy);
    BOOST_OUTCOME_TRY(check_there(number));
    const auto deadline = Clock::now() + options.deadline;
    const auto watching = eyes();
    const auto views = watching->readers();
    const auto* view = find_view(views, slot.reader);
    const auto before = view == nullptr ? 0 : view->events;
    BOOST_OUTCOME_TRY(action(*slot.card));
    return watching->wait_until(deadline, [&](const auto& now) {
        const auto* current = find_view(now, slot.reader);
        return current != nullptr && current->events != before && holds_card(current) == present;
    });
}

PrivateStack::PrivateStack(std::unique_ptr<Impl> impl)
    : impl_(std::move(impl)) {}

PrivateStack::~PrivateStack() {
    impl_->control.reset();
    if (const auto watching = impl_->eyes()) {
        watching->leave();
    }
    impl_->caretaker.quiet();
    impl_->observer.reset();
    impl_->tap.reset();
    if (impl_->pcscd) {
        impl_->pcscd->stop();
        impl_->emit("stack", "stopped", "", impl_->directory.path().native());
    }
    impl_->slots.clear(); // nobody else is left
}

Result<std::unique_ptr<PrivateStack>> PrivateStack::start(StackOptions options) {
    const auto most = options.driver == Driver::vpcd ? k_vpcd_slots : k_max_slots;
    if (options.slots_per_reader == 0 || options.slots_per_reader > k_most_reader_slots) {
        return fail(std::errc::invalid_argument, fmt::format("a reader with {} slots; 1 to {} are possible",
                                                             options.slots_per_reader, k_most_reader_slots));
    }
    while (!options.slots.empty() && options.slots.size() % options.slots_per_reader != 0) {
        options.slots.emplace_back(); // the last reader has as many slots as the others
    }
    if (options.slots.empty() || options.slots.size() > most) {
        return fail(std::errc::invalid_argument,
                    fmt::format("{} readers, slots counted singly: {} carries 1 to {}", options.slots.size(),
                                options.driver == Driver::vpcd ? "stock vpcd" : "one pcscd", most));
    }
    BOOST_OUTCOME_TRY(check_reader_name(options.reader_name));
    if (options.driver == Driver::vpcd &&
        (options.pin_pad || options.host == Host::driver || options.slots_per_reader != 1)) {
        return fail(std::errc::invalid_argument,
                    "stock vpcd has no PIN pad, hosts no cards and has its own slots; use Cardlatch's own "
                    "driver");
    }
    Impl::Profiles profiles; // a mistake in one is told before anything starts; each is read once
    for (const auto& slot : options.slots) {
        if (slot.profile && !profiles.contains(*slot.profile)) {
            BOOST_OUTCOME_TRY(auto profile, card::load_profile(*slot.profile));
            BOOST_OUTCOME_TRY(faults_of(profile));
            profiles.emplace(*slot.profile, std::move(profile));
        }
    }
    BOOST_OUTCOME_TRY(auto installation, Installation::locate());
    BOOST_OUTCOME_TRY(auto directory, StackDirectory::create());
    // From here on the destructor takes down what is up.
    std::unique_ptr<PrivateStack> stack(
        new PrivateStack(std::make_unique<Impl>(std::move(options), std::move(directory))));
    auto& impl = *stack->impl_;
    const auto deadline = Clock::now() + impl.options.deadline;
    impl.installation = std::move(installation);
    BOOST_OUTCOME_TRY(impl.prepare());
    for (const auto& spec : impl.options.faults) {
        BOOST_OUTCOME_TRY(auto fault, stack->read_fault(spec));
        if (fault.on == fault::Occasion::now) {
            return fail(std::errc::invalid_argument,
                        fmt::format("fault \"{}\": on=now is for a stack that runs", spec));
        }
        BOOST_OUTCOME_TRY(stack->add_fault(std::move(fault)));
    }
    BOOST_OUTCOME_TRY(impl.caretaker.run([&impl] { return impl.launch(); }));
    impl.emit("stack", "started", "",
              fmt::format("{}, pcscd {} isolated by {}", impl.directory.path().native(), impl.pcscd->pid(),
                          to_string(impl.pcscd->isolation())));
    BOOST_OUTCOME_TRY(impl.await_readers(deadline));
    BOOST_OUTCOME_TRY(impl.insert_first_cards(profiles, deadline));
    BOOST_OUTCOME_TRY(impl.control, ControlServer::start(impl.file("control"), make_control_handler(*stack)));
    return stack;
}

const fs::path& PrivateStack::directory() const {
    return impl_->directory.path();
}

std::vector<std::pair<std::string, std::string>> PrivateStack::environment() const {
    return {{"PCSCLITE_CSOCK_NAME", impl_->file(k_socket).native()},
            {"CARDLATCH_CONTROL", impl_->file("control").native()}};
}

int PrivateStack::death_fd() const {
    return impl_->death.get();
}

std::string PrivateStack::death_report() {
    const std::lock_guard lock(impl_->world_mutex);
    return fmt::format("pcscd {}; {}", impl_->pcscd->how_it_ended().value_or("still runs"),
                       log_tail(impl_->log_file));
}

pid_t PrivateStack::pcscd_pid() const {
    const std::lock_guard lock(impl_->world_mutex);
    return impl_->pcscd ? impl_->pcscd->pid() : -1;
}

Isolation PrivateStack::isolation() const {
    const std::lock_guard lock(impl_->world_mutex);
    return impl_->pcscd->isolation();
}

std::vector<pid_t> PrivateStack::processes() const {
    std::vector<pid_t> list;
    const std::lock_guard lock(impl_->world_mutex);
    if (impl_->pcscd) {
        list.push_back(impl_->pcscd->pid());
    }
    if (impl_->observer) {
        list.push_back(impl_->observer->pid());
    }
    return list;
}

std::vector<SlotStatus> PrivateStack::status() const {
    std::vector<SlotStatus> list;
    const auto watching = impl_->eyes();
    const auto views = watching ? watching->readers() : std::vector<ReaderView>{};
    for (const auto& slot : impl_->all_slots()) {
        const auto number = list.size();
        const bool there = impl_->device_of(number).state == Impl::Device::State::plugged;
        const auto* view = there ? find_view(views, slot.reader) : nullptr;
        list.push_back({.slot = static_cast<int>(number),
                        .reader = slot.reader,
                        .state = view != nullptr ? view->state : (there ? "unavailable" : "unplugged"),
                        .profile = slot.card->profile_name(),
                        .atr = view == nullptr ? "" : view->atr,
                        .link = slot.card->address()});
    }
    return list;
}

Result<void> PrivateStack::insert(std::size_t slot, const std::optional<fs::path>& profile) {
    return impl_->change(slot, true, [&](CardSlot& card) { return card.insert(profile); });
}

Result<void> PrivateStack::remove(std::size_t slot) {
    return impl_->change(slot, false, [](CardSlot& card) { return card.remove(); });
}

Result<void> PrivateStack::type(std::size_t slot, vpcd::PinEntry entry) {
    if (!impl_->options.pin_pad) {
        return fail(std::errc::not_supported, "the readers have no PIN pad; start the stack with --pin-pad");
    }
    return impl_->slot(slot).card->type(std::move(entry));
}

Result<void> PrivateStack::reset(std::size_t slot) {
    return impl_->reset(slot);
}

Result<void> PrivateStack::Impl::reset(std::size_t number) {
    const auto target = slot(number);
    const std::lock_guard lock(*target.busy);
    BOOST_OUTCOME_TRY(check_there(number));
    if (!target.card->occupied()) {
        return fail(std::errc::no_such_device,
                    fmt::format("no card in \"{}\"; insert one first", target.reader));
    }
    BOOST_OUTCOME_TRY(eyes()->reset_card(target.reader, Clock::now() + options.deadline));
    emit("stack", "reset", target.reader, "");
    return ok();
}

Result<bool> PrivateStack::acquire(std::size_t slot, std::chrono::milliseconds patience) {
    const auto target = impl_->slot(slot);
    BOOST_OUTCOME_TRY(impl_->check_there(slot));
    if (!target.card->occupied()) {
        return fail(std::errc::no_such_device,
                    fmt::format("no card in \"{}\"; insert one first", target.reader));
    }
    const auto taken = impl_->eyes()->acquire_card(target.reader, Clock::now() + patience);
    if (taken) {
        return true;
    }
    if (taken.assume_error().code == std::errc::timed_out ||
        taken.assume_error().code == std::errc::device_or_resource_busy) {
        return false;
    }
    return taken.assume_error();
}

} // namespace cardlatch::harness
