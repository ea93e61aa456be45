"""A private stack that belongs to this process."""

from __future__ import annotations

import os
import subprocess
import tempfile
from typing import Optional, Sequence

from .control import Control, Reader

# It says where the stack is, then lives until its standard input ends: at the latest when we do.
_HOLD = 'printf "%s\\n%s\\n" "$PCSCLITE_CSOCK_NAME" "$CARDLATCH_CONTROL"; cat >/dev/null'


#: The card where none is named, as for ``cardlatch run``.
DEFAULT_CARD = "piv"


class StackError(Exception):
    """The stack did not start; the message is what ``cardlatch run`` said."""


class Stack:
    """A pcscd with virtual readers, from construction to close().

    It changes nothing in this process: give ``environment`` to the programs under test, or call
    :meth:`enter_environment` to use PC/SC here.
    """

    def __init__(
        self,
        cards: Sequence[str] = (DEFAULT_CARD,),
        *,
        options: Sequence[str] = (),
        command: Optional[str] = None,
    ) -> None:
        """One reader for each of ``cards``: shipped profiles' names, TOML files, or "none".

        ``options`` are further ones of ``cardlatch run``. ``command`` is the program; by default what
        CARDLATCH_COMMAND names, else ``cardlatch`` from PATH.
        """
        program = command or os.environ.get("CARDLATCH_COMMAND") or "cardlatch"
        arguments = [program, "run"]
        for card in cards:
            arguments += ["--card", card]
        arguments += [*options, "--", "/bin/sh", "-c", _HOLD]
        self._said = tempfile.TemporaryFile("w+")  # not a pipe, which would fill up
        try:
            self._process = subprocess.Popen(
                arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._said, text=True
            )
        except OSError as error:
            raise StackError(f"{program}: {error.strerror}; install cardlatch or set CARDLATCH_COMMAND") from error
        assert self._process.stdout is not None
        socket_name = self._process.stdout.readline().rstrip("\n")
        control = self._process.stdout.readline().rstrip("\n")
        if not control:
            self._process.communicate()
            self._said.seek(0)
            raise StackError(self._said.read().strip() or "cardlatch run ended without a word")
        #: What a client process needs.
        self.environment = {"PCSCLITE_CSOCK_NAME": socket_name, "CARDLATCH_CONTROL": control}
        self.control = Control(control)

    def reader(self, slot: int = 0) -> Reader:
        return self.control.reader(slot)

    def enter_environment(self) -> None:
        """Makes this process a client of the stack, for good.

        libpcsclite reads the environment once per process, at the first SCardEstablishContext: call this
        before that, and not for a second stack in the same process.
        """
        os.environ.update(self.environment)

    def close(self) -> None:
        """Ends the stack and every process that it started."""
        self.control.close()
        self._process.communicate()
        self._said.close()

    def __enter__(self) -> "Stack":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
