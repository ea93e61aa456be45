#include "apdu_dialogue.hpp"

#include <algorithm>

namespace cardlatch::test {

Result<Dialogue> load_dialogue(const std::filesystem::path& file) {
    BOOST_OUTCOME_TRY(auto dialogue, card::load_dialogue(file));
    for (const auto& step : dialogue.steps) {
        const auto wrong = [&](const std::string& what) {
            return fail(std::errc::invalid_argument,
                        file.string() + ":" + std::to_string(step.line) + ": " + what);
        };
        if (step.kind == DialogueStep::Kind::command && step.clause.find("§") == std::string::npos) {
            return wrong("a comment with a clause (§) is missing above the command");
        }
        if (step.command.masked()) {
            return wrong("a masked command can be replayed, but not sent");
        }
    }
    return dialogue;
}

std::vector<std::filesystem::path> list_dialogues(const std::filesystem::path& folder) {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        if (entry.path().extension() == ".apdu") {
            files.push_back(entry.path());
        }
    }
    std::sort(files.begin(), files.end());
    return files;
}

} // namespace cardlatch::test
