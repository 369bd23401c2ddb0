"""What an error of PostgreSQL is in our tree."""

from __future__ import annotations

import re

from sqlml.errors import ERRORS, DatabaseLocked, EngineError, InvalidValue, PermissionDenied, SqlmlError

CANCELLED = "57014"
"""The statement was cancelled, by its user or by a timeout."""

_CONCURRENT = {"40001", "40P01", "55P03"}
_UNIQUE = "23505"
_READ_ONLY = "25006"
_DENIED = "42501"
_DATA_EXCEPTION = "22"
_OUT_OF_RANGE = "22003"
_LONG_NUMBER = re.compile(r"(\d{20})(\d{20,})")
_NOT_FOR_THE_TYPE = {"42846", "42883"}
"""No cast of a type to another one, and no operator for a type: equality for ``json``, say."""

_BEYOND_DOUBLE = ". Numbers are read as double precision, which ends at 1.8e308; leave such rows out, or make them NULL"


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
    >>> str(error_of("22012", "division by zero"))
    'ML062 division by zero'
    >>> error_of("22003", f'"{10**400}" is out of range for type double precision').message[:70]
    '"10000000000000000000... (401 digits)" is out of range for type double'
    """
    own = ERRORS.get(sqlstate or "")
    if own is not None:
        return own(message.removeprefix(f"{sqlstate} "))
    if sqlstate in _CONCURRENT or (sqlstate == _UNIQUE and schema == "sqlml"):
        return DatabaseLocked(f"{message}. Another job wrote the same rows at the same time; run it again")
    message = _LONG_NUMBER.sub(lambda number: f"{number[1]}... ({len(number[0])} digits)", message)
    if sqlstate == _READ_ONLY:
        return EngineError(
            f"{message}. Begin one that is READ WRITE; a server that follows another has none: call the primary"
        )
    if sqlstate == _DENIED:
        return PermissionDenied(message)
    if sqlstate == _OUT_OF_RANGE and "double precision" in message:
        return InvalidValue(f"{message}{_BEYOND_DOUBLE}")
    if sqlstate is not None and (sqlstate.startswith(_DATA_EXCEPTION) or sqlstate in _NOT_FOR_THE_TYPE):
        return InvalidValue(message)
    return EngineError(message)
