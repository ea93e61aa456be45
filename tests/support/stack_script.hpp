#pragma once

#include "child.hpp"

#include <string>
#include <vector>

/// Scripts among the clients of a stack.
namespace cardlatch::test {

/// Shell functions.
/// `cardlatch`: the command of this build. In the background "$COMMAND", so that $! is its own process.
/// `reader_list`: the readers as pcsc_scan lists them; from version 1.7 on it introduces itself first.
/// `await STATE [PLACE]`: until the reader at that place of the list (0) is "present" or "empty"; waits for
/// an event, not for a time.
inline const std::string k_shell = "COMMAND='" CARDLATCH_COMMAND "'\n"
                                   R"(
cardlatch() { "$COMMAND" "$@"; }
reader_list() { pcsc_scan -r | sed -n '/^[0-9]*: /p'; }
await() { /usr/bin/python3 -c '
import sys
from smartcard.scard import *
context = SCardEstablishContext(SCARD_SCOPE_USER)[1]
reader = SCardListReaders(context, [])[1][int(sys.argv[2])]
wanted = {"present": SCARD_STATE_PRESENT, "empty": SCARD_STATE_EMPTY}[sys.argv[1]]
state = SCARD_STATE_UNAWARE
while not state & wanted:
    result, states = SCardGetStatusChange(context, 60000, [(reader, state)])
    assert result == SCARD_S_SUCCESS, hex(result)
    state = states[0][1]
' "$1" "${2:-0}"; }
)";

/// A shell script in a stack of its own; it ends at the first command that fails.
inline Outcome script(const std::vector<std::string>& options, const std::string& text) {
    return cardlatch_run(options, {"sh", "-ec", k_shell + text});
}

/// A Python script in a stack of its own, with a `context` and the calls of winscard.h (pyscard).
/// `cardlatch(WORD...)`: what the command of this build prints. `readers()`: their names. `code(CALL)`: the
/// hexadecimal error code of a call, 0 for success.
inline Outcome python(const std::vector<std::string>& options, const std::string& text) {
    return cardlatch_run(options, {"/usr/bin/python3", "-c", R"(
import struct, subprocess, sys
from smartcard.scard import *
def cardlatch(*words):
    return subprocess.run([sys.argv[1], *words], check=True, stdout=subprocess.PIPE, text=True).stdout
context = SCardEstablishContext(SCARD_SCOPE_USER)[1]
def readers():
    return SCardListReaders(context, [])[1]
def code(answer):
    return f'{(answer[0] if isinstance(answer, list) else answer) & 0xFFFFFFFF:X}'
)" + text,
                                   cardlatch_command()});
}

} // namespace cardlatch::test
