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

Result<void> restore_applications(TableReader& root,
                                  const std::vector<std::unique_ptr<Application>>& applications) {
    for (const auto& application : applications) {
        BOOST_OUTCOME_TRY(auto table, root.table(application->name()));
        if (table) {
            BOOST_OUTCOME_TRY(application->restore(*table));
            BOOST_OUTCOME_TRY(table->finish());
        }
    }
    return root.finish();
}

iso7816::ResponseApdu Session::select_file(const iso7816::CommandApdu&, ControlTemplate) {
    return iso7816::sw::k_file_not_found;
}

} // namespace cardlatch::card
