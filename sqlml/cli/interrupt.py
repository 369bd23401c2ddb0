"""Ctrl-C: at once where work can be dropped, and never in the middle of closing a database.

Python runs a handler of a signal between two of its own instructions. So a statement that is at work inside the
database would not notice; and an exception could strike while a connection is being closed, and leave it open.
"""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

_END = b"\xff"
_AGAIN_SECONDS = 0.05


class Interruptible(Protocol):
    """A connection, or other work that is ended from outside; being told so twice does no harm."""

    def interrupt(self) -> None:
        """End what is under way."""


class _Interrupts:
    """Whether a signal has come, and whether it may be raised where it strikes."""

    def __init__(self) -> None:
        self.came = threading.Event()
        self.raises = False

    def handle(self, *_: Any) -> None:
        self.came.set()
        if self.raises:
            self.raises = False
            raise KeyboardInterrupt

    def raise_what_came(self) -> None:
        if self.came.is_set():
            self.came.clear()
            raise KeyboardInterrupt


_INTERRUPTS = _Interrupts()


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Hold an interrupt back until the end, except inside of :func:`interruptible`."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, _INTERRUPTS.handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    _INTERRUPTS.raise_what_came()


@contextmanager
def interruptible(connection: Interruptible) -> Iterator[None]:
    """Let an interrupt end what runs on a connection, or other work.

    It is a ``KeyboardInterrupt``, whatever was made of it inside. The signal is also read from a socket, by a thread
    that interrupts the connection.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _INTERRUPTS.raise_what_came()
    before = signal.signal(signal.SIGINT, _INTERRUPTS.handle)
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    descriptor_before = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    watching = threading.Thread(target=_watch, args=(reader, connection), daemon=True)
    watching.start()
    try:
        try:
            _INTERRUPTS.raises = True
            yield
        finally:
            _INTERRUPTS.raises = False
    finally:
        # An interrupt lowers the flag itself before it is raised, so none can strike from here on.
        signal.set_wakeup_fd(descriptor_before)
        writer.send(_END)
        watching.join()
        reader.close()
        writer.close()
        signal.signal(signal.SIGINT, before)
        _INTERRUPTS.raise_what_came()


def _watch(reader: socket.socket, connection: Interruptible) -> None:
    """Interrupt the connection from when a signal comes to the end.

    Once is not enough: it may meet the connection between two statements, or before one has begun.
    """
    while True:
        try:
            received = reader.recv(1)
        except TimeoutError:
            connection.interrupt()
            continue
        if received in (_END, b""):
            return
        if received[0] == signal.SIGINT:
            _INTERRUPTS.came.set()
            connection.interrupt()
            reader.settimeout(_AGAIN_SECONDS)
