"""What an error of PostgreSQL is in our tree."""

from __future__ import annotations

from sqlml.errors import ERRORS, DatabaseLocked, EngineError, SqlmlError

CANCELLED = "57014"
"""The statement was cancelled, by its user or by a timeout."""

_CONCURRENT = {"40001", "40P01", "55P03"}
_UNIQUE = "23505"
_READ_ONLY = "25006"


def sqlstate_of(number: int) -> str:
    """The SQLSTATE that the server packs into a number, six bits for each character.

    >>> sqlstate_of(67371461)
    '57014'
    """
    return "".join(chr((number >> 6 * place & 0x3F) + ord("0")) for place in range(5))


def error_of(sqlstate: str | None, message: str, schema: str | None = None) -> SqlmlError:
    """The error of our tree for a SQLSTATE and a message; ``schema`` is that of the table concerned, if known.

    >>> error_of("ML010", "ML010 there is no model 'a'").message
    "there is no model 'a'"
    >>> str(error_of("42P01", 'relation "t" does not exist'))
    'ML060 relation "t" does not exist'
    """
    own = ERRORS.get(sqlstate or "")
    if own is not None:
        return own(message.removeprefix(f"{sqlstate} "))
    if sqlstate in _CONCURRENT or (sqlstate == _UNIQUE and schema == "sqlml"):
        return DatabaseLocked(f"{message}. Another job wrote the same rows at the same time; run it again")
    if sqlstate == _READ_ONLY:
        return EngineError(
            f"{message}. Begin one that is READ WRITE; a server that follows another has none: call the primary"
        )
    return EngineError(message)
