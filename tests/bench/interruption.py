"""What an interrupted bench has started is ended, too."""

from __future__ import annotations

import signal

from cluster import STOP_SIGNALS


def interrupt(*_: object) -> None:
    """Once: what follows is ended in peace."""
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def await_interruption() -> None:
    """From now on each of the signals raises KeyboardInterrupt."""
    for number in STOP_SIGNALS:
        signal.signal(number, interrupt)
