#include "application.hpp"
#include "filecard/filecard_profile.hpp"
#include "piv/piv_profile.hpp"
#include "witness/witness_application.hpp"

#include <array>

namespace cardlatch::card {

namespace {
constexpr std::array k_kinds{
    ApplicationKind{"filecard", &filecard::parse_profile},
    ApplicationKind{"piv", &piv::parse_profile},
    ApplicationKind{"witness", &witness::parse_profile},
};
} // namespace

std::span<const ApplicationKind> application_kinds() {
    return k_kinds;
}

iso7816::ResponseApdu Session::select_file(const iso7816::CommandApdu&, ControlTemplate) {
    return iso7816::sw::k_file_not_found;
}

} // namespace cardlatch::card
