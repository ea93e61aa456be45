#include <cardlatch/harness/stack_directory.hpp>
#include <cardlatch/harness/test_stack.hpp>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <fstream>
#include <mutex>
#include <unistd.h>
#include <utility>

namespace cardlatch::harness {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void raise(const Error& error) {
    throw std::system_error(error.code, error.detail);
}

template <class T>
T value_or_raise(Result<T> result) {
    if (!result) {
        raise(result.assume_error());
    }
    if constexpr (!std::is_void_v<T>) {
        return std::move(result).assume_value();
    }
}

/// The one place where this process's libpcsclite looks for pcscd: links that lead to the stack of the
/// moment.
class ProcessPlace {
  public:
    static ProcessPlace& get() {
        static ProcessPlace* const place = make();
        return *place;
    }

    void take(const PrivateStack& stack) {
        for (const auto& [variable, path] : stack.environment()) {
            const auto link = link_for(variable);
            const auto fresh = fs::path(link.native() + ".new");
            fs::create_symlink(path, fresh);
            fs::rename(fresh, link); // in one step: no moment without
        }
    }

    void leave(const PrivateStack& stack) noexcept {
        std::error_code ignored;
        for (const auto& [variable, path] : stack.environment()) {
            fs::remove(link_for(variable), ignored);
        }
    }

    /// False when another TestStack lives.
    bool claim() {
        const std::lock_guard lock(mutex_);
        return !std::exchange(claimed_, true);
    }
    void release() {
        const std::lock_guard lock(mutex_);
        claimed_ = false;
    }

  private:
    explicit ProcessPlace(StackDirectory directory)
        : directory_(std::move(directory)) {}

    static ProcessPlace* make() {
        auto* place = new ProcessPlace(value_or_raise(StackDirectory::create()));
        for (const char* variable : {"PCSCLITE_CSOCK_NAME", "CARDLATCH_CONTROL"}) {
            if (::setenv(variable, place->link_for(variable).c_str(), 1) !=
                0) { // NOLINT(concurrency-mt-unsafe)
                raise(last_system_error(variable));
            }
        }
        // Not by a destructor: a child that was forked off must leave the folder alone.
        static ProcessPlace* const kept = place;
        static const pid_t owner = ::getpid();
        static_cast<void>(std::atexit([] {
            if (::getpid() == owner) {
                delete kept;
            }
        }));
        return place;
    }

    [[nodiscard]] fs::path link_for(std::string_view variable) const {
        return directory_.path() / (variable == "PCSCLITE_CSOCK_NAME" ? "pcscd.comm" : "control");
    }

    StackDirectory directory_;
    std::mutex mutex_;
    bool claimed_ = false;
};

/// The claim to the process's place, for as long as it lives.
class Claim {
  public:
    Claim() {
        if (!ProcessPlace::get().claim()) {
            raise(fail(std::errc::device_or_resource_busy,
                       "a TestStack lives in this process already; libpcsclite knows one pcscd per process"));
        }
    }
    ~Claim() { ProcessPlace::get().release(); }
    Claim(const Claim&) = delete;
    Claim& operator=(const Claim&) = delete;
};

} // namespace

struct TestStack::Impl {
    Claim claim;
    mutable std::mutex mutex;
    std::condition_variable happened;
    std::deque<Event> events;
    fs::path log_file;
    std::unique_ptr<PrivateStack> stack;
    std::deque<VirtualReader> readers; ///< by slot; they do not move when one more comes
};

TestStack::TestStack(const std::vector<std::string>& cards, StackOptions options)
    : impl_(std::make_unique<Impl>()) {
    options.slots.clear();
    for (const auto& card : cards) {
        options.slots.push_back(
            {card == "none" ? std::optional<fs::path>{} : value_or_raise(find_profile(card))});
    }
    options.on_event = [impl = impl_.get(), users = std::move(options.on_event)](const Event& event) {
        {
            const std::lock_guard lock(impl->mutex);
            impl->events.push_back(event);
        }
        impl->happened.notify_all();
        if (users) {
            users(event);
        }
    };
    const auto log = options.log_file;
    // A sanitizer's run time that has to be in pcscd before the driver; the command takes it from here as
    // well.
    if (const char* preload = std::getenv("CARDLATCH_PCSCD_PRELOAD"); // NOLINT(concurrency-mt-unsafe)
        preload != nullptr && *preload != '\0') {
        options.pcscd_preload.emplace_back(preload);
    }
    impl_->stack = value_or_raise(PrivateStack::start(std::move(options)));
    impl_->log_file = log.value_or(impl_->stack->directory() / "pcscd.log");
    ProcessPlace::get().take(*impl_->stack);
    for (const auto& slot : impl_->stack->status()) {
        impl_->readers.push_back(VirtualReader(*this, static_cast<std::size_t>(slot.slot), slot.reader));
    }
}

TestStack::~TestStack() {
    ProcessPlace::get().leave(*impl_->stack);
}

std::size_t TestStack::size() const {
    return impl_->readers.size();
}

VirtualReader& TestStack::reader(std::size_t number) {
    return impl_->readers.at(number);
}

