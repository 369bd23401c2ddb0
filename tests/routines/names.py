"""The routines that a text of SQL calls, and the names under which they are counted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from sqlglot import tokenize
from sqlglot.errors import TokenError
from sqlglot.tokens import Token, TokenType

SHORT = {"predict", "predict_label", "predict_proba", "raw_score"}
"""What can be called without its schema: in DuckDB it is in ``main`` too, in PostgreSQL on the search path."""

PLACES = {"duckdb": "main", "postgres": "sqlml"}
"""The schema in which a name without one is found."""

_HINT = re.compile(r"sqlml|predict|raw_score", re.IGNORECASE)
_NOT_RUN = {"EXPLAIN", "ALTER", "DROP", "COMMENT", "GRANT", "REVOKE", "COPY", "PREPARE", "DEALLOCATE", "SET"}
_COMMANDS = {TokenType.COMMAND, TokenType.EXECUTE}
_IS_ANALYZED = re.compile(r"EXPLAIN\s*(\([^)]*)?\bANALYZE\b", re.IGNORECASE)
_RELATION_FOLLOWS = {"INTO", "TABLE", "EXISTS", "UPDATE", "REFERENCES"}
_GENERATED = (
    (re.compile(r"[a-z][a-z0-9_]*@[0-9]+_([a-z]+)"), r"<model>@<n>_\1"),
    (re.compile(r"(raw_score|predict_label|predict_proba|predict)_[a-z][a-z0-9_]*"), r"\1_<model>"),
)


def routine(name: str) -> str:
    """The name under which a routine is counted, of its name and schema: what models bring is one routine a kind.

    >>> routine("sqlml.train"), routine("main.predict_label"), routine("sqlml.predict_label_churn")
    ('sqlml.train', 'main.predict_label', 'sqlml.predict_label_<model>')
    >>> routine("sqlml.churn@12_core")
    'sqlml.<model>@<n>_core'
    """
    schema, _, bare = name.partition(".")
    if bare not in SHORT:
        for pattern, kind in _GENERATED:
            if pattern.fullmatch(bare):
                return f"{schema}.{pattern.sub(kind, bare)}"
    return name


@lru_cache(maxsize=16384)
def calls(sql: str, dialect: str) -> frozenset[str]:
    """The routines of sqlml that statements call, with their schema; a definition, a comment or a text calls nothing.

    Parameters
    ----------
    sql
        One statement or several, or part of one.
    dialect
        ``duckdb`` or ``postgres``.

    Examples
    --------
    >>> sorted(calls("CALL sqlml.train('m'); SELECT predict('m', t) FROM t -- sqlml.deploy(1)", "duckdb"))
    ['main.predict', 'sqlml.train']
    >>> sorted(calls('SELECT sqlml."m@1_core"(1.5), predict(1, 2)', "postgres"))
    ['sqlml.m@1_core', 'sqlml.predict']
    >>> calls("INSERT INTO sqlml.job (verb) SELECT 1; GRANT EXECUTE ON FUNCTION sqlml.predict(text) TO a", "postgres")
    frozenset()
    """
    if not _HINT.search(sql):
        return frozenset()
    try:
        tokens = tokenize(sql, read=dialect)
    except TokenError:
        # The database cannot read it either.
        return frozenset()
    found = set()
    for statement in _outside_bodies(_statements(tokens)):
        if statement[0].token_type in _COMMANDS:
            found |= _called_by_command(statement, dialect)
        elif _runs(statement):
            found |= set(_called(statement, dialect))
    return frozenset(found)


def _statements(tokens: Sequence[Token]) -> Iterator[Sequence[Token]]:
    start = 0
    for place, token in enumerate(tokens):
        if token.token_type == TokenType.SEMICOLON:
            if place > start:
                yield tokens[start:place]
            start = place + 1
    if start < len(tokens):
        yield tokens[start:]


def _outside_bodies(statements: Iterable[Sequence[Token]]) -> Iterator[Sequence[Token]]:
    """The statements without those between BEGIN ATOMIC and END, which are the body of a function."""
    in_body = False
    for statement in statements:
        if not in_body:
            in_body = "ATOMIC" in (token.text.upper() for token in statement)
            yield statement
        elif statement[0].text.upper() == "END":
            in_body = False


def _runs(statement: Sequence[Token]) -> bool:
    """Whether a statement evaluates what stands in it; ``CREATE TABLE t AS SELECT`` does, a definition does not."""
    words = [token.text.upper() for token in statement[:8]]
    if words[0] == "CREATE":
        return "TABLE" in words[:5] or ("MATERIALIZED" in words[:5] and "VIEW" in words[:5])
    return words[0] not in _NOT_RUN


def _called_by_command(statement: Sequence[Token], dialect: str) -> frozenset[str]:
    """The calls of a statement of which the tokenizer gives all behind the first word as one text."""
    command, *rest = (token.text for token in statement)
    if command.upper() not in ("CALL", "EXECUTE") and not _IS_ANALYZED.match(" ".join((command, *rest))):
        return frozenset()
    return frozenset().union(*(calls(text, dialect) for text in rest))


def _called(statement: Sequence[Token], dialect: str) -> Iterator[str]:
    for place, token in enumerate(statement):
        if token.token_type != TokenType.L_PAREN or place == 0:
            continue
        name = statement[place - 1]
        schema, before = None, place - 2
        if place > 2 and statement[place - 2].token_type == TokenType.DOT:
            schema, before = statement[place - 3], place - 4
        if (before >= 0 and statement[before].text.upper() in _RELATION_FOLLOWS) or _is_text(name):
            continue
        if schema is None and name.text.lower() in SHORT:
            yield f"{PLACES[dialect]}.{name.text.lower()}"
        elif schema is not None and schema.text.lower() in ("sqlml", "main") and not _is_text(schema):
            yield f"{schema.text.lower()}.{name.text.lower()}"


def _is_text(token: Token) -> bool:
    return token.token_type.name.endswith("STRING")
