"""The package as a whole: every macro stands in a file of its own, is described, and says what its arguments are."""

import json
import re

import pytest
from dbt_job import PACKAGE
from guide import GUIDE

DEFINED = re.compile(r"\{%-? *(macro|test|materialization) (\w+)(?:\((.*?)\))?", re.DOTALL)


@pytest.fixture(scope="module")
def macros(shop):
    """The macros of the package as dbt sees them, by name."""
    assert shop.dbt("parse").success
    manifest = json.loads((shop.root / "target" / "manifest.json").read_text())
    return {macro["name"]: macro for macro in manifest["macros"].values() if macro["package_name"] == "sqlml"}


def definitions():
    return {path: DEFINED.findall(path.read_text()) for path in sorted(PACKAGE.rglob("*.sql"))}


def test_one_macro_a_file_and_the_file_has_its_name():
    for path, found in definitions().items():
        names = [name for _, name, _ in found if not re.match(r"(default|duckdb|postgres)__", name)]
        assert names == [path.stem]


def test_every_macro_and_argument_is_described(macros):
    for name, macro in macros.items():
        assert macro["description"], name
        assert all(argument["description"] and argument["type"] for argument in macro["arguments"]), name


def test_the_arguments_that_are_described_are_those_that_there_are(macros):
    for path, found in definitions().items():
        for kind, name, signature in found:
            known = {"macro": name, "test": f"test_{name}", "materialization": f"materialization_{name}_default"}[kind]
            expected = re.findall(r"(\w+)(?:=[^,]*)?(?:, |$)", signature) if kind != "materialization" else []
            assert [argument["name"] for argument in macros[known]["arguments"]] == expected, path.stem


def test_few_macros_differ_by_what_a_project_wants_or_by_engine(macros):
    assert sorted(name for name in macros if "__" in name) == [
        "default__analyze",
        "default__end_transaction",
        "default__live_call",
        "default__model_name",
        "postgres__analyze",
        "postgres__end_transaction",
        "postgres__live_call",
    ]


def test_every_public_macro_stands_in_the_docs_with_its_arguments(macros):
    """As ``sqlml.name(one, other=...)``; a generic test without the relation and column that it stands on."""
    documented = {
        (name, *(argument.split("=")[0] for argument in arguments.split(", ") if argument))
        for name, arguments in re.findall(r"`sqlml\.(\w+)\(([^`\n]*)\)`", GUIDE.read_text())
    }
    public = [macro for name, macro in macros.items() if macro["docs"]["show"] and "materialization_" not in name]
    expected = set()
    for macro in public:
        given = {"model", "column_name"} if macro["name"].startswith("test_") else set()
        arguments = [argument["name"] for argument in macro["arguments"] if argument["name"] not in given]
        expected.add((macro["name"].removeprefix("test_"), *arguments))
    assert len(expected) > 15
    assert expected - documented == set()


def test_every_materialization_has_a_part_of_the_docs(macros):
    found = [re.fullmatch(r"materialization_(\w+)_default", name) for name in macros]
    kinds = [match[1] for match in found if match]
    assert sorted(kinds) == ["feature_view", "ml_checks", "ml_model", "ml_monitoring", "ml_predictions", "ml_truth"]
    assert [kind for kind in kinds if f"`{kind}`" not in GUIDE.read_text()] == []
