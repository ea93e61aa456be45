#include <cardlatch/fault/fault_plan.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace cardlatch::fault {

namespace {

/// True with the given probability. Not the library's distribution, which differs between implementations.
bool chance(std::mt19937_64& generator, double probability) {
    constexpr double k_steps = 9007199254740992.0; // 2^53: every one of them is a double
    return static_cast<double>(generator() >> 11U) < probability * k_steps;
}

} // namespace

const FaultPlan::Entry* FaultPlan::find(const std::string& name) const {
    const auto found = std::find_if(entries_.begin(), entries_.end(),
                                    [&](const Entry& entry) { return entry.status.fault.name == name; });
    return found == entries_.end() ? nullptr : &*found;
}

void FaultPlan::count_active() {
    active_ = static_cast<std::size_t>(std::count_if(entries_.begin(), entries_.end(),
                                                     [](const Entry& entry) { return !entry.status.over; }));
}

Result<std::string> FaultPlan::add(Fault fault, const std::string& owner) {
    const std::lock_guard lock(mutex_);
    if (fault.name.empty()) {
        const std::string type(info(fault.type).name);
        fault.name = type;
        for (unsigned number = 2; find(fault.name) != nullptr; ++number) {
            fault.name = fmt::format("{}-{}", type, number);
        }
    } else if (find(fault.name) != nullptr) {
        return fail(std::errc::file_exists,
                    fmt::format("there is a fault \"{}\"; remove it, or choose another name", fault.name));
    }
    Entry entry;
    entry.owner = owner;
    if (fault.on == Occasion::now) {
        entry.status.seen = entry.status.struck = 1;
        entry.status.over = true;
    }
    entry.status.fault = std::move(fault);
    entries_.push_back(std::move(entry));
    count_active();
    return entries_.back().status.fault.name;
}

Result<void> FaultPlan::remove(const std::string& name) {
    const std::lock_guard lock(mutex_);
    const auto* const entry = find(name);
    if (entry == nullptr) {
        std::string known;
        for (const auto& one : entries_) {
            known += (known.empty() ? "there are " : ", ") + one.status.fault.name;
        }
        return fail(std::errc::invalid_argument,
                    fmt::format("no fault \"{}\"; {}", name, known.empty() ? "there is none" : known));
    }
    entries_.erase(entries_.begin() + (entry - entries_.data()));
    count_active();
    return ok();
}

void FaultPlan::remove_owned(const std::string& owner) {
    const std::lock_guard lock(mutex_);
    std::erase_if(entries_, [&](const Entry& entry) { return entry.owner == owner; });
    count_active();
}

void FaultPlan::clear() {
    const std::lock_guard lock(mutex_);
    entries_.clear();
    count_active();
}

std::vector<FaultStatus> FaultPlan::list() const {
    const std::lock_guard lock(mutex_);
    std::vector<FaultStatus> faults;
    for (const auto& entry : entries_) {
        faults.push_back(entry.status);
    }
    return faults;
}

void FaultPlan::activated(std::size_t slot) {
    if (idle()) {
        return;
    }
    const std::lock_guard lock(mutex_);
    for (auto& entry : entries_) {
        if (entry.status.fault.until.kind != Cessation::Kind::reset) {
            continue;
        }
        const auto found = entry.slots.find(slot);
        entry.status.over = entry.status.over || (found != entry.slots.end() && found->second.struck);
    }
    count_active();
}

FaultPlan::InSlot& FaultPlan::in_slot(Entry& entry, std::size_t slot) const {
    const auto [place, fresh] = entry.slots.try_emplace(slot);
    if (fresh) {
        std::vector<std::uint32_t> material{static_cast<std::uint32_t>(seed_),
                                            static_cast<std::uint32_t>(seed_ >> 32U),
                                            static_cast<std::uint32_t>(slot)};
        for (const char c : entry.status.fault.name) {
            material.push_back(static_cast<std::uint8_t>(c));
        }
        std::seed_seq sequence(material.begin(), material.end());
        place->second.generator.seed(sequence);
    }
    return place->second;
}

bool FaultPlan::strikes(Entry& entry, std::size_t slot, Occasion occasion, ByteView command) {
    auto& status = entry.status;
    const auto& fault = status.fault;
    if (status.over || fault.on != occasion || (fault.slot && *fault.slot != slot)) {
        return false;
    }
    if ((fault.ins && (command.size() < 2 || command[1] != *fault.ins)) || !fault.match.matches(command)) {
        return false;
    }
    auto& here = in_slot(entry, slot);
    ++status.seen;
    if (++here.seen < fault.nth || !chance(here.generator, fault.probability)) {
        return false;
    }
    here.struck = true;
    ++status.struck;
    status.over = fault.until.kind == Cessation::Kind::times && status.struck >= fault.until.times;
    return true;
}

std::vector<Strike> FaultPlan::draw(std::size_t slot, Occasion occasion, ByteView command) {
    std::vector<Strike> strikes_now;
    if (idle()) {
        return strikes_now;
    }
    const std::lock_guard lock(mutex_);
    for (auto& entry : entries_) {
        if (strikes(entry, slot, occasion, command)) {
            strikes_now.push_back({entry.status.fault, in_slot(entry, slot).generator()});
        }
    }
    count_active();
    return strikes_now;
}

} // namespace cardlatch::fault
