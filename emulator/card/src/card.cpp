#include "application.hpp"
#include "command_chain.hpp"
#include "logical_channels.hpp"
#include "replay.hpp"
#include "response.hpp"
#include "state_store.hpp"

#include <cardlatch/card/card.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <exception>
#include <fcntl.h>
#include <sstream>
#include <vector>

namespace cardlatch::card {

namespace sw = iso7816::sw;
using iso7816::CommandApdu;
using iso7816::Ins;
using iso7816::ResponseApdu;

namespace {

constexpr std::int64_t k_state_format = 1;
constexpr std::size_t k_max_state_file = std::size_t{16} * 1024 * 1024; // bytes

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

} // namespace

class Card::Impl final : public Persistence {
  public:
    Impl(const Profile& profile, RandomSource& random, Replay::Report report)
        : name_(profile.name)
        , atr_(profile.atr)
        , t0_(profile.t0)
        , stored_(profile.stored)
        , selected_at_reset_(profile.selected_at_reset) {
        if (profile.replay) {
            replay_.emplace(profile.replay, std::move(report));
            return; // it has no applications
        }
        for (const auto& application : profile.applications) {
            applications_.push_back(application->instantiate({*this, random}));
        }
        for (std::size_t i = 0; i < applications_.size(); ++i) {
            if (applications_[i]->has_master_file()) {
                master_file_owner_ = i;
            }
        }
        channels_.reset(selected_at_reset_);
    }

    Result<void> open_store(const std::filesystem::path& file);
    Result<void> restore(const std::string& text, const std::string& file);
    Result<void> begin();
    Result<void> commit() override;
    [[nodiscard]] std::string state() const;
    [[nodiscard]] std::string describe(bool with_secrets) const;
    std::function<WriteEnd()> write_end_;

    void volatile_state_starts_anew();
    Bytes transmit(ByteView command_apdu);

    std::string name_;
    iso7816::Atr atr_;
    bool powered_ = false;
    unsigned protocol_ = 0; ///< volatile

  private:
    struct DfName {
        std::size_t number = 0; ///< among all names of the card
        std::size_t application = 0;
        std::size_t index = 0; ///< among the application's names
    };

    ResponseApdu answer(CommandApdu& command);
    ResponseApdu execute(const CommandApdu& command, unsigned channel);
    ResponseApdu select(const CommandApdu& command, unsigned channel);
    ResponseApdu select_df_name(const CommandApdu& command, unsigned channel, ControlTemplate wanted);
    ResponseApdu get_response(const CommandApdu& command, unsigned channel);
    ResponseApdu fit(ResponseApdu response, std::size_t ne, unsigned channel);
    ResponseApdu fit_t0(ResponseApdu response, const CommandApdu& command, unsigned channel);
    std::optional<ResponseApdu> take_repeated(const CommandApdu& command, unsigned channel);
    /// Commands are those of T=0, which carry data one way.
    [[nodiscard]] bool one_way() const { return protocol_ == 0 && t0_ == T0Behaviour::get_response; }
    [[nodiscard]] std::optional<DfName> find_df_name(ByteView prefix, unsigned occurrence,
                                                     std::optional<std::size_t> last) const;

    const T0Behaviour t0_;
    std::optional<Replay> replay_; ///< answers everything when it is there
    LogicalChannels::Applications applications_;
    std::optional<std::size_t> master_file_owner_;
    std::optional<StateStore> store_;
    std::shared_ptr<const StoredState> stored_;
    std::size_t selected_at_reset_;

