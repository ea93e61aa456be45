"""The control socket: JSON-RPC 2.0, one object per line, over a unix socket."""

from __future__ import annotations

import json
import os
import socket
from dataclasses import dataclass, fields
from typing import Any, Optional, Union


class ControlError(Exception):
    """A request that failed; ``code`` is the JSON-RPC code (docs/control.md), 0 when the connection failed."""

    def __init__(self, message: str, code: int = 0) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Slot:
    """A slot as PC/SC clients see it."""

    slot: int
    reader: str
    state: str  # "present", "empty", "mute", "unavailable" or "unplugged"
    profile: str  # empty without a card
    atr: str  # hexadecimal, empty without a card
    link: str


@dataclass(frozen=True)
class Fault:
    """A fault of a stack (docs/faults.md), and what became of it."""

    name: str
    type: str
    slot: Optional[int]  # None: every slot
    settings: dict[str, str]
    seen: int  # occasions that matched
    struck: int  # of those, how many it used
    over: bool  # it will not strike any more


class Control:
    """A connection to a stack's control socket. When a call returns, PC/SC clients have seen the change.

    Without ``path`` it is the socket that CARDLATCH_CONTROL names. Threads: one thread at a time.
    """

    def __init__(self, path: Optional[str] = None) -> None:
        path = path or os.environ.get("CARDLATCH_CONTROL")
        if not path:
            raise ControlError("no control socket: run this inside `cardlatch run`, or name the socket")
        self._next_id = 0
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.connect(path)
        except OSError as error:
            self._socket.close()
            raise ControlError(f"control socket {path}: {error.strerror or error}") from error
        self._lines = self._socket.makefile("rb")

    def close(self) -> None:
        self._lines.close()
        self._socket.close()

    def __enter__(self) -> "Control":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def call(self, method: str, **params: Any) -> Any:
        """Any method of the protocol; returns its result. Raises ControlError."""
        self._next_id += 1
        request = {"jsonrpc": "2.0", "id": self._next_id, "method": method, "params": params}
        try:
            self._socket.sendall(json.dumps(request).encode() + b"\n")
            line = self._lines.readline()
        except OSError as error:
            raise ControlError(f"control socket: {error.strerror or error}") from error
        if not line.endswith(b"\n"):
            raise ControlError("the stack closed the connection before it answered")
        try:
            answer = json.loads(line)
            if "result" in answer:
                return answer["result"]
            raise ControlError(answer["error"]["message"], answer["error"]["code"])
        except (ValueError, KeyError, TypeError) as error:
            raise ControlError(f"the answer is no JSON-RPC: {line!r}") from error

    def status(self) -> list[Slot]:
        """Every slot, in order."""
        return [_slot(item) for item in self.call("status")["slots"]]

    def capabilities(self) -> list[str]:
        """The methods that this stack knows."""
        return list(self.call("capabilities")["methods"])

    def insert(self, slot: Union[int, str], card: Optional[Union[str, os.PathLike[str]]] = None) -> Slot:
        """Puts a card into an empty slot: a shipped profile's name or a TOML file; by default the last one."""
        if card is None:
            return _slot(self.call("insert", slot=slot)["slots"][0])
        return _slot(self.call("insert", slot=slot, profile=_profile(card))["slots"][0])

    def remove(self, slot: Union[int, str]) -> Slot:
        """Pulls the card."""
        return _slot(self.call("remove", slot=slot)["slots"][0])

    def reset(self, slot: Union[int, str]) -> Slot:
        """Resets the card as another client would; waits up to 10 s while a client holds a transaction."""
        return _slot(self.call("reset", slot=slot)["slots"][0])

    def acquire(self, slot: Union[int, str], within: float = 1.0) -> bool:
        """Whether one more PC/SC client gets the card, tried for ``within`` seconds: False while it is held."""
        return bool(self.call("acquire", slot=slot, within_ms=round(within * 1000))["acquired"])

    def type(
        self, slot: Union[int, str], pin: Optional[str] = None, *, new: Optional[str] = None, cancel: bool = False
    ) -> Slot:
        """Presses keys on a reader's PIN pad: for the request under way, or for the next one."""
        params: dict[str, Any] = {"cancel": True} if cancel else {"pin": pin, "new": new}
        return _slot(self.call("type", slot=slot, **params)["slots"][0])

    def add_reader(
        self, name: Optional[str] = None, *cards: Union[str, os.PathLike[str]]
    ) -> "Reader":
        """Plugs in a reader while pcscd runs: as the others are called, and empty, unless told otherwise.

        ``cards`` has one for each slot, or "none". Returns the first slot.
        """
        params: dict[str, Any] = {"cards": [_profile(card) for card in cards]}
        if name is not None:
            params["name"] = name
        made = _slot(self.call("reader_add", **params)["slots"][0])
        return Reader(self, made.slot, made.reader)

    def remove_reader(self, slot: Union[int, str]) -> None:
        """Unplugs the reader of a slot, with all its slots."""
        self.call("reader_remove", slot=slot)

    def add_fault(self, type: str, slot: Optional[Union[int, str]] = None, **settings: Any) -> Fault:
        """Adds a fault, for instance ``add_fault("wrong-sw", sw="6581", ins="D6")`` (docs/faults.md)."""
        if slot is not None:
            settings["slot"] = slot
        return Fault(**self.call("fault_add", type=type, **settings)["faults"][0])

    def faults(self) -> list[Fault]:
        """Every fault, in the order in which they were added."""
        return [Fault(**item) for item in self.call("fault_list")["faults"]]

    def remove_fault(self, fault: Union[Fault, str]) -> None:
        """Removes a fault and mends what it did, if that lasts (unplug, kill-pcscd)."""
        self.call("fault_remove", name=fault.name if isinstance(fault, Fault) else fault)

    def clear_faults(self) -> None:
        """Removes all faults."""
        self.call("fault_clear")

    def reader(self, slot: Union[int, str] = 0) -> "Reader":
        """The reader of a slot, by number or by name."""
        for item in self.status():
            if slot in (item.slot, item.reader):
                return Reader(self, item.slot, item.reader)
        raise ControlError(f"no slot {slot!r}")


