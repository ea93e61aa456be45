#pragma once

#include "slot.hpp"

#include <array>
#include <memory>
#include <mutex>

namespace cardlatch::ifd {

/// Most readers of one pcscd: TAG_IFD_SIMULTANEOUS_ACCESS is one byte.
inline constexpr unsigned k_max_readers = 255;

/// The open slots by Lun (reader in the upper 16 bits, slot in the lower). Its mutex is never held during
/// I/O.
class SlotTable {
  public:
    constexpr SlotTable() noexcept = default;

    /// The slot, or null. A slot that is taken out meanwhile stays alive for its users.
    [[nodiscard]] std::shared_ptr<Slot> find(DWORD lun) noexcept;

    /// False when the Lun is out of range or in use.
    bool insert(DWORD lun, const std::shared_ptr<Slot>& slot) noexcept;

    /// Takes the slot out; null when there is none.
    std::shared_ptr<Slot> remove(DWORD lun) noexcept;

    /// Removes the socket files of all slots that are open. For exit: other threads may still run.
    void remove_files() noexcept;

  private:
    std::shared_ptr<Slot>* place(DWORD lun) noexcept;

    std::mutex mutex_;
    std::array<std::shared_ptr<Slot>, std::size_t{k_max_readers} * k_max_slots> slots_{};
};

/// The driver's only state. Never destroyed: pcscd's threads outlive main.
SlotTable& slot_table() noexcept;

} // namespace cardlatch::ifd
