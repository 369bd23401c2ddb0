"""What a PL/Python function in the server calls. Import it first there: it keeps signals off the threads of libraries.

The handlers of the server's signals expect to run on its one thread. Libraries make threads, some as soon as they are
imported; a thread that is made while a signal is blocked never gets it. So signals are blocked here, and let in where
statements run: a statement that was cancelled ends at the next one, and long work reports often enough.
"""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_LOOK_EVERY_SECONDS = 0.05


def answer(plpy: Any, verb: str, arguments: str) -> str:
    """Run one verb with the arguments of a JSON object, in a part of the caller's transaction that fails alone.

    Returns
    -------
    JSON text: ``{"answer": ...}``, or ``{"error": {"code": ..., "message": ...}}``, and then nothing was changed. The
    SQL around it raises the error: one that Python raises would get its kind before its text, and a traceback.
    """
    with _blocked(signal.valid_signals()):
        from sqlml.engine.postgres import plpython
        from sqlml.errors import SqlmlError
        from sqlml.lifecycle.call import call
    with _blocked(plpython.SIGNALS):
        try:
            with plpy.subtransaction(), plpython.exact_texts(plpy):
                report = _report(plpython.refuse_cancelled, plpy)
                answered = call(plpython.plpython_engine(plpy), verb, arguments, report)
        except SqlmlError as error:
            return _error(error.code, error.message)
        except plpython.Cancelled as error:
            return _error(plpython.CANCELLED, str(error))
    return f'{{"answer": {answered}}}'


def run_as_owner(plpy: Any, token: str) -> None:
    """Run what was put into the memory of this process under a token; see :mod:`sqlml.engine.postgres.plpython`."""
    from sqlml.engine.postgres import plpython

    plpython.run_as_owner(plpy, token)


def _error(code: str, message: str) -> str:
    return json.dumps({"error": {"code": code, "message": message}})


def _report(refuse_cancelled: Callable[[Any], None], plpy: Any) -> Callable[[str, int, int], None]:
    """A report of progress to nobody, which ends work that was cancelled."""
    looked = time.monotonic()

    def report(_stage: str, _done: int, _total: int) -> None:
        nonlocal looked
        if time.monotonic() - looked >= _LOOK_EVERY_SECONDS:
            refuse_cancelled(plpy)
            looked = time.monotonic()

    return report


@contextmanager
def _blocked(signals: Any) -> Iterator[None]:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
