#pragma once

#include "../application.hpp"
#include "file_system.hpp"
#include "key.hpp"
#include "security_environment.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>

namespace cardlatch::card::filecard {

class FileCard;

/// One logical channel's view of the file system: current file, security status, security environment, and
/// the commands, by group in files of their own.
class FileSession final : public Session {
  public:
    explicit FileSession(FileCard& card)
        : card_(card) {}

    iso7816::ResponseApdu select_df_name(std::size_t index, ControlTemplate wanted) override;
    iso7816::ResponseApdu select_file(const iso7816::CommandApdu& command, ControlTemplate wanted) override;
    iso7816::ResponseApdu process(const iso7816::CommandApdu& command) override;
    /// Forgets the current file and what a command left for the next one. PINs stay verified.
    void deselect() override;
    /// Forgets the security status as well.
    void close() override;

  private:
    using Command = iso7816::CommandApdu;
    using Response = iso7816::ResponseApdu;
    using StatusWord = iso7816::StatusWord;

    struct Handler {
        iso7816::Ins ins;
        Response (FileSession::*execute)(const Command& command);
    };
    static const Handler* find_handler(std::uint8_t ins);

    /// A file that a command names, or the status word that says why there is none.
    struct Location {
        StatusWord sw;
        std::size_t file = 0;
    };
    /// An EF that a command may work on, or the status word that says why not.
    struct Target {
        StatusWord sw;
        std::size_t file = 0;
        bool becomes_current = false; ///< it was named in the command
    };
    /// What READ, WRITE, UPDATE and ERASE BINARY are about.
    struct BinaryPart {
        StatusWord sw;
        Target ef{};
        std::size_t offset = 0;
        std::optional<std::size_t> end{}; ///< ERASE BINARY: first byte that stays
        ByteView data{};                  ///< what to write
    };
    enum class Contents : std::uint8_t { bytes, records };
    enum class Writing : std::uint8_t { replace, logical_or };
    enum class Authentication : std::uint8_t { external, mutual };

    // file_session.cpp
    [[nodiscard]] Location locate(std::uint8_t p1, ByteView data) const;
    Response make_current(std::size_t number, ControlTemplate wanted);
    void leave_vanished_files();
    [[nodiscard]] bool allows(const AccessRule& rule) const;
    [[nodiscard]] bool allows(const File& file, std::size_t access) const;
    [[nodiscard]] Target open_ef(std::optional<std::size_t> found, Contents contents,
                                 std::size_t access) const;
    [[nodiscard]] Target open_by_sfi(unsigned sfi, Contents contents, std::size_t access) const;
    void set_current(const Target& ef);

    // binary_commands.cpp
    [[nodiscard]] BinaryPart binary_part(const Command& command, std::size_t access) const;
    [[nodiscard]] BinaryPart binary_part_even(const Command& command, std::size_t access) const;
    [[nodiscard]] BinaryPart binary_part_odd(const Command& command, std::size_t access) const;
    Response read_binary(const Command& command);
    Response store_binary(const Command& command, std::size_t access, Writing writing);
    Response update_binary(const Command& command);
    Response write_binary(const Command& command);
    Response erase_binary(const Command& command);

    // record_commands.cpp
    [[nodiscard]] std::optional<std::size_t> find_record(const Target& ef, const Command& command) const;
    void set_record(const Target& ef, const Command& command, std::size_t record);
    Response read_record(const Command& command);
    Response store_record(const Command& command, std::size_t access, Writing writing);
    Response update_record(const Command& command);
    Response write_record(const Command& command);
    Response append_record(const Command& command);
    Response erase_record(const Command& command);
    Response search_record(const Command& command);

    // file_management.cpp
    Response create_file(const Command& command);
    Response delete_file(const Command& command);
    Response activate_file(const Command& command);
    Response deactivate_file(const Command& command);
    Response terminate_df(const Command& command);
    Response terminate_ef(const Command& command);
    [[nodiscard]] Location managed_file(const Command& command) const;
    Response set_life_cycle(const Command& command, LifeCycle next);

    // data_objects.cpp
    Response get_data(const Command& command);
    Response get_data_odd(const Command& command);
    Response put_data(const Command& command);
    Response put_data_odd(const Command& command);

    // verification_commands.cpp
    Response verify(const Command& command);
    Response change_reference_data(const Command& command);
    Response reset_retry_counter(const Command& command);
    Response enable_verification_requirement(const Command& command);
    Response disable_verification_requirement(const Command& command);
    Response require_verification(const Command& command, bool required);
    StatusWord note_verification(std::uint8_t reference, StatusWord verified);

    // authentication_commands.cpp
    Response get_challenge(const Command& command);
    Response internal_authenticate(const Command& command);
    Response external_authenticate(const Command& command);
    Response mutual_authenticate(const Command& command, Key& key);
    [[nodiscard]] Key* key_for_authentication(const Command& command);

    // security_operations.cpp
    Response manage_security_environment(const Command& command);
    Response perform_security_operation(const Command& command);
    Response compute_signature(const Command& command);
    Response hash(const Command& command);
    Response decipher(const Command& command);
    Response generate_asymmetric_key_pair(const Command& command);

    FileCard& card_;
    std::size_t current_df_ = 0;
    std::optional<std::size_t> current_ef_;
    std::optional<std::size_t> current_record_; ///< from 0
    std::set<std::uint8_t> verified_pins_;
    std::set<std::uint8_t> proved_keys_; ///< by EXTERNAL or MUTUAL AUTHENTICATE
    Bytes challenge_;                    ///< the last GET CHALLENGE's, until it was used
    SecurityEnvironment environment_;
    Bytes hash_; ///< PSO HASH's result
};

} // namespace cardlatch::card::filecard
