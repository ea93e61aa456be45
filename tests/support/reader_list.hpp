#pragma once

namespace cardlatch::test {

/// Shell: the readers as pcsc_scan lists them. From version 1.7 on it introduces itself first.
constexpr const char* k_reader_list = "pcsc_scan -r | sed -n '/^[0-9]*: /p'";

} // namespace cardlatch::test
