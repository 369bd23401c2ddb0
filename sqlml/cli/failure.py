"""How a command ends before its end, other than by an error of sqlml's own tree."""

from __future__ import annotations


class StatementFailed(Exception):
    """A statement of the user that the database refused, in the database's own words."""


class Interrupted(Exception):
    """Ctrl-C; the message says what became of the work."""


class CouldNotLook(Exception):
    """A command that answers by its exit code could not find the answer; its cause says why."""


class PipeClosed(Exception):
    """The reader of the output, such as ``head``, wants no more of it."""


class ReadFailed(Exception):
    """The rows of a statement broke off; its cause says why, in the database's words, whatever its type."""
