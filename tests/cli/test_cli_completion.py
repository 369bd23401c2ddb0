"""What the prompt offers for the word before the cursor, and when Enter ends a statement."""

import pytest

from sqlml.cli.catalog import Catalog, read_catalog
from sqlml.cli.completion import completions
from sqlml.cli.prompt import is_complete
from sqlml.engine.duckdb.engine import DuckDBEngine

CATALOG = Catalog(
    tables={"flights": ("id", "origin"), "planes": ("id", "seats"), "sqlml.model": ("model", "task")},
    routines={"sqlml.train": ("model", "relation", "target"), "predict": ("model", "features")},
    addresses=("late", "late@1"),
    functions=("abs", "order_of"),
    keywords=("ORDER", "SELECT"),
)


def offered(before, after=""):
    return [text for text, _ in completions(CATALOG, before, before + after)[1]]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("SEL", "", ["SELECT"]),
        ("select or", " FROM flights", ["origin", "ORDER", "order_of"]),
        ("SELECT f.", " FROM flights AS f", ["f.id", "f.origin"]),
        ("SELECT p.", " FROM flights f JOIN planes p", ["p.id", "p.seats"]),
        ("SELECT flights.o", " FROM flights", ["flights.origin"]),
        ("SELECT predict('", "", ["late", "late@1"]),
        ("SELECT predict('late@", "", ["late@1"]),
        ("CALL sqlml.train(mod", "", ["model => "]),
        ("CALL sqlml.train(model => 'late', t", "", ["target => "]),
        ("CALL sqlml.train(model => 'late', relation => 'f", "", ["flights"]),
        ("FROM sqlml.", "", ["sqlml.model", "sqlml.train"]),
        ("SELECT 'it''s', ab", "", ["abs"]),
        (".mo", "", [".models"]),
    ],
)
def test_offers(before, after, expected):
    assert offered(before, after) == expected


def test_nothing_typed_offers_no_flood_of_keywords():
    assert offered("SELECT ", " FROM flights") == [
        "id", "origin", "flights", "planes", "sqlml.model", "sqlml.train", "predict",
    ]  # fmt: skip


def test_catalog_of_a_real_database(con):
    con.execute('CREATE TABLE "order" (a INT, "b c" INT); CREATE SCHEMA other; CREATE VIEW other.seen AS SELECT 1 AS x')
    catalog = read_catalog(DuckDBEngine(con))
    assert catalog.tables['"order"'] == ("a", '"b c"')
    assert catalog.tables["other.seen"] == ("x",)
    assert catalog.tables["sqlml.model"][:2] == ("model", "task")
    assert catalog.routines["sqlml.train"][:3] == ("model", "relation", "target")
    assert "predict" in catalog.routines
    assert "SELECT" in catalog.keywords
    assert "regexp_matches" in catalog.functions


@pytest.mark.parametrize("text", ["", "  ", ".help", "SELECT 1;", "SELECT ';';", "SELECT 1; -- done", "SELECT $$;$$;"])
def test_enter_ends(text):
    assert is_complete(text)


@pytest.mark.parametrize("text", ["SELECT 1", "SELECT ';", "SELECT 1 -- ;", "SELECT /* ;", "SELECT $$;", 'SELECT ";'])
def test_enter_continues(text):
    assert not is_complete(text)
