"""The report of what was seen: every routine, the tests that call it, and which of its statements ran."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from routines.seen import ENGINES, Seen

TITLES = {"duckdb": "DuckDB", "postgres": "PostgreSQL"}
"""The engines, as they are called in words."""

_HEAD = """# Routines and the tests that call them

{figures}

*Direct* are the tests that send a statement with the call in it, themselves or through a program that they run.
*Indirect* are those in which something else calls the routine: another routine, or sqlml. In PostgreSQL these are all
tests that used a database in which that happened. Tests are counted as functions, whatever their parameters.
A statement of PL/pgSQL is a line on which one begins. Calls in DuckDB are seen in the processes of the tests only,
and not in those that they start. The names of all tests are in the JSON file beside this one.
"""


_TABLE = "| routine | direct | indirect | statements | called in |\n|---|---|---|---|---|\n"


@dataclass(frozen=True)
class Covered:
    """One routine: the tests that call it, and its statements, each by its line with whether it ran.

    ``statements`` is None where they are not known: for what is not in PL/pgSQL, or is generated.
    """

    engine: str
    name: str
    direct: tuple[str, ...]
    indirect: tuple[str, ...]
    statements: tuple[tuple[int, str, bool], ...] | None = None

    @property
    def is_called(self) -> bool:
        """Whether any test calls it."""
        return bool(self.direct or self.indirect)


def covered(seen: Seen, routines: Mapping[str, Set[str]], sources: Mapping[str, str]) -> list[Covered]:
    """Each routine of the engines that were watched.

    Parameters
    ----------
    seen
        What the tests have called.
    routines
        The names of all routines, by engine.
    sources
        The texts of the files of PostgreSQL's routines: only statements of a routine as it is in its file count.
    """
    statements = _statements(seen, sources)
    found = []
    for engine in sorted(seen.engines, key=ENGINES.index):
        for name in sorted(routines[engine]):
            direct = seen.direct.get((engine, name), set())
            indirect = seen.indirect.get((engine, name), set()) - direct
            known = statements.get(name) if engine == "postgres" else None
            found.append(Covered(engine, name, tuple(sorted(direct)), tuple(sorted(indirect)), known))
    return found


def with_expansions(seen: Seen, expansions: Mapping[str, Set[str]]) -> Seen:
    """The same, where a call of a macro of DuckDB is one of every macro that it is made of, too."""
    for name, reached in expansions.items():
        tests = seen.direct.get(("duckdb", name), set()) | seen.indirect.get(("duckdb", name), set())
        if tests:
            seen.add("duckdb", reached - {name}, tests, direct=False)
    return seen


def _statements(seen: Seen, sources: Mapping[str, str]) -> dict[str, tuple[tuple[int, str, bool], ...]]:
    found = {}
    for (name, text), counts in seen.ran.items():
        before, is_current, _ = sources.get(name, "").partition(text)
        if is_current:
            lines, first = text.split("\n"), before.count("\n")
            found[name] = tuple((first + at, lines[at - 1].strip(), bool(counts[at])) for at in sorted(counts))
    return found


def figures(found: Sequence[Covered]) -> str:
    """The report in one line."""
    parts = []
    for engine in dict.fromkeys(each.engine for each in found):
        here = [each for each in found if each.engine == engine]
        without = sum(not each.is_called for each in here)
        parts.append(f"{TITLES[engine]}: {len(here)} routines, {without or 'none'} without a test")
    statements = [ran for each in found for _, _, ran in each.statements or ()]
    if statements:
        share = f"{100 * sum(statements) / len(statements):.1f} %"
        parts.append(f"PL/pgSQL: {sum(statements)} of {len(statements)} statements ran ({share})")
    return "; ".join(parts)


def markdown(found: Sequence[Covered]) -> str:
    """The report as a page."""
    parts = [_HEAD.format(figures=figures(found))]
    for engine in dict.fromkeys(each.engine for each in found):
        parts += [f"\n## {TITLES[engine]}\n\n", _TABLE]
        parts += [_row(each) for each in found if each.engine == engine]
    idle = [(each.name, *at) for each in found for *at, ran in each.statements or () if not ran]
    parts += ["\n## Statements that no test runs\n\n", "| routine | line of its file | statement |\n|---|---|---|\n"]
    parts += [f"| {name} | {line} | `{text.replace('|', chr(92) + '|')}` |\n" for name, line, text in idle]
    return "".join(parts)


def _row(each: Covered) -> str:
    ran = [ran for _, _, ran in each.statements or ()]
    share = f"{sum(ran)} of {len(ran)}" if ran else ""
    files = Counter(test.partition("::")[0] for test in each.direct or each.indirect)
    named = ", ".join(f"{file.removeprefix('tests/')} {count}" for file, count in files.most_common(4))
    more = f", and {len(files) - 4} more" if len(files) > 4 else ""
    return f"| `{each.name}` | {len(each.direct)} | {len(each.indirect)} | {share} | {named or '**no test**'}{more} |\n"