VirtualReader& TestStack::add_reader(const std::string& name, const std::string& card) {
    ReaderOptions options;
    if (!name.empty()) {
        options.name = name;
    }
    options.cards.push_back(card == "none" ? std::optional<fs::path>{} : value_or_raise(find_profile(card)));
    const auto slot = value_or_raise(impl_->stack->add_reader(options)).front();
    VirtualReader reader(*this, slot, impl_->stack->status().at(slot).reader);
    if (slot == impl_->readers.size()) {
        impl_->readers.push_back(std::move(reader));
    } else {
        impl_->readers.at(slot) = std::move(reader);
    }
    return impl_->readers.at(slot);
}

PrivateStack& TestStack::stack() {
    return *impl_->stack;
}

std::vector<fault::FaultStatus> TestStack::faults() const {
    return impl_->stack->faults().list();
}

void TestStack::remove_fault(const std::string& name) {
    value_or_raise(impl_->stack->remove_fault(name));
}

void TestStack::clear_faults() {
    value_or_raise(impl_->stack->clear_faults());
}

std::vector<Event> TestStack::events() const {
    const std::lock_guard lock(impl_->mutex);
    return {impl_->events.begin(), impl_->events.end()};
}

std::string TestStack::report() const {
    std::string text;
    for (const auto& event : events()) {
        text += fmt::format("cardlatch: {:%H:%M:%S} {} {}{}{}{}{}\n",
                            std::chrono::time_point_cast<std::chrono::milliseconds>(event.when), event.who,
                            event.what, event.reader.empty() ? "" : ", ", event.reader,
                            event.detail.empty() ? "" : ": ", event.detail);
    }
    constexpr std::size_t k_lines = 20;
    std::ifstream log(impl_->log_file);
    std::deque<std::string> lines;
    for (std::string line; std::getline(log, line);) {
        lines.push_back(line);
        if (lines.size() > k_lines) {
            lines.pop_front();
        }
    }
    for (const auto& line : lines) {
        text += "pcscd: " + line + "\n";
    }
    return text;
}

VirtualReader::VirtualReader(TestStack& stack, std::size_t slot, std::string name)
    : stack_(&stack)
    , slot_(slot)
    , name_(std::move(name)) {}

void VirtualReader::insert() {
    value_or_raise(stack_->stack().insert(slot_));
}

void VirtualReader::insert(const std::string& card) {
    value_or_raise(stack_->stack().insert(slot_, value_or_raise(find_profile(card))));
}

void VirtualReader::remove() {
    value_or_raise(stack_->stack().remove(slot_));
}

void VirtualReader::unplug() {
    value_or_raise(stack_->stack().remove_reader(slot_));
}

void VirtualReader::reset() {
    value_or_raise(stack_->stack().reset(slot_));
}

namespace {

Bytes digits(std::string_view pin) {
    const auto bytes = as_bytes(pin);
    return {bytes.begin(), bytes.end()};
}

} // namespace

void VirtualReader::type_pin(std::string_view pin) {
    vpcd::PinEntry entry(vpcd::PinEntry::Outcome::entered);
    entry.current = digits(pin);
    value_or_raise(stack_->stack().type(slot_, std::move(entry)));
}

void VirtualReader::type_new_pin(std::string_view pin, std::string_view fresh) {
    vpcd::PinEntry entry(vpcd::PinEntry::Outcome::entered);
    entry.current = digits(pin);
    entry.fresh = digits(fresh);
    entry.repeated = digits(fresh);
    value_or_raise(stack_->stack().type(slot_, std::move(entry)));
}

void VirtualReader::cancel_pin() {
    value_or_raise(stack_->stack().type(slot_, vpcd::PinEntry(vpcd::PinEntry::Outcome::cancelled)));
}

std::string VirtualReader::add_fault(std::string_view spec) {
    auto fault = value_or_raise(stack_->stack().read_fault(spec));
    fault.slot = slot_;
    return value_or_raise(stack_->stack().add_fault(std::move(fault)));
}

bool VirtualReader::is_free(std::chrono::milliseconds patience) const {
    return value_or_raise(stack_->stack().acquire(slot_, patience));
}

bool VirtualReader::holds_card() const {
    const auto state = status().state;
    return state == "present" || state == "mute";
}

SlotStatus VirtualReader::status() const {
    return stack_->stack().status().at(slot_);
}

Event VirtualReader::wait_for(std::string_view what, std::chrono::milliseconds patience) {
    auto& impl = *stack_->impl_;
    const auto deadline = std::chrono::steady_clock::now() + patience;
    std::unique_lock lock(impl.mutex);
    for (;;) {
        for (; seen_ < impl.events.size(); ++seen_) {
            const auto& event = impl.events[seen_];
            if (event.reader == name_ && event.what == what) {
                ++seen_;
                return event;
            }
        }
        const auto known = impl.events.size();
        if (!impl.happened.wait_until(lock, deadline, [&] { return impl.events.size() > known; })) {
            raise(fail(std::errc::timed_out,
                       fmt::format("no \"{}\" of {} in {} ms", what, name_, patience.count())));
        }
    }
}

} // namespace cardlatch::harness
