#include "filecard_profile.hpp"

#include "filecard.hpp"

#include <cardlatch/iso7816/tlv.hpp>

#include <fmt/format.h>

namespace cardlatch::card::filecard {

CardCapabilities FileCardProfile::capabilities() const {
    CardCapabilities capabilities{.master_file = true};
    const auto dir = files.child(0, 0x2F00);
    const auto atr = files.child(0, 0x2F01);
    const auto binary = [&](auto file) { return !file || files[*file].structure == Structure::transparent; };
    capabilities.ef_dir = dir.has_value();
    capabilities.ef_atr = atr.has_value();
    capabilities.read_by_binary = (dir || atr) && binary(dir) && binary(atr);
    capabilities.extended_length_info = atr && iso7816::find_tlv(files[*atr].content, 0x7F66);
    return capabilities;
}

std::unique_ptr<Application> FileCardProfile::instantiate(Services services) const {
    return std::make_unique<FileCard>(shared_from_this(), services);
}

Result<std::shared_ptr<const ApplicationProfile>> parse_profile(TableReader& table) {
    FileCardDescription card;
    BOOST_OUTCOME_TRY(const auto known, read_references(table));
    BOOST_OUTCOME_TRY(card.pins, read_pins(table, known));
    BOOST_OUTCOME_TRY(card.keys, read_keys(table, known));
    BOOST_OUTCOME_TRY(card.data, read_data_objects(table, known));
    BOOST_OUTCOME_TRY(card.files, read_files(table, known));
    BOOST_OUTCOME_TRY(table.finish());
    for (const auto& [number, file] : card.files.all()) {
        for (const auto& rule : file.rules) {
            if (!card.environments.add(rule)) {
                return table.error("",
                                   fmt::format("the access rules of its files name more than {} different "
                                               "combinations of PIN and key",
                                               RuleEnvironments::k_max));
            }
        }
    }
    return std::shared_ptr<const ApplicationProfile>(
        std::make_shared<const FileCardProfile>(std::move(card)));
}

} // namespace cardlatch::card::filecard
