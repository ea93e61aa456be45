#include "application.hpp"
#include "response.hpp"
#include "state_store.hpp"

#include <cardlatch/card/card.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <sstream>
#include <vector>

namespace cardlatch::card {

namespace sw = iso7816::sw;
using iso7816::CommandApdu;
using iso7816::Ins;
using iso7816::ResponseApdu;
using iso7816::StatusWord;

namespace {

constexpr std::int64_t k_state_format = 1;

/// Wipes command data when a command is done, whatever it was: it may have been a PIN.
class WipeOnExit {
  public:
    explicit WipeOnExit(Bytes& bytes)
        : bytes_(bytes) {}
    WipeOnExit(const WipeOnExit&) = delete;
    WipeOnExit& operator=(const WipeOnExit&) = delete;
    ~WipeOnExit() { wipe(bytes_); }

  private:
    Bytes& bytes_;
};

/// 9000 if the card can serve a command of this class. Proprietary classes 80 to 9F use the bits of the first
/// interindustry values. Source: ISO/IEC 7816-4 §5.4.1.
StatusWord check_class(std::uint8_t cla) {
    if ((cla & 0xC0U) == 0x40U) { // further interindustry values: logical channels 4 to 19
        return sw::k_channel_not_supported;
    }
    if ((cla & 0x60U) != 0) { // 001x xxxx is RFU, A0 to FF are not ours
        return sw::k_class_not_supported;
    }
    if ((cla & 0x03U) != 0) {
        return sw::k_channel_not_supported;
    }
    if ((cla & 0x0CU) != 0) {
        return sw::k_secure_messaging_not_supported;
    }
    if ((cla & 0x10U) != 0) {
        return sw::k_chaining_not_supported;
    }
    return sw::k_ok;
}

} // namespace

class Card::Impl final : public Persistence {
  public:
    Impl(const Profile& profile, RandomSource& random)
        : name_(profile.name)
        , atr_(profile.atr)
        , selected_at_reset_(profile.selected_at_reset)
        , selected_(profile.selected_at_reset) {
        for (const auto& application : profile.applications) {
            applications_.push_back(application->instantiate({*this, random}));
        }
        for (std::size_t i = 0; i < applications_.size(); ++i) {
            const auto names = applications_[i]->df_names();
            for (std::size_t j = 0; j < names.size(); ++j) {
                df_names_.push_back({i, j, &names[j]});
            }
            if (applications_[i]->has_master_file()) {
                master_file_owner_ = i;
            }
        }
    }

    Result<void> open_store(const std::filesystem::path& file);
    Result<void> commit() override;

    void volatile_state_starts_anew();
    Bytes transmit(ByteView command_apdu);

    std::string name_;
    iso7816::Atr atr_;
    bool powered_ = false;

  private:
    struct DfName {
        std::size_t application;
        std::size_t index; ///< among the application's names
        const iso7816::Aid* aid;
    };

    ResponseApdu answer(const CommandApdu& command);
    ResponseApdu select(const CommandApdu& command);
    ResponseApdu select_df_name(const CommandApdu& command, ControlTemplate wanted);
    ResponseApdu get_response(const CommandApdu& command);
    ResponseApdu fit(ResponseApdu response, std::size_t ne);
    [[nodiscard]] std::optional<std::size_t> find_df_name(ByteView prefix, unsigned occurrence) const;
    void switch_to(std::size_t application);

    std::vector<std::unique_ptr<Application>> applications_;
    std::vector<DfName> df_names_;
    std::optional<std::size_t> master_file_owner_;
    std::optional<StateStore> store_;
    std::size_t selected_at_reset_;

