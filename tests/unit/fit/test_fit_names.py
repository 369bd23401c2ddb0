"""What is said about names that are not known."""

from sqlml.fit.names import found_column, unknown_name


def test_closest_names_come_first_whatever_their_case():
    assert unknown_name("Num_Leafs", ["max_depth", "num_leaves"]).startswith(
        "closest: num_leaves; known are: max_depth"
    )
    assert unknown_name("zzz", ["a"]) == "known are: a"
    assert unknown_name("zzz", []) == "there are none"


def test_long_lists_are_cut():
    text = unknown_name("zzz", (f"column{i}" for i in range(100)))
    assert text.endswith("column39, and 60 more")


def test_an_ambiguous_name_is_not_guessed():
    assert found_column("A", ["a", "A"]) == "A"
    assert found_column("ab", ["AB", "Ab"]) is None
