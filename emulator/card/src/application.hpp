#pragma once

#include "control_information.hpp"
#include "table_reader.hpp"

#include <cardlatch/base/result.hpp>
#include <cardlatch/card/random.hpp>
#include <cardlatch/iso7816/aid.hpp>
#include <cardlatch/iso7816/apdu.hpp>
#include <cardlatch/iso7816/status_word.hpp>

#include <toml++/toml.h>

#include <memory>
#include <span>
#include <string_view>
#include <utility>

namespace cardlatch::card {

/// How an application makes a change of its state last.
class Persistence {
  public:
    virtual ~Persistence() = default;

    /// Puts the whole card's present state on disk; returns when it is there. Does nothing for a card in
    /// memory.
    virtual Result<void> commit() = 0;

    /// Gives `slot` the value `next` if that can be committed; otherwise `slot` stays as it was and 6581 is
    /// returned.
    template <class T>
    [[nodiscard]] iso7816::StatusWord change(T& slot, T next) {
        std::swap(slot, next);
        if (slot == next || commit()) {
            return iso7816::sw::k_ok;
        }
        std::swap(slot, next);
        return iso7816::sw::k_memory_failure;
    }
};

/// What the card core lends to an application; outlives it.
struct Services {
    Persistence& persistence;
    RandomSource& random;
};

/// One application of a card. The core has done length and class checks, held responses and SELECT by name;
/// handlers return status words as values.
class Application {
  public:
    virtual ~Application() = default;

    /// The name of its table in profiles and state files.
    [[nodiscard]] virtual std::string_view name() const = 0;

    /// The DF names (AIDs) under which it can be selected, in a fixed order.
    [[nodiscard]] virtual std::span<const iso7816::Aid> df_names() const = 0;

    /// SELECT by DF name chose df_names()[index].
    virtual iso7816::ResponseApdu select_df_name(std::size_t index, ControlTemplate wanted) = 0;

    /// True for the one application that holds the MF and with it every SELECT that is not by DF name.
    [[nodiscard]] virtual bool has_master_file() const { return false; }

    /// SELECT by file identifier, path or parent; called only if has_master_file().
    virtual iso7816::ResponseApdu select_file(const iso7816::CommandApdu& command, ControlTemplate wanted);

    /// Any other command while this application is selected. CLA is 00 or 80.
    virtual iso7816::ResponseApdu process(const iso7816::CommandApdu& command) = 0;

    /// Another application was selected.
    virtual void deselect() = 0;

    /// Power was lost or a reset came: volatile state starts anew.
    virtual void reset() = 0;

    /// Writes what differs from the profile; an empty table means nothing does.
    virtual void save(toml::table& out) const = 0;

    /// Takes back what save() wrote. Errors: std::errc::invalid_argument with file, line and key.
    virtual Result<void> restore(TableReader& in) = 0;
};

/// An application's part of a profile: checked, immutable, makes instances for cards.
class ApplicationProfile {
  public:
    virtual ~ApplicationProfile() = default;
    [[nodiscard]] virtual std::string_view name() const = 0;
    [[nodiscard]] virtual CardCapabilities capabilities() const = 0;
    [[nodiscard]] virtual std::unique_ptr<Application> instantiate(Services services) const = 0;
};

/// A kind of application: the name of its table in a profile, and what reads that table.
struct ApplicationKind {
    std::string_view name;
    Result<std::shared_ptr<const ApplicationProfile>> (*parse)(TableReader& table);
};

/// Every kind there is; a new application is one line in applications.cpp.
std::span<const ApplicationKind> application_kinds();

} // namespace cardlatch::card
