"""Who may import whom: left to right only, and no neighbours among the rooms that know no database."""

import ast
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "sqlml"

RANKS = {
    "errors": 0,
    "spec": 0,
    "fit": 1,
    "compile": 1,
    "kernel": 1,
    "measure": 1,
    "engine": 2,
    "registry": 3,
    "install": 3,
    "lifecycle": 4,
    "connection": 5,
    "server": 5,
    "worker": 5,
    "report": 6,
    "integrations": 6,
    "cli": 6,
}
SHUT_OFF = {"fit": {"kernel"}, "compile": set(), "kernel": set(), "measure": set()}
DRIVERS = {"duckdb", "psycopg", "plpy"}


def modules():
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.parent == PACKAGE and path.stem == "__init__":
            continue
        yield path, path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            yield node.module


def test_every_room_has_a_rank():
    assert {room for _, room in modules()} <= RANKS.keys()


def test_imports_go_left_to_right():
    wrong = []
    for path, room in modules():
        for name in imported(path):
            if not name.startswith("sqlml."):
                continue
            other = name.split(".")[1]
            if other == room:
                continue
            too_far_right = RANKS[other] > RANKS[room]
            neighbour = room in SHUT_OFF and RANKS[other] == RANKS[room] and other not in SHUT_OFF[room]
            if too_far_right or neighbour:
                wrong.append(f"{path.relative_to(PACKAGE)} imports {name}")
    assert not wrong


def test_only_the_engine_imports_a_driver():
    wrong = [
        f"{path.relative_to(PACKAGE)} imports {name}"
        for path, room in modules()
        for name in imported(path)
        if name.split(".")[0] in DRIVERS and room != "engine"
    ]
    assert not wrong


def test_nothing_is_pickled():
    wrong = [
        f"{path.relative_to(PACKAGE)} imports {name}"
        for path, _ in modules()
        for name in imported(path)
        if name.split(".")[0] in {"pickle", "cloudpickle", "dill", "marshal", "shelve"}
    ]
    assert not wrong
