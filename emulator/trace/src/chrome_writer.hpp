#pragma once

#include "writer.hpp"

namespace cardlatch::trace {

/// Trace events as a JSON array, which may lack its end: a row for each reader with exchanges and locks as
/// slices, resets and insertions as instants; a row for each client that waits for a lock.
/// Source: Chrome's Trace Event Format, "JSON Array Format".
std::unique_ptr<Writer> make_chrome_writer(Output& output);

} // namespace cardlatch::trace
