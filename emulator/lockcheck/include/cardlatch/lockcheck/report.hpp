#pragma once

#include <cardlatch/lockcheck/suite.hpp>

#include <span>
#include <string>

namespace cardlatch::lockcheck {

/// One line about a result, and an indented one with its detail where there is something to say.
std::string to_line(const CaseResult& result);
/// The last line: how many of each verdict, and how long it took.
std::string to_summary(const Report& report);
/// One JSON object; docs/lockcheck.md has its members.
std::string to_json(const Report& report);
/// JUnit XML, one test suite.
std::string to_junit(const Report& report);

/// Names and purposes.
std::string list_text(std::span<const Case* const> cases);
/// The tables of docs/lockcheck.md.
std::string list_markdown(std::span<const Case* const> cases);

} // namespace cardlatch::lockcheck
