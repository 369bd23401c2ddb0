"""Tables for a person: what fits, what is cut, and what must not reach a terminal."""

import pytest

from sqlml.cli.table import Layout, record_lines, table_lines


def lines(rows, width=None, right=None, names=None):
    names = names or [f"c{index}" for index in range(len(rows[0]))]
    return list(table_lines(Layout(names, right or [False] * len(names), width), rows))


def test_numbers_stand_right_and_text_left():
    assert lines([["1", "a"], ["100", "bcd"]], right=[True, False]) == [
        "  c0 │ c1",
        "─────┼─────",
        "   1 │ a",
        " 100 │ bcd",
    ]


def test_null_is_not_the_empty_text():
    assert lines([[None, ""]])[2] == " NULL │"


def test_wide_characters_keep_the_columns_in_line():
    assert lines([["日本", "x"], ["abc", "y"]])[2:] == [" 日本 │ x", " abc  │ y"]


def test_a_cell_of_several_lines_stays_in_its_column():
    assert lines([["a\nb", "x"]])[2:] == [" a  │ x", " b  │"]


@pytest.mark.parametrize("text", ["\x1b[31m", "\x9b", "\x07", "\u202e", "\u2028"])
def test_nothing_that_moves_a_terminal_is_printed(text):
    assert text not in lines([[f"a{text}b", "x"]])[2]


def test_the_widest_columns_are_cut_to_the_line():
    shown = lines([["x" * 60, "short", "y" * 30]], width=50)
    assert all(len(line) <= 50 for line in shown)
    assert shown[2].split(" │ ")[1].strip() == "short"
    assert shown[2].count("…") == 2


def test_columns_that_cannot_fit_become_records():
    rows = [["v" * 20] * 12]
    layout = Layout([f"c{index}" for index in range(12)], [False] * 12, 80)
    assert list(table_lines(layout, rows)) == list(record_lines(layout, rows))


def test_a_single_column_is_never_cut():
    assert lines([["x" * 500]], width=80)[2] == " " + "x" * 500


def test_records_are_numbered_where_there_are_several():
    assert list(record_lines(Layout(["a", "bc"], [False, False]), [["1", None], ["2", "x\ny"]])) == [
        "── 1 ──",
        "a   1",
        "bc  NULL",
        "── 2 ──",
        "a   2",
        "bc  x",
        "    y",
    ]
