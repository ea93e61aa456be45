#pragma once

#include <cardlatch/base/bytes.hpp>
#include <cardlatch/base/result.hpp>
#include <cardlatch/iscard/com.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cardlatch::iscard {

/// A kind of card that the machine knows.
struct KnownCard {
    std::string name;             ///< UTF-8, unique
    Bytes atr;                    ///< 2 to 33 bytes
    Bytes mask;                   ///< as long as `atr`; the bits that count. Empty: all
    std::vector<GUID> interfaces; ///< that its provider offers
    std::optional<GUID> provider; ///< class of the primary service provider
    std::string csp;              ///< name of its cryptographic provider, may be empty

    /// Whether a card with this ATR is of the kind.
    [[nodiscard]] bool matches(ByteView card_atr) const;
    /// Whether its provider offers all these interfaces.
    [[nodiscard]] bool offers(const std::vector<GUID>& wanted) const;
};

/// A named set of readers.
struct ReaderGroup {
    std::string name;                 ///< UTF-8, unique
    std::vector<std::string> readers; ///< names, or beginnings of names that end in '*'
    /// Whether the reader belongs to the group.
    [[nodiscard]] bool holds(std::string_view reader) const;
};

/// What ISCardDatabase and ISCardLocate ask, in place of Windows' registry. Source: docs/iscard.md, "Card
/// database".
struct CardDatabase {
    std::vector<KnownCard> cards;
    std::vector<ReaderGroup>
        groups; ///< the default group, which holds every reader, is always there and not listed

    /// The built-in cards, those of $CARDLATCH_CARDS or else of the user's and the system's files. What is
    /// read first stays: a file hides a later entry of the same name. Errors: pcsc::Errc::invalid_target for
    /// a file that is malformed or, named by CARDLATCH_CARDS, cannot be read; pcsc::Errc::invalid_atr. The
    /// detail has file and line.
    static Result<CardDatabase> load();

    /// Adds the entries of one file's text; `name` is for errors.
    Result<void> read(std::string_view text, const std::string& name);

    [[nodiscard]] const KnownCard* find(std::string_view card) const;
};

} // namespace cardlatch::iscard
