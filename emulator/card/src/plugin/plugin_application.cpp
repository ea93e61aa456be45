#include "plugin_application.hpp"

#include "../response.hpp"

#include <cardlatch/card/application_abi.h>
#include <cardlatch/iso7816/tlv.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <dlfcn.h>
#include <exception>
#include <stdexcept>
#include <string>

namespace cardlatch::card::plugin {

namespace sw = iso7816::sw;
using iso7816::ResponseApdu;
using iso7816::StatusWord;

namespace {

constexpr std::size_t k_max_response = 65536;
constexpr std::size_t k_max_state = std::size_t{1024} * 1024;
constexpr std::size_t k_max_error = 1024;
constexpr std::size_t k_max_label = 16;
constexpr std::size_t k_state_line = 32; // bytes per line of the state file

/// Collects what a library appends, up to a limit.
class Collector {
  public:
    explicit Collector(std::size_t limit)
        : limit_(limit) {}
    Collector(const Collector&) = delete;
    Collector& operator=(const Collector&) = delete;
    ~Collector() = default;

    [[nodiscard]] const cardlatch_output* output() const { return &output_; }
    [[nodiscard]] Bytes& bytes() { return bytes_; }
    /// Something did not fit.
    [[nodiscard]] bool overflowed() const { return overflowed_; }

  private:
    static int append(void* context, const std::uint8_t* bytes, std::size_t length) {
        auto& self = *static_cast<Collector*>(context);
        try {
            if (length > self.limit_ - self.bytes_.size() || (bytes == nullptr && length > 0)) {
                self.overflowed_ = true;
                return 1;
            }
            self.bytes_.insert(self.bytes_.end(), bytes, bytes + length);
            return 0;
        } catch (const std::exception&) { // out of memory
            self.overflowed_ = true;
            return 1;
        }
    }

    std::size_t limit_;
    Bytes bytes_;
    bool overflowed_ = false;
    cardlatch_output output_{this, &Collector::append};
};

/// A loaded library and what it said of its application. Unloaded when its last card is gone.
class Library {
  public:
    Library(void* handle, const cardlatch_application& description)
        : handle_(handle)
        , description_(&description) {}
    Library(const Library&) = delete;
    Library& operator=(const Library&) = delete;
    ~Library() { ::dlclose(handle_); }

    [[nodiscard]] const cardlatch_application& description() const { return *description_; }

  private:
    void* handle_;
    const cardlatch_application* description_;
};

/// What a profile says of one application.
struct Entry {
    std::string name; ///< "plugin.NAME"
    std::shared_ptr<const Library> library;
    std::vector<iso7816::Aid> df_names;
    std::string settings;
};

class PluginApplication final : public Application {
  public:
    /// When create() refuses, made() is false and refusal() says why; every command then answers 6F00.
    PluginApplication(std::shared_ptr<const Entry> entry, Services services)
        : entry_(std::move(entry))
        , services_(services) {
        Collector text(k_max_error);
        self_ = library().create(&host_, entry_->settings.c_str(), text.output());
        refusal_.assign(text.bytes().begin(), text.bytes().end());
    }
    PluginApplication(const PluginApplication&) = delete;
    PluginApplication& operator=(const PluginApplication&) = delete;
    ~PluginApplication() override {
        if (self_ != nullptr) {
            library().destroy(self_);
        }
    }

    [[nodiscard]] bool made() const { return self_ != nullptr; }
    [[nodiscard]] const std::string& refusal() const { return refusal_; }

    [[nodiscard]] std::string_view name() const override { return entry_->name; }
    [[nodiscard]] std::span<const iso7816::Aid> df_names() const override { return entry_->df_names; }
    ResponseApdu select_df_name(std::size_t index, ControlTemplate wanted) override;
    ResponseApdu process(const iso7816::CommandApdu& command) override;
    void deselect() override {
        if (self_ != nullptr && library().deselect != nullptr) {
            library().deselect(self_);
        }
    }
    void reset() override {
        if (self_ != nullptr) {
            library().reset(self_);
        }
    }
    void save(toml::table& out) const override;
    Result<void> restore(TableReader& in) override;

  private:
    [[nodiscard]] const cardlatch_application& library() const { return entry_->library->description(); }

    static int commit(void* context) {
        return static_cast<PluginApplication*>(context)->services_.persistence.commit() ? 0 : 1;
    }
    static int random(void* context, std::uint8_t* out, std::size_t length) {
        return static_cast<PluginApplication*>(context)->services_.random.fill({out, length}) ? 0 : 1;
    }

