#include "fake_winscard.hpp"

#include <algorithm>
#include <chrono>
#ifndef _WIN32
#include <cstdlib>
#include <unistd.h>
#endif

using cardlatch::Bytes;

namespace fake {

World& World::get() {
    static World& world = *new World; // threads that were left behind may call until the process ends
#ifndef _WIN32
    // The machine's queues for this world's readers are nobody else's.
    static const int k_own_queues =
        ::setenv("PCSCLITE_CSOCK_NAME", ("fake winscard of " + std::to_string(::getpid())).c_str(), 1);
    (void)k_own_queues;
#endif
    return world;
}

void World::reset() {
    std::unique_lock lock(mutex);
    // Calls that a test has left behind end first, for what they wait for is about to go.
    for (auto& [name, reader] : readers) {
        reader.owner = 0;
    }
    changed.notify_all();
    changed.wait_for(lock, std::chrono::seconds(10), [this] {
        return std::all_of(blocked.begin(), blocked.end(), [](const auto& call) { return call.second == 0; });
    });
    readers.clear();
    handles.clear();
    contexts.clear();
    failures.clear();
    counts.clear();
    blocked.clear();
    cancelled.clear();
    service = true;
    end_after_reset_releases = false;
    card = [](cardlatch::ByteView) { return Bytes{0x90, 0x00}; };
    readers[k_reader].atr = {0x3B, 0x80, 0x80, 0x01, 0x01};
}

void World::insert(const std::string& reader, Bytes atr) {
    const std::lock_guard lock(mutex);
    readers[reader].atr = std::move(atr);
    ++readers[reader].events;
    changed.notify_all();
}

void World::remove(const std::string& reader) {
    const std::lock_guard lock(mutex);
    auto& target = readers[reader];
    target.atr.clear();
    target.active = 0;
    target.owner = 0;
    target.count = 0;
    ++target.events;
    for (auto& [number, handle] : handles) {
        if (handle.reader == reader) {
            handle.event = SCARD_W_REMOVED_CARD;
        }
    }
    changed.notify_all();
}

void set_reset_event(World& world, const std::string& reader) {
    world.readers[reader].active = 0;
    for (auto& [number, handle] : world.handles) {
        if (handle.reader == reader) {
            handle.event = SCARD_W_RESET_CARD;
        }
    }
    world.changed.notify_all();
}

void World::reset_by_others(const std::string& reader) {
    const std::lock_guard lock(mutex);
    set_reset_event(*this, reader);
}

void World::unplug(const std::string& reader) {
    const std::lock_guard lock(mutex);
    readers.erase(reader);
    changed.notify_all();
}

void World::fail_next(const std::string& function, LONG code) {
    const std::lock_guard lock(mutex);
    failures[function].push_back(code);
}

int World::calls(const std::string& function) {
    const std::lock_guard lock(mutex);
    return counts[function];
}

bool World::wait_for_blocked(const std::string& function) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, std::chrono::seconds(10), [&] { return blocked[function] > 0; });
}

} // namespace fake

// For tests that cannot include winscard.h, because it and Windows' scarderr.h define the same names.
namespace fake_service {

void reset() {
    fake::World::get().reset();
}

void stop() {
    fake::World::get().service = false;
}

int contexts() {
    return static_cast<int>(fake::World::get().contexts.size());
}

} // namespace fake_service
