#include "filecard.hpp"

#include <algorithm>

namespace cardlatch::card::filecard {

using iso7816::StatusWord;

FileCard::FileCard(std::shared_ptr<const FileCardProfile> profile, Services services)
    : profile_(std::move(profile))
    , services_(services)
    , files_(profile_->files) {
    for (const auto& pin : profile_->pins) {
        pins_.emplace_back(pin);
    }
    for (const auto& key : profile_->keys) {
        keys_.emplace_back(key);
    }
    for (const auto& [tag, object] : profile_->data) {
        data_.emplace(tag, object.value);
    }
    name_dfs();
}

void FileCard::name_dfs() {
    df_names_.clear();
    named_dfs_.clear();
    for (const auto& [number, file] : files_.all()) {
        if (file.aid) {
            df_names_.push_back(*file.aid);
            named_dfs_.push_back(number);
        }
    }
}

StatusWord FileCard::change_files(FileSystem next) {
    const auto stored = services_.persistence.change(files_, std::move(next));
    if (stored == iso7816::sw::k_ok) {
        name_dfs();
    }
    return stored;
}

Pin* FileCard::find_pin(unsigned reference) {
    const auto found = std::find_if(pins_.begin(), pins_.end(),
                                    [&](const Pin& pin) { return pin.reference() == reference; });
    return found == pins_.end() ? nullptr : &*found;
}

Key* FileCard::find_key(unsigned reference) {
    const auto found = std::find_if(keys_.begin(), keys_.end(),
                                    [&](const Key& key) { return key.profile().reference == reference; });
    return found == keys_.end() ? nullptr : &*found;
}

} // namespace cardlatch::card::filecard
