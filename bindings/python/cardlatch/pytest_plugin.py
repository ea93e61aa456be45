"""pytest fixtures: ``cardlatch_reader``, a reader with a fresh card for each test.

libpcsclite reads PCSCLITE_CSOCK_NAME once per process. So a pytest process has one stack for all its tests, and
each test gets a card that nobody has used: inserted before it, pulled after it. Inside ``cardlatch run -- pytest``
it is that stack; otherwise one is started when the first test asks for it. With pytest-xdist each worker process
has its own.

    @pytest.mark.cardlatch(card="witness")      # default: piv; "none" for an empty reader
    def test_my_program(cardlatch_reader): ...
"""

from __future__ import annotations

import os
from typing import Iterator

import pytest

from .control import Control, Reader
from .stack import DEFAULT_CARD, Stack


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "cardlatch(card): the card in cardlatch_reader, a profile's name or a TOML file")


@pytest.fixture(scope="session")
def cardlatch_control() -> Iterator[Control]:
    """The control connection of the stack that this pytest process is a client of."""
    if os.environ.get("CARDLATCH_CONTROL"):
        with Control() as control:
            yield control
        return
    with Stack(["none"]) as stack:
        stack.enter_environment()
        yield stack.control


@pytest.fixture
def cardlatch_reader(request: pytest.FixtureRequest, cardlatch_control: Control) -> Iterator[Reader]:
    """A reader with a card that nobody has used yet."""
    marker = request.node.get_closest_marker("cardlatch")
    card = marker.kwargs.get("card", DEFAULT_CARD) if marker else DEFAULT_CARD
    reader = cardlatch_control.reader(0)
    if reader.holds_card:
        reader.remove()
    if card != "none":
        reader.insert(card)
    yield reader
    cardlatch_control.clear_faults()
    if reader.holds_card:
        reader.remove()
