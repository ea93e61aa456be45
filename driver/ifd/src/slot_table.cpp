#include "slot_table.hpp"

namespace cardlatch::ifd {

std::shared_ptr<Slot>* SlotTable::place(DWORD lun) noexcept {
    const auto reader = static_cast<std::size_t>(lun >> 16U);
    const auto slot = static_cast<std::size_t>(lun & 0xFFFFU);
    return reader < k_max_readers && slot < k_max_slots ? &slots_[reader * k_max_slots + slot] : nullptr;
}

std::shared_ptr<Slot> SlotTable::find(DWORD lun) noexcept {
    const auto* const at = place(lun);
    if (at == nullptr) {
        return nullptr;
    }
    const std::lock_guard lock(mutex_);
    return *at;
}

bool SlotTable::insert(DWORD lun, const std::shared_ptr<Slot>& slot) noexcept {
    auto* const at = place(lun);
    if (at == nullptr) {
        return false;
    }
    const std::lock_guard lock(mutex_);
    if (*at) {
        return false;
    }
    *at = slot;
    return true;
}

std::shared_ptr<Slot> SlotTable::remove(DWORD lun) noexcept {
    auto* const at = place(lun);
    if (at == nullptr) {
        return nullptr;
    }
    const std::lock_guard lock(mutex_);
    return std::exchange(*at, nullptr);
}

void SlotTable::remove_files() noexcept {
    const std::lock_guard lock(mutex_);
    for (const auto& slot : slots_) {
        if (slot) {
            slot->remove_file();
        }
    }
}

SlotTable& slot_table() noexcept {
    union Immortal {
        SlotTable value;
        constexpr Immortal()
            : value() {}
        ~Immortal() {} // NOLINT(modernize-use-equals-default): a defaulted one would be deleted
    };
    static constinit Immortal table;
    return table.value;
}

} // namespace cardlatch::ifd

// On SIGTERM pcscd exits without closing its readers.
__attribute__((destructor)) static void remove_socket_files() {
    cardlatch::ifd::slot_table().remove_files();
}