    // volatile
    std::size_t selected_;
    std::optional<std::size_t> last_df_name_; ///< for next and previous occurrence
    ResponseApdu held_;                       ///< waits for GET RESPONSE while it has data
};

Result<void> Card::Impl::open_store(const std::filesystem::path& file) {
    BOOST_OUTCOME_TRY(auto store, StateStore::open(file));
    BOOST_OUTCOME_TRY(const auto text, store.read());
    if (text) {
        BOOST_OUTCOME_TRY(const auto document, parse_toml(*text, file.string()));
        TableReader root(document, "", file.string());
        BOOST_OUTCOME_TRY(root.required("format", root.integer("format", k_state_format, k_state_format),
                                        "a state file begins with format = 1"));
        BOOST_OUTCOME_TRY(const auto owner, root.required("profile", root.text("profile", 1, 255),
                                                          "a state file names the profile it belongs to"));
        if (owner != name_) {
            return root.error("profile",
                              fmt::format(R"(the state belongs to a card "{}", not to "{}")", owner, name_));
        }
        for (const auto& application : applications_) {
            BOOST_OUTCOME_TRY(auto table, root.table(application->name()));
            if (table) {
                BOOST_OUTCOME_TRY(application->restore(*table));
                BOOST_OUTCOME_TRY(table->finish());
            }
        }
        BOOST_OUTCOME_TRY(root.finish());
    }
    store_ = std::move(store);
    return ok();
}

Result<void> Card::Impl::commit() {
    if (!store_) {
        return ok();
    }
    try {
        toml::table document{{"format", k_state_format}, {"profile", name_}};
        for (const auto& application : applications_) {
            toml::table table;
            application->save(table);
            if (!table.empty()) {
                document.insert(application->name(), std::move(table));
            }
        }
        std::ostringstream text;
        text << "# State of one card, replaced as a whole by the card on every change.\n" << document << "\n";
        return store_->write(text.str());
    } catch (const std::exception& error) { // out of memory: the caller has to undo its change
        return fail(std::errc::not_enough_memory, error.what());
    }
}

void Card::Impl::volatile_state_starts_anew() {
    for (const auto& application : applications_) {
        application->reset();
    }
    selected_ = selected_at_reset_;
    last_df_name_.reset();
    held_ = {};
}

Bytes Card::Impl::transmit(ByteView command_apdu) {
    auto parsed = CommandApdu::parse(command_apdu);
    if (!parsed) {
        held_ = {};
        return ResponseApdu(sw::k_wrong_length).encode();
    }
    auto& command = parsed.value();
    const WipeOnExit wiped(command.data);
    return answer(command).encode();
}

ResponseApdu Card::Impl::answer(const CommandApdu& command) {
    const auto class_check = check_class(command.cla);
    if (class_check == sw::k_ok && command.ins == static_cast<std::uint8_t>(Ins::get_response)) {
        return get_response(command);
    }
    held_ = {};
    if (class_check != sw::k_ok) {
        return class_check;
    }
    if (command.cla == 0 && command.ins == static_cast<std::uint8_t>(Ins::select)) {
        return fit(select(command), command.ne.value_or(0));
    }
    return fit(applications_[selected_]->process(command), command.ne.value_or(0));
}

// Response bytes that Ne does not admit are kept for GET RESPONSE. Source: ISO/IEC 7816-4 §5.6 (SW1 = 61),
// §11 (GET RESPONSE).
ResponseApdu Card::Impl::fit(ResponseApdu response, std::size_t ne) {
    if (response.data.size() <= ne) {
        return response;
    }
    const auto split = response.data.begin() + static_cast<std::ptrdiff_t>(ne);
    held_ = {Bytes(split, response.data.end()), response.sw};
    response.data.erase(split, response.data.end());
    return {std::move(response.data), sw::more_data(held_.data.size())};
}

ResponseApdu Card::Impl::get_response(const CommandApdu& command) {
    if (!command.data.empty() || !command.ne) {
        return sw::k_wrong_length;
    }
    if (command.p1p2() != 0) {
        return sw::k_incorrect_p1_p2;
    }
    const auto available = held_.data.size();
    if (available == 0) {
        return sw::k_conditions_not_satisfied;
    }
    if (!command.extended && !wants_all(command) && *command.ne > available) {
        return sw::wrong_le(available);
    }
    return fit(std::exchange(held_, {}), *command.ne);
}

ResponseApdu Card::Impl::select(const CommandApdu& command) {
    constexpr unsigned k_by_df_name = 0x04;
    if ((command.p2 & 0xF0U) != 0) {
        return sw::k_incorrect_p1_p2;
    }
    const auto wanted = static_cast<ControlTemplate>((command.p2 >> 2U) & 0x03U);
    if (command.p1 == k_by_df_name) {
        return select_df_name(command, wanted);
    }
    if ((command.p2 & 0x03U) != 0) { // other occurrences exist for DF names only
        return sw::k_incorrect_p1_p2;
    }
    if (!master_file_owner_) {
        return sw::k_file_not_found;
    }
    auto response = applications_[*master_file_owner_]->select_file(command, wanted);
    if (response.sw == sw::k_ok) {
        switch_to(*master_file_owner_);
    }
    return response;
}

ResponseApdu Card::Impl::select_df_name(const CommandApdu& command, ControlTemplate wanted) {
    constexpr std::size_t k_max_df_name = 16;
    if (command.data.empty() || command.data.size() > k_max_df_name) {
        return sw::k_lc_inconsistent_with_p1_p2;
    }
    const auto found = find_df_name(command.data, command.p2 & 0x03U);
    if (!found) {
        return sw::k_file_not_found;
    }
    last_df_name_ = found;
    const auto& name = df_names_[*found];
    switch_to(name.application);
    return applications_[name.application]->select_df_name(name.index, wanted);
}

// Source: ISO/IEC 7816-4 §11.2.2, bits 2 and 1 of P2: first or only, last, next, previous occurrence
std::optional<std::size_t> Card::Impl::find_df_name(ByteView prefix, unsigned occurrence) const {
    const auto count = static_cast<std::ptrdiff_t>(df_names_.size());
    const bool forwards = occurrence == 0 || occurrence == 2;
    std::ptrdiff_t at = forwards ? 0 : count - 1;
    if (occurrence >= 2 && last_df_name_) {
        at = static_cast<std::ptrdiff_t>(*last_df_name_) + (forwards ? 1 : -1);
    }
    for (; at >= 0 && at < count; at += forwards ? 1 : -1) {
        if (df_names_[static_cast<std::size_t>(at)].aid->starts_with(prefix)) {
            return static_cast<std::size_t>(at);
        }
    }
    return std::nullopt;
}

void Card::Impl::switch_to(std::size_t application) {
    if (application != selected_) {
        applications_[selected_]->deselect();
        selected_ = application;
    }
}

Card::Card(std::unique_ptr<Impl> impl)
    : impl_(std::move(impl)) {}
Card::~Card() = default;

Result<std::unique_ptr<Card>> Card::create(const Profile& profile, CardOptions options) {
    auto& random = options.random != nullptr ? *options.random : system_random();
    auto impl = std::make_unique<Impl>(profile, random);
    if (options.state_file) {
        BOOST_OUTCOME_TRY(impl->open_store(*options.state_file));
    }
    return std::unique_ptr<Card>(new Card(std::move(impl)));
}

const iso7816::Atr& Card::atr() const {
    return impl_->atr_;
}

const std::string& Card::profile_name() const {
    return impl_->name_;
}

Bytes Card::power_on() {
    return reset();
}

void Card::power_off() {
    impl_->powered_ = false;
    impl_->volatile_state_starts_anew();
}

Bytes Card::reset() {
    impl_->powered_ = true;
    impl_->volatile_state_starts_anew();
    const auto atr = impl_->atr_.bytes();
    return {atr.begin(), atr.end()};
}

Bytes Card::transmit(ByteView command_apdu) {
    Bytes no_diagnosis{0x6F, 0x00};
    if (!impl_->powered_) {
        return no_diagnosis;
    }
    try {
        return impl_->transmit(command_apdu);
    } catch (const std::exception&) { // out of memory
        return no_diagnosis;
    }
}

} // namespace cardlatch::card
