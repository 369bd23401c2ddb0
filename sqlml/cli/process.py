"""The process around a command: its streams, its exit code, and one line for whatever goes wrong."""

from __future__ import annotations

import io
import os
import sys
import warnings
from collections.abc import Sequence
from typing import NoReturn

import click

from sqlml.cli.failure import CouldNotLook, Interrupted, PipeClosed, StatementFailed
from sqlml.cli.program import program
from sqlml.errors import SqlmlError

FAILED = 1
COULD_NOT_LOOK = 2
INTERRUPTED = 130
PIPE_CLOSED = 141


def main() -> NoReturn:
    """Run the command that the arguments of the process name, and end the process."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8")
    if not sys.warnoptions:
        # What Python's libraries say to programmers; python -W or PYTHONWARNINGS brings it back.
        warnings.simplefilter("ignore")
    sys.exit(exit_code(sys.argv[1:]))


def exit_code(arguments: Sequence[str]) -> int:
    """Run one command line; gives 0, 1 for an error, 2 for a wrong use, 130 after Ctrl-C, or the command's own.

    Where 1 is an answer of the command, 2 is an error, too. An error is one line on the error stream. A reader that
    closes its end of a pipe is told nothing: 141, as for any program that a closed pipe ends.
    """
    try:
        code = program.main(list(arguments), prog_name="sqlml", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (Interrupted, click.Abort) as error:
        return _failed(str(error) or "interrupted", INTERRUPTED)
    except (PipeClosed, BrokenPipeError):
        return _pipe_closed()
    except Exception as error:
        if os.environ.get("SQLML_TRACEBACK"):
            raise
        if isinstance(error, CouldNotLook):
            return _failed(_in_words(error.__cause__ or error), COULD_NOT_LOOK)
        return _failed(_in_words(error), FAILED)
    return code if isinstance(code, int) else 0


def _in_words(error: BaseException) -> str:
    if isinstance(error, (SqlmlError, StatementFailed)):
        return str(error)
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return (
        f"{SqlmlError.code} the command failed in a way that it should not: {type(error).__name__}: {error}. "
        "Please report it, with what SQLML_TRACEBACK=1 before the same command shows"
    )


def _failed(text: str, code: int) -> int:
    """Say on one line of the error stream what went wrong; what was printed before it comes first."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _pipe_closed()
    click.echo(" ".join(text.split()), err=True)
    return code


def _pipe_closed() -> int:
    # What is left in the buffer would be written once more when the interpreter ends, and would fail once more.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return PIPE_CLOSED
