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
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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

/// What a logical channel talks to while an application is selected in it. The core has done length and class
/// checks, command chaining, held responses, logical channels and SELECT by name; handlers see whole commands
/// and return status words as values.
class Session {
  public:
    virtual ~Session() = default;

    /// SELECT by DF name chose df_names()[index] of the application.
    virtual iso7816::ResponseApdu select_df_name(std::size_t index, ControlTemplate wanted) = 0;

    /// SELECT by file identifier, path or parent; called only if the application has_master_file(). The
    /// session need not be selected yet; it is afterwards if the answer is 9000 or 62xx.
    virtual iso7816::ResponseApdu select_file(const iso7816::CommandApdu& command, ControlTemplate wanted);

    /// Any other command while the application is selected. CLA is 00 or 80: class, channel and chaining bits
    /// are dealt with.
    virtual iso7816::ResponseApdu process(const iso7816::CommandApdu& command) = 0;

    /// True if an absent Le field means Le 00 to it: some clients leave it out and count on an answer all the
    /// same. Otherwise the answer waits for GET RESPONSE, as ISO/IEC 7816-4 §5.6 has it.
    [[nodiscard]] virtual bool assumes_le() const { return false; }

    /// Another application was selected in the channel.
    virtual void deselect() = 0;

    /// The channel was closed, or another one takes this session over while it is not selected: nothing of
    /// its volatile state may be left. By default the same as deselect().
    virtual void close() { deselect(); }
};

/// One application of a card. It is itself the session of the first channel that selects it.
class Application : public Session {
  public:
    /// The name of its table in profiles and state files.
    [[nodiscard]] virtual std::string_view name() const = 0;

    /// The DF names (AIDs) under which it can be selected, in the order of first, next and last occurrence.
    /// Asked for at every SELECT by name.
    [[nodiscard]] virtual std::span<const iso7816::Aid> df_names() const = 0;

    /// True for the one application that holds the MF and with it every SELECT that is not by DF name.
    [[nodiscard]] virtual bool has_master_file() const { return false; }

    /// A session for one more channel, for an application that can be selected in several at a time; it is
    /// gone before the application and at every reset. Null, the default, says that the application works in
    /// one channel at a time: SELECT in another one answers 6985.
    [[nodiscard]] virtual std::unique_ptr<Session> open_session() { return nullptr; }

    /// Power was lost or a reset came: volatile state starts anew.
    virtual void reset() = 0;

    /// Writes what differs from the profile; an empty table means nothing does.
    virtual void save(toml::table& out) const = 0;

    /// Takes back what save() wrote. Errors: std::errc::invalid_argument with file, line and key.
    virtual Result<void> restore(TableReader& in) = 0;

    /// Writes what people and scripts want to know of the application as it is now: the application's part of
    /// `cardlatch card show --json`, whose schema is fixtures/schema/card.schema.json. Private keys, PINs and
    /// other secrets only if `with_secrets`. By default there is nothing to say.
    virtual void describe(toml::table& /*out*/, bool /*with_secrets*/) const {}
};

/// An application's part of a profile: checked, immutable, makes instances for cards.
class ApplicationProfile {
  public:
    virtual ~ApplicationProfile() = default;
    [[nodiscard]] virtual std::string_view name() const = 0;
    [[nodiscard]] virtual CardCapabilities capabilities() const = 0;
    [[nodiscard]] virtual std::unique_ptr<Application> instantiate(Services services) const = 0;
};

/// The table [state] of a profile: what changed on a card since it was new, as in a state file.
struct StoredState {
    toml::table document; ///< the whole profile
    std::string file;
};

/// Hands each application its table of `root`, if there is one. Errors: as of Application::restore().
Result<void> restore_applications(TableReader& root,
                                  const std::vector<std::unique_ptr<Application>>& applications);

/// Persistence of a card that is only looked at.
class NoPersistence final : public Persistence {
  public:
    Result<void> commit() override { return cardlatch::ok(); }
};

/// A kind of application: the name of its table in a profile, and what reads that table.
struct ApplicationKind {
    std::string_view name;
    Result<std::shared_ptr<const ApplicationProfile>> (*parse)(TableReader& table);
};

/// Every kind there is; a new application is one line in applications.cpp.
std::span<const ApplicationKind> application_kinds();

} // namespace cardlatch::card