    // volatile
    LogicalChannels channels_{applications_}; ///< its sessions go before the applications do
    CommandChain chain_;
    ResponseApdu held_;         ///< waits for GET RESPONSE while it has data
    unsigned held_channel_ = 0; ///< the channel that it waits in
    /// A command that was answered with 6CXX, and the response that waits for its repetition.
    struct Repeated {
        std::array<std::uint8_t, 4> header{};
        unsigned channel = 0;
        ResponseApdu response;
    };
    std::optional<Repeated> repeated_;
};

Result<void> Card::Impl::open_store(const std::filesystem::path& file) {
    BOOST_OUTCOME_TRY(auto store, StateStore::open(file));
    BOOST_OUTCOME_TRY(const auto text, store.read());
    // A state file has every difference from the profile's tables; those of its [state] are among them.
    BOOST_OUTCOME_TRY(text ? restore(*text, file.string()) : begin());
    store_ = std::move(store);
    return ok();
}

Result<void> Card::Impl::restore(const std::string& text, const std::string& file) {
    BOOST_OUTCOME_TRY(const auto document, parse_toml(text, file));
    TableReader root(document, "", file);
    BOOST_OUTCOME_TRY(root.required("format", root.integer("format", k_state_format, k_state_format),
                                    "a state file begins with format = 1"));
    BOOST_OUTCOME_TRY(const auto owner, root.required("profile", root.text("profile", 1, 255),
                                                      "a state file names the profile it belongs to"));
    if (owner != name_) {
        return root.error("profile",
                          fmt::format(R"(the state belongs to a card "{}", not to "{}")", owner, name_));
    }
    return restore_applications(root, applications_);
}

/// Takes over the profile's [state].
Result<void> Card::Impl::begin() {
    if (!stored_) {
        return ok();
    }
    TableReader root(*stored_->document["state"].as_table(), "state", stored_->file);
    return restore_applications(root, applications_);
}

std::string Card::Impl::state() const {
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
    return text.str();
}

std::string Card::Impl::describe(bool with_secrets) const {
    toml::table document{{"name", name_}, {"atr", to_hex(atr_.bytes())}};
    for (const auto& application : applications_) {
        toml::table table;
        application->describe(table, with_secrets);
        document.insert(application->name(), std::move(table));
    }
    std::ostringstream text;
    text << toml::json_formatter(document);
    return text.str();
}

Result<void> Card::Impl::commit() {
    const auto end = write_end_ ? write_end_() : WriteEnd::done;
    if (end == WriteEnd::before || (!store_ && end == WriteEnd::torn)) {
        return fail(std::errc::io_error, "power failed before the card's state was written");
    }
    if (!store_) {
        return ok();
    }
    try {
        return store_->write(state(), end == WriteEnd::torn);
    } catch (const std::exception& error) { // out of memory: the caller has to undo its change
        return fail(std::errc::not_enough_memory, error.what());
    }
}

void Card::Impl::volatile_state_starts_anew() {
    protocol_ = atr_.first_protocol();
    if (replay_) {
        replay_->reset();
        return;
    }
    for (const auto& application : applications_) {
        application->reset();
    }
    channels_.reset(selected_at_reset_);
    chain_.clear();
    held_ = {};
    repeated_.reset();
}

Bytes Card::Impl::transmit(ByteView command_apdu) {
    if (replay_) {
        return replay_->transmit(command_apdu);
    }
    auto parsed = CommandApdu::parse(command_apdu);
    if (!parsed) {
        held_ = {};
        chain_.clear();
        return ResponseApdu(sw::k_wrong_length).encode();
    }
    auto& command = parsed.value();
    const WipeOnExit wiped(command.data);
    return answer(command).encode();
}

ResponseApdu Card::Impl::answer(CommandApdu& command) {
    auto read = read_class(command.cla);
    if (read.sw == sw::k_ok && !channels_.is_open(read.channel)) {
        read.sw = sw::k_channel_not_supported;
    }
    if (read.sw != sw::k_ok) {
        held_ = {};
        chain_.clear();
        return read.sw;
    }
    constexpr unsigned k_chaining_bit = 0x10;
    command.cla = static_cast<std::uint8_t>(command.cla & ~k_chaining_bit); // still tells the channel
    if (const auto answered = chain_.take(command, read.chained)) {
        held_ = {};
        return *answered;
    }
    command.cla = read.family;
    if (command.ins == static_cast<std::uint8_t>(Ins::get_response)) {
        return get_response(command, read.channel);
    }
    held_ = {};
    if (one_way()) {
        if (command.extended) {
            return sw::k_wrong_length; // no command of T=0: it would have to come in an ENVELOPE
        }
        if (auto repeated = take_repeated(command, read.channel)) {
            return std::move(*repeated);
        }
        return fit_t0(execute(command, read.channel), command, read.channel);
    }
    auto response = execute(command, read.channel);
    const auto* const session = channels_.session(read.channel);
    const auto without_le = session != nullptr && session->assumes_le() ? all_of(command) : 0;
    return fit(std::move(response), command.ne.value_or(without_le), read.channel);
}

ResponseApdu Card::Impl::execute(const CommandApdu& command, unsigned channel) {
    if (command.cla == 0 && command.ins == static_cast<std::uint8_t>(Ins::select)) {
        return select(command, channel);
    }
    if (command.cla == 0 && command.ins == static_cast<std::uint8_t>(Ins::manage_channel)) {
        return channels_.manage(command, channel);
    }
    auto* const session = channels_.session(channel);
    return session != nullptr ? session->process(command) : sw::k_conditions_not_satisfied;
}

// Response bytes that Ne does not admit are kept for GET RESPONSE. Source: ISO/IEC 7816-4 §5.6 (SW1 = 61),
// §11 (GET RESPONSE).
ResponseApdu Card::Impl::fit(ResponseApdu response, std::size_t ne, unsigned channel) {
    if (response.data.size() <= ne) {
        return response;
    }
    const auto split = response.data.begin() + static_cast<std::ptrdiff_t>(ne);
    held_ = {Bytes(split, response.data.end()), response.sw};
    held_channel_ = channel;
    response.data.erase(split, response.data.end());
    return {std::move(response.data), sw::more_data(held_.data.size())};
}

// The response to a command with data waits for GET RESPONSE, and one whose length is not Le for the same
// command with the right one. Source: ISO/IEC 7816-3 §12.2.2 (cases 2S.3 and 4S.3).
ResponseApdu Card::Impl::fit_t0(ResponseApdu response, const CommandApdu& command, unsigned channel) {
    constexpr std::size_t k_most = 256;
    const auto size = response.data.size();
    if (!command.ne || !command.data.empty()) {
        return fit(std::move(response), 0, channel);
    }
    if (size == 0 || size == *command.ne || size > k_most) {
        return fit(std::move(response), *command.ne, channel);
    }
    repeated_ = Repeated{{command.cla, command.ins, command.p1, command.p2}, channel, std::move(response)};
    return sw::wrong_le(size);
}

/// The response that waits for this command, so that nothing is executed twice. Nothing waits afterwards.
std::optional<ResponseApdu> Card::Impl::take_repeated(const CommandApdu& command, unsigned channel) {
    auto repeated = std::exchange(repeated_, std::nullopt);
    const std::array header{command.cla, command.ins, command.p1, command.p2};
    if (!repeated || repeated->header != header || repeated->channel != channel || !command.data.empty() ||
        command.ne != repeated->response.data.size()) {
        return std::nullopt;
    }
    return std::move(repeated->response);
}

ResponseApdu Card::Impl::get_response(const CommandApdu& command, unsigned channel) {
    if (channel != held_channel_) {
        held_ = {};
    }
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
    if (!command.extended && (one_way() || !wants_all(command)) && *command.ne > available) {
        return sw::wrong_le(available);
    }
    return fit(std::exchange(held_, {}), *command.ne, channel);
}

ResponseApdu Card::Impl::select(const CommandApdu& command, unsigned channel) {
    constexpr unsigned k_by_df_name = 0x04;
    if ((command.p2 & 0xF0U) != 0) {
        return sw::k_incorrect_p1_p2;
    }
    const auto wanted = static_cast<ControlTemplate>((command.p2 >> 2U) & 0x03U);
    if (command.p1 == k_by_df_name) {
        return select_df_name(command, channel, wanted);
    }
    if ((command.p2 & 0x03U) != 0) { // other occurrences exist for DF names only
        return sw::k_incorrect_p1_p2;
    }
    if (!master_file_owner_) {
        return sw::k_file_not_found;
    }
    auto candidate = channels_.candidate(channel, *master_file_owner_);
    if (candidate.session == nullptr) {
        return sw::k_conditions_not_satisfied;
    }
    auto response = candidate.session->select_file(command, wanted);
    constexpr std::uint8_t k_warning = 0x62; // such as 6283: selected, but deactivated
    if (response.sw == sw::k_ok || response.sw.sw1() == k_warning) {
        channels_.enter(channel, std::move(candidate));
    }
    return response;
}

ResponseApdu Card::Impl::select_df_name(const CommandApdu& command, unsigned channel,
                                        ControlTemplate wanted) {
    constexpr std::size_t k_max_df_name = 16;
    if (command.data.empty() || command.data.size() > k_max_df_name) {
        return sw::k_lc_inconsistent_with_p1_p2;
    }
    auto& last = channels_.last_df_name(channel);
    const auto found = find_df_name(command.data, command.p2 & 0x03U, last);
    if (!found) {
        return sw::k_file_not_found;
    }
    auto candidate = channels_.candidate(channel, found->application);
    if (candidate.session == nullptr) { // it works in one channel at a time, and that is another one
        return sw::k_conditions_not_satisfied;
    }
    last = found->number;
    auto& session = *candidate.session;
    channels_.enter(channel, std::move(candidate));
    return session.select_df_name(found->index, wanted);
}

// Source: ISO/IEC 7816-4 §11.2.2, bits 2 and 1 of P2: first or only, last, next, previous occurrence
std::optional<Card::Impl::DfName> Card::Impl::find_df_name(ByteView prefix, unsigned occurrence,
                                                           std::optional<std::size_t> last) const {
    constexpr unsigned k_first = 0;
    constexpr unsigned k_last = 1;
    constexpr unsigned k_next = 2;
    std::optional<DfName> latest;
    DfName name;
    for (; name.application < applications_.size(); ++name.application) {
        const auto names = applications_[name.application]->df_names();
        for (name.index = 0; name.index < names.size(); ++name.index, ++name.number) {
            if (!names[name.index].starts_with(prefix)) {
                continue;
            }
            if (occurrence == k_first || (occurrence == k_next && (!last || name.number > *last))) {
                return name;
            }
            if (occurrence == k_last || (occurrence > k_next && (!last || name.number < *last))) {
                latest = name;
            }
        }
    }
    return latest;
}

Card::Card(std::unique_ptr<Impl> impl)
    : impl_(std::move(impl)) {}
Card::~Card() = default;

Result<std::unique_ptr<Card>> Card::create(const Profile& profile, CardOptions options) {
    auto& random = options.random != nullptr ? *options.random : system_random();
    auto impl = std::make_unique<Impl>(profile, random, std::move(options.report));
    impl->write_end_ = std::move(options.write_end);
    if (options.state_file && !profile.replay) {
        BOOST_OUTCOME_TRY(impl->open_store(*options.state_file));
    } else if (options.look_at) {
        BOOST_OUTCOME_TRY(const auto text, read_text_file(AT_FDCWD, *options.look_at, k_max_state_file));
        if (!text) {
            return fail(std::errc::no_such_file_or_directory,
                        fmt::format("{}: there is no such state file", options.look_at->string()));
        }
        BOOST_OUTCOME_TRY(impl->restore(*text, options.look_at->string()));
    } else {
        BOOST_OUTCOME_TRY(impl->begin());
    }
    return std::unique_ptr<Card>(new Card(std::move(impl)));
}

const iso7816::Atr& Card::atr() const {
    return impl_->atr_;
}

const std::string& Card::profile_name() const {
    return impl_->name_;
}

std::string Card::describe(bool with_secrets) const {
    return impl_->describe(with_secrets);
}

std::string Card::state() const {
    return impl_->state();
}

Bytes Card::power_on() {
    return reset();
}

void Card::set_protocol(unsigned protocol) {
    impl_->protocol_ = protocol;
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