class Reader:
    """One reader of a stack. When a function returns, PC/SC clients have seen the change."""

    def __init__(self, control: Control, slot: int, name: str) -> None:
        self._control = control
        self.slot = slot
        #: The name that PC/SC clients use.
        self.name = name

    def insert(self, card: Optional[Union[str, os.PathLike[str]]] = None) -> None:
        """Puts a card into the reader; by default the one that was in it last, with everything on it."""
        self._control.insert(self.slot, card)

    def remove(self) -> None:
        """Pulls the card."""
        self._control.remove(self.slot)

    def unplug(self) -> None:
        """Unplugs the reader itself: it is gone from the clients' list, and its place is the next reader's."""
        self._control.remove_reader(self.slot)

    def reset(self) -> None:
        """Resets the card as another client would: connected clients get SCARD_W_RESET_CARD."""
        self._control.reset(self.slot)

    def type(self, pin: Optional[str] = None, *, new: Optional[str] = None, cancel: bool = False) -> None:
        """Presses keys on the reader's PIN pad; needs ``cardlatch run --pin-pad``."""
        self._control.type(self.slot, pin, new=new, cancel=cancel)

    def add_fault(self, type: str, **settings: Any) -> Fault:
        """Lets the card in this reader, or the reader itself, do something wrong (docs/faults.md)."""
        return self._control.add_fault(type, self.slot, **settings)

    def is_free(self, within: float = 1.0) -> bool:
        """Whether one more client gets the card within so many seconds.

        True comes at once. After a sequence, also a failed one, a card has to be free; within it, it must not be.
        """
        return self._control.acquire(self.slot, within)

    def status(self) -> Slot:
        return self._control.status()[self.slot]

    @property
    def holds_card(self) -> bool:
        """Whether clients see a card in the reader."""
        return self.status().state in ("present", "mute")

    def __repr__(self) -> str:
        return f"<cardlatch.Reader {self.slot} {self.name!r}>"


def _profile(card: Union[str, os.PathLike[str]]) -> str:
    """A card's name as another process understands it."""
    name = os.fspath(card)
    return os.path.abspath(name) if "/" in name or name.endswith(".toml") else name


def _slot(item: dict[str, Any]) -> Slot:
    return Slot(**{field.name: item[field.name] for field in fields(Slot)})
