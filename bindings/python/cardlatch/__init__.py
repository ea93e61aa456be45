"""Virtual smart card readers for Python programs and their tests.

Pure standard library over the control socket of a running stack (docs/control.md). With pytest, ask for the
fixture ``cardlatch_reader``; without, use :class:`Stack`, or :class:`Control` inside ``cardlatch run``.
"""

from .control import Control, ControlError, Fault, Reader, Slot
from .stack import Stack, StackError

__all__ = ["Control", "ControlError", "Fault", "Reader", "Slot", "Stack", "StackError"]
