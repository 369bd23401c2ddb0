"""What can stand where the cursor is, in a statement that is being typed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from sqlml.cli.catalog import Catalog

DOT_COMMANDS = {
    ".help": "what can be typed here",
    ".models": "the models, and which version of each is live",
    ".quit": "end, as Ctrl-D does",
}
"""What the prompt takes besides SQL."""

_QUOTED = re.compile(r"'(?:[^']|'')*'")
_OPEN_QUOTE = re.compile(r"'(?P<typed>[^']*)$")
_RELATION_NEXT = re.compile(r"\b(?:relation|into)\s*(?:=>|:=)\s*$", re.IGNORECASE)
_WORD = re.compile(r"[\w.\"]*$")
_NAMED = re.compile(r"\b(?:from|join|update|into)\s+([\w.\"]+)(?:\s+(?:as\s+)?(\w+))?", re.IGNORECASE)
_OPEN_CALL = re.compile(r"([\w.]+)\s*\([^()]*$")

_Candidate = tuple[str, str]


class SqlCompleter(Completer):
    """Completes names of the catalog and keywords; ``current`` gives the catalog as it is now."""

    def __init__(self, current: Callable[[], Catalog]) -> None:
        self._current = current

    def get_completions(self, document: Document, _: CompleteEvent) -> Iterator[Completion]:
        """The candidates for the word before the cursor, the most fitting kind first."""
        typed, candidates = completions(self._current(), document.text_before_cursor, document.text)
        for text, kind in candidates:
            yield Completion(text, start_position=-len(typed), display_meta=kind)


def completions(catalog: Catalog, before: str, statement: str) -> tuple[str, list[_Candidate]]:
    """The word that is being typed, and what it may become, as (text, kind).

    >>> catalog = Catalog(tables={"flights": ("id", "origin")}, addresses=("late",))
    >>> completions(catalog, "SELECT predict('l", "")
    ('l', [('late', 'model')])
    >>> completions(catalog, "SELECT f.o", "SELECT f.o FROM flights f")
    ('f.o', [('f.origin', 'column')])
    """
    if before.lstrip().startswith("."):
        return before.lstrip(), [
            (name, text) for name, text in DOT_COMMANDS.items() if name.startswith(before.lstrip())
        ]
    outside = _QUOTED.sub("''", before)
    quoted = _OPEN_QUOTE.search(outside)
    if quoted and outside.count("'") % 2:
        typed = quoted["typed"]
        return typed, _starting(typed, _inside_quotes(catalog, outside[: quoted.start()]))
    word = _WORD.search(outside)
    typed = word.group() if word else ""
    return typed, _starting(typed, _anywhere(catalog, outside, typed, statement))


def _inside_quotes(catalog: Catalog, before: str) -> Iterable[_Candidate]:
    if _RELATION_NEXT.search(before):
        return [(table, "table") for table in catalog.tables]
    return [(address, "model") for address in catalog.addresses]


def _anywhere(catalog: Catalog, before: str, typed: str, statement: str) -> Iterator[_Candidate]:
    named = _tables_named(catalog, statement)
    if "." in typed:
        owner = typed.rpartition(".")[0]
        yield from ((f"{owner}.{column}", "column") for column in catalog.tables.get(named.get(owner, owner), ()))
    else:
        call = _OPEN_CALL.search(before)
        parameters = catalog.routines.get(call.group(1).lower(), ()) if call else ()
        yield from ((f"{name} => ", "argument") for name in parameters)
        columns = (column for table in dict.fromkeys(named.values()) for column in catalog.tables.get(table, ()))
        yield from ((column, "column") for column in dict.fromkeys(columns))
    yield from ((table, "table") for table in catalog.tables)
    yield from ((routine, "routine") for routine in catalog.routines)
    if typed:
        yield from ((keyword, "keyword") for keyword in catalog.keywords)
        yield from ((function, "function") for function in catalog.functions)


def _tables_named(catalog: Catalog, statement: str) -> dict[str, str]:
    """By alias and by name, the tables that a statement reads."""
    found = {}
    for table, alias in _NAMED.findall(statement):
        if table in catalog.tables:
            found[table] = table
            found[table.rpartition(".")[2]] = table
            if alias:
                found[alias] = table
    return found


def _starting(typed: str, candidates: Iterable[_Candidate]) -> list[_Candidate]:
    """The candidates that continue what is typed, in any case of letters; each text once."""
    fitting = {
        text: kind
        for text, kind in reversed(list(candidates))
        if text.lower().startswith(typed.lower()) and text != typed
    }
    return list(reversed(fitting.items()))
