"""Scoring more rows than DuckDB keeps in one row group, into a table that the call creates."""

import sqlml


def test_all_rows_are_there_for_other_connections(tmp_path):
    with sqlml.connect(tmp_path / "large.duckdb") as con:
        con.execute("CREATE TABLE t AS SELECT i AS id, i % 7 AS a, i % 2 AS y FROM range(130000) AS g(i)")
        con.execute("CREATE TABLE s AS SELECT * FROM t LIMIT 200")
        con.execute("CALL sqlml.train('m', 's', 'y', key_column => 'id', algorithm => 'baseline', deploy => 'always')")
        con.execute("CALL sqlml.score('m', 't', 'scored', key_column => 'id')").fetchall()
        assert con.execute("SELECT count(id), sum(id) FROM scored").fetchall() == [(130_000, sum(range(130_000)))]