    /// What the library answered; 6F00 when that is no response.
    static ResponseApdu response(std::uint16_t status, Collector& collected) {
        const StatusWord given(status);
        const bool legal =
            (given.sw1() & 0xF0U) == 0x90U || ((given.sw1() & 0xF0U) == 0x60U && given.sw1() != 0x60U);
        if (!legal || collected.overflowed()) {
            return sw::k_no_precise_diagnosis;
        }
        return {std::move(collected.bytes()), given};
    }

    std::shared_ptr<const Entry> entry_;
    Services services_;
    cardlatch_host host_{CARDLATCH_APPLICATION_ABI, this, &PluginApplication::commit,
                         &PluginApplication::random};
    void* self_ = nullptr;
    std::string refusal_;
};

ResponseApdu PluginApplication::select_df_name(std::size_t, ControlTemplate wanted) {
    if (self_ == nullptr) {
        return sw::k_no_precise_diagnosis;
    }
    Collector collected(k_max_response);
    const std::uint16_t status =
        library().select != nullptr
            ? library().select(self_, static_cast<std::uint8_t>(wanted), collected.output())
            : sw::k_ok.value();
    auto answered = response(status, collected);
    if (answered.sw != sw::k_ok || !answered.data.empty()) {
        return answered;
    }
    ControlInformation information;
    const std::uint8_t df_descriptor = 0x38;
    iso7816::append_tlv(information.parameters, 0x82, ByteView(&df_descriptor, 1));
    iso7816::append_tlv(information.parameters, 0x84, entry_->df_names.front().bytes());
    append_life_cycle_activated(information.parameters);
    iso7816::append_tlv(information.management, 0x4F, entry_->df_names.front().bytes());
    if (library().label != nullptr) {
        iso7816::append_tlv(information.management, 0x50, as_bytes(library().label));
    }
    return information.response(wanted);
}

ResponseApdu PluginApplication::process(const iso7816::CommandApdu& command) {
    if (self_ == nullptr) {
        return sw::k_no_precise_diagnosis;
    }
    const cardlatch_command view{
        command.cla,         command.ins,           command.p1, command.p2, command.data.data(),
        command.data.size(), command.ne.value_or(0)};
    Collector collected(k_max_response);
    const auto status = library().process(self_, &view, collected.output());
    return response(status, collected);
}

void PluginApplication::save(toml::table& out) const {
    if (self_ == nullptr || library().save == nullptr) {
        return;
    }
    Collector collected(k_max_state);
    if (library().save(self_, collected.output()) != 0 || collected.overflowed()) {
        throw std::runtime_error(entry_->name + " cannot save its state"); // commit() reports it
    }
    toml::array lines;
    for (auto rest = ByteView(collected.bytes()); !rest.empty();
         rest = rest.subspan(std::min(k_state_line, rest.size()))) {
        lines.push_back(to_hex(rest.first(std::min(k_state_line, rest.size()))));
    }
    if (!lines.empty()) {
        out.insert("state", std::move(lines));
    }
}

Result<void> PluginApplication::restore(TableReader& in) {
    BOOST_OUTCOME_TRY(const auto state, in.hex("state", 0, k_max_state));
    if (!state) {
        return ok();
    }
    if (library().restore == nullptr || library().restore(self_, state->data(), state->size()) != 0) {
        return in.error("state", "is no state that this library knows");
    }
    return ok();
}

class PluginProfile final : public ApplicationProfile {
  public:
    explicit PluginProfile(Entry entry)
        : entry_(std::make_shared<const Entry>(std::move(entry))) {}

    [[nodiscard]] std::string_view name() const override { return entry_->name; }
    [[nodiscard]] CardCapabilities capabilities() const override { return {}; }
    [[nodiscard]] std::unique_ptr<Application> instantiate(Services services) const override {
        return std::make_unique<PluginApplication>(entry_, services);
    }

    /// Whether the library makes an application of these settings; the sentence that says why not.
    [[nodiscard]] std::optional<std::string> refusal() const;

