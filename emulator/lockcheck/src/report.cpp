#include <cardlatch/lockcheck/report.hpp>

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace cardlatch::lockcheck {

namespace {

namespace json = boost::json;

std::string_view to_string(Windows relation) {
    switch (relation) {
    case Windows::same:
        return "same";
    case Windows::differs:
        return "differs";
    case Windows::unpublished:
        return "unpublished";
    }
    return "unknown";
}

std::string_view topic(const Case& subject) {
    return subject.name.substr(0, subject.name.find('.'));
}

/// Whole numbers without a fraction, others with at most three digits of it.
std::string number(double value) {
    auto text = fmt::format("{:.3f}", value);
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') {
        text.pop_back();
    }
    return text;
}

std::string measurements_text(const CaseResult& result) {
    std::string text;
    for (const auto& item : result.measurements) {
        text += fmt::format("{}{} {}{}{}", text.empty() ? "" : ", ", item.name, number(item.value),
                            item.unit.empty() ? "" : " ", item.unit);
    }
    return text;
}

json::object outcome_json(const Outcome& outcome) {
    return {{"text", outcome.text}, {"source", outcome.source}};
}

json::object result_json(const CaseResult& result) {
    const auto& subject = *result.subject;
    auto windows = outcome_json(subject.windows);
    windows["relation"] = to_string(subject.relation);
    json::array measurements;
    for (const auto& item : result.measurements) {
        measurements.push_back(json::object{{"name", item.name}, {"value", item.value}, {"unit", item.unit}});
    }
    return {{"name", subject.name},
            {"verdict", lockcheck::to_string(result.verdict)},
            {"purpose", subject.purpose},
            {"needs", describe(subject.needs)},
            {"pcsclite", outcome_json(subject.pcsclite)},
            {"windows", std::move(windows)},
            {"detail", result.detail},
            {"measurements", std::move(measurements)},
            {"seconds", result.took.count()}};
}

/// Text for XML: marked up characters escaped, characters that XML 1.0 does not have replaced.
std::string xml(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '&') {
            out += "&amp;";
        } else if (c == '<') {
            out += "&lt;";
        } else if (c == '>') {
            out += "&gt;";
        } else if (c == '"') {
            out += "&quot;";
        } else if (byte < 0x20 && c != '\t' && c != '\n' && c != '\r') {
            out += '?';
        } else {
            out += c;
        }
    }
    return out;
}

/// A cell of a Markdown table.
std::string cell(std::string_view text) {
    std::string out;
    for (const char c : text) {
        out += c == '|' ? "\\|" : std::string(1, c);
    }
    return out;
}

} // namespace

std::string to_line(const CaseResult& result) {
    const auto verdict = lockcheck::to_string(result.verdict);
    auto line = fmt::format("{:<20} {} ({:.2f} s)", verdict, result.subject->name, result.took.count());
    if (!result.detail.empty()) {
        line += fmt::format("\n{:21}{}", "", result.detail);
    }
    if (result.verdict == Verdict::differs) {
        line += fmt::format("\n{:21}here: {}\n{:21}Windows: {} ({})", "", result.subject->pcsclite.text, "",
                            result.subject->windows.text, result.subject->windows.source);
    }
    if (!result.measurements.empty()) {
        line += fmt::format("\n{:21}{}", "", measurements_text(result));
    }
    return line;
}

std::string to_summary(const Report& report) {
    return fmt::format("{} cases in {:.1f} s: {} pass, {} differ from Windows, {} skipped, {} failed",
                       report.results.size(), report.took.count(), report.count(Verdict::pass),
                       report.count(Verdict::differs), report.count(Verdict::skipped),
                       report.count(Verdict::fail));
}

std::string to_json(const Report& report) {
    json::array cases;
    for (const auto& result : report.results) {
        cases.push_back(result_json(result));
    }
    json::object summary;
    for (const auto verdict : {Verdict::pass, Verdict::differs, Verdict::skipped, Verdict::fail}) {
        summary[lockcheck::to_string(verdict)] = report.count(verdict);
    }
    return json::serialize(json::object{{"reader", report.subject.reader},
                                        {"atr", report.subject.atr},
                                        {"witness", report.subject.witness},
                                        {"removable", report.subject.removable},
                                        {"seed", report.seed},
                                        {"seconds", report.took.count()},
                                        {"summary", std::move(summary)},
                                        {"cases", std::move(cases)}});
}

std::string to_junit(const Report& report) {
    auto text =
        fmt::format("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                    "<testsuite name=\"cardlatch lockcheck\" tests=\"{}\" failures=\"{}\" errors=\"0\" "
                    "skipped=\"{}\" time=\"{:.3f}\">\n"
                    "  <properties>\n"
                    "    <property name=\"reader\" value=\"{}\"/>\n"
                    "    <property name=\"atr\" value=\"{}\"/>\n"
                    "    <property name=\"seed\" value=\"{}\"/>\n"
                    "  </properties>\n",
                    report.results.size(), report.count(Verdict::fail), report.count(Verdict::skipped),
                    report.took.count(), xml(report.subject.reader), xml(report.subject.atr), report.seed);
    for (const auto& result : report.results) {
        const auto& subject = *result.subject;
        text += fmt::format("  <testcase classname=\"lockcheck.{}\" name=\"{}\" time=\"{:.3f}\">\n",
                            xml(topic(subject)), xml(subject.name), result.took.count());
        if (result.verdict == Verdict::fail) {
            text += fmt::format("    <failure message=\"{}\">expected: {} ({})</failure>\n",
                                xml(result.detail), xml(subject.pcsclite.text), xml(subject.pcsclite.source));
        } else if (result.verdict == Verdict::skipped) {
            text += fmt::format("    <skipped message=\"{}\"/>\n", xml(result.detail));
        }
        std::string out = measurements_text(result);
        if (result.verdict == Verdict::differs) {
            out = fmt::format("differs from Windows: {} ({})", subject.windows.text, subject.windows.source);
        }
        if (!out.empty()) {
            text += fmt::format("    <system-out>{}</system-out>\n", xml(out));
        }
        text += "  </testcase>\n";
    }
    return text + "</testsuite>\n";
}

std::string list_text(std::span<const Case* const> cases) {
    std::size_t width = 0;
    for (const auto* subject : cases) {
        width = std::max(width, subject->name.size());
    }
    std::string text;
    for (const auto* subject : cases) {
        text += fmt::format("{:<{}}  {}\n", subject->name, width, subject->purpose);
    }
    return text;
}

std::string list_markdown(std::span<const Case* const> cases) {
    std::string text;
    std::string_view previous;
    for (const auto* subject : cases) {
        if (topic(*subject) != previous) {
            previous = topic(*subject);
            text += fmt::format("{}### {}\n\n| Case | pcsc-lite | Windows | |\n|---|---|---|---|\n",
                                text.empty() ? "" : "\n", previous);
        }
        const auto needs = describe(subject->needs);
        text += fmt::format("| **{}**. {}{} | {} ({}) | {} ({}) | {} |\n", cell(subject->name),
                            cell(subject->purpose), needs.empty() ? "" : fmt::format(" Needs {}.", needs),
                            cell(subject->pcsclite.text), cell(subject->pcsclite.source),
                            cell(subject->windows.text), cell(subject->windows.source),
                            to_string(subject->relation));
    }
    return text;
}

} // namespace cardlatch::lockcheck
