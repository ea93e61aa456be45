#pragma once

#include "writer.hpp"

namespace cardlatch::trace {

/// The dialogue with the first card that gets a command, in the format of fixtures/apdu. Secret bytes are ??.
std::unique_ptr<Writer> make_dialogue_writer(Output& output);

} // namespace cardlatch::trace