  private:
    std::shared_ptr<const Entry> entry_;
};

std::optional<std::string> PluginProfile::refusal() const {
    NoPersistence nothing; // it is made only to see whether it can be
    const PluginApplication application(entry_, {nothing, system_random()});
    if (application.made()) {
        return std::nullopt;
    }
    return application.refusal().empty() ? "the library does not say why" : application.refusal();
}

/// Whether every function that has to be there is.
bool is_complete(const cardlatch_application& application) {
    return application.create != nullptr && application.destroy != nullptr &&
           application.process != nullptr && application.reset != nullptr &&
           (application.save == nullptr) == (application.restore == nullptr) && application.aid != nullptr;
}

Result<std::shared_ptr<const Library>> load_library(TableReader& table, const std::string& named) {
    constexpr auto k_key = "library";
    std::filesystem::path path(named);
    if (path.is_relative()) {
        path = std::filesystem::absolute(std::filesystem::path(table.file())).parent_path() / path;
    }
    void* const handle = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) {
        const auto* const why = ::dlerror(); // NOLINT(concurrency-mt-unsafe) per thread in glibc
        return table.error(k_key, fmt::format("cannot be loaded: {}", why != nullptr ? why : path.string()));
    }
    const std::shared_ptr<void> closing(handle, [](void* opened) { ::dlclose(opened); });
    const auto entry =
        reinterpret_cast<cardlatch_application_entry>(::dlsym(handle, CARDLATCH_APPLICATION_SYMBOL));
    if (entry == nullptr) {
        return table.error(k_key, fmt::format("{} is no card application: it has no symbol {}", path.string(),
                                              CARDLATCH_APPLICATION_SYMBOL));
    }
    const auto* const description = entry(CARDLATCH_APPLICATION_ABI);
    if (description == nullptr) {
        return table.error(k_key, fmt::format("{} does not serve version {} of the application interface",
                                              path.string(), CARDLATCH_APPLICATION_ABI));
    }
    if (description->abi != CARDLATCH_APPLICATION_ABI) { // nothing else in it can be trusted
        return table.error(
            k_key, fmt::format("{} speaks version {} of the application interface; this card speaks {}",
                               path.string(), description->abi, CARDLATCH_APPLICATION_ABI));
    }
    const auto label_size = description->label == nullptr ? 0 : std::string_view(description->label).size();
    if (!is_complete(*description) || label_size > k_max_label) {
        return table.error(k_key, fmt::format("{} describes its application incompletely", path.string()));
    }
    // The handle is counted: this one for the library, the other one goes with `closing`.
    return std::shared_ptr<const Library>(
        std::make_shared<const Library>(::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL), *description));
}

Result<std::shared_ptr<const ApplicationProfile>> read_plugin(TableReader& table, const std::string& name) {
    constexpr std::size_t k_max_path = 4096;
    constexpr std::size_t k_max_settings = 65536;
    Entry entry;
    entry.name = "plugin." + name;
    BOOST_OUTCOME_TRY(const auto library, table.required("library", table.text("library", 1, k_max_path),
                                                         "name a shared object"));
    BOOST_OUTCOME_TRY(const auto aid, table.hex("aid", 1, 16));
    BOOST_OUTCOME_TRY(auto settings, table.text("settings", 0, k_max_settings));
    BOOST_OUTCOME_TRY(table.finish());
    BOOST_OUTCOME_TRY(entry.library, load_library(table, library));
    const auto& description = entry.library->description();
    auto df_name =
        iso7816::Aid::from(aid ? ByteView(*aid) : ByteView(description.aid, description.aid_length));
    if (!df_name) {
        return table.error("library", "gives an AID that is not 1 to 16 bytes long");
    }
    entry.df_names.push_back(std::move(df_name.value()));
    entry.settings = settings.value_or("");
    auto profile = std::make_shared<const PluginProfile>(std::move(entry));
    if (const auto refusal = profile->refusal()) {
        return table.error(settings ? "settings" : "library",
                           fmt::format("the application cannot be made: {}", *refusal));
    }
    return std::shared_ptr<const ApplicationProfile>(std::move(profile));
}

} // namespace

Result<std::vector<std::shared_ptr<const ApplicationProfile>>> read_plugins(TableReader& root) {
    std::vector<std::shared_ptr<const ApplicationProfile>> profiles;
    BOOST_OUTCOME_TRY(auto plugins, root.table("plugin"));
    for (const auto& name : plugins ? plugins->keys() : std::vector<std::string>{}) {
        BOOST_OUTCOME_TRY(auto table, plugins->table(name));
        BOOST_OUTCOME_TRY(auto profile, read_plugin(*table, name));
        profiles.push_back(std::move(profile));
    }
    return profiles;
}

} // namespace cardlatch::card::plugin
