#include "cases.hpp"

#include <cardlatch/lockcheck/case.hpp>

#include <iterator>

namespace cardlatch::lockcheck {

const std::vector<Case>& all_cases() {
    static const std::vector<Case> cases = [] {
        std::vector<Case> all;
        for (const auto topic :
             {share_cases(), lock_cases(), end_cases(), reset_cases(), thread_cases(), wait_cases(),
              death_cases(), removal_cases(), library_cases(), library_loss_cases(), storm_cases()}) {
            all.insert(all.end(), topic.begin(), topic.end());
        }
        return all;
    }();
    return cases;
}

std::string_view describe(Needs needs) {
    switch (needs) {
    case Needs::nothing:
        return "";
    case Needs::witness:
        return "witness";
    case Needs::removal:
        return "card removal";
    case Needs::own_stack:
        return "a stack of its own";
    case Needs::reader_removal:
        return "reader removal";
    }
    return "";
}

} // namespace cardlatch::lockcheck
