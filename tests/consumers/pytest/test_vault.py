"""pytest: the program under test is a process, the card of each test a fresh one."""

import os
import subprocess

import pytest

pytestmark = pytest.mark.cardlatch(card="filecard")


class Vault:
    """The sample program, running."""

    def __init__(self, reader_name):
        self.process = subprocess.Popen(
            [os.environ["VAULT"], reader_name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout.readline() == "connected\n"

    def enter(self, pin):
        self.process.stdin.write(pin + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().rstrip("\n")

    def close(self):
        self.process.communicate(timeout=60)


@pytest.fixture
def vault(cardlatch_reader):
    program = Vault(cardlatch_reader.name)
    yield program
    program.close()


def test_reads_the_secret_with_the_pin(vault):
    assert vault.enter("123456") == "secret: The secret of the filecard."


def test_gives_the_card_back_after_a_wrong_pin(vault, cardlatch_reader):
    assert vault.enter("999999") == "wrong PIN"
    assert cardlatch_reader.is_free(), "the lock was left behind"


def test_has_three_tries_because_the_card_is_a_new_one(vault):
    assert [vault.enter(pin) for pin in ("9", "9", "123456")][-1].startswith("secret")


def test_gives_the_card_back_when_the_card_fails(vault, cardlatch_reader, cardlatch_control):
    fault = cardlatch_reader.add_fault("wrong-sw", sw="6581", ins="20")
    assert vault.enter("123456") in ("wrong PIN", "card error")
    assert [one.struck for one in cardlatch_control.faults() if one.name == fault.name] == [1]
    assert cardlatch_reader.is_free(), "the lock was left behind"
    cardlatch_control.remove_fault(fault)
    assert vault.enter("123456").startswith("secret")


def test_notices_that_the_card_was_pulled(vault, cardlatch_reader):
    cardlatch_reader.remove()
    assert vault.enter("123456") == "card error"


@pytest.mark.cardlatch(card="none")
def test_says_that_there_is_no_card(cardlatch_reader):
    run = subprocess.run([os.environ["VAULT"], cardlatch_reader.name], stderr=subprocess.PIPE, text=True)
    assert run.returncode == 1 and "no card" in run.stderr


@pytest.mark.cardlatch(card="witness")
def test_a_marker_chooses_the_card(cardlatch_reader):
    assert cardlatch_reader.status().profile == "witness"
    cardlatch_reader.reset()


def test_a_reader_comes_and_goes(cardlatch_control):
    added = cardlatch_control.add_reader("Second", "filecard")
    assert (added.name, added.holds_card) == ("Second 01 00", True)
    added.unplug()
    assert added.status().state == "unplugged"
