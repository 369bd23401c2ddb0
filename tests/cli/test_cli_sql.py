"""``sqlml sql``: from an argument, a file and standard input, in three formats, up to the first error."""

import json
import signal
import subprocess
import time
from contextlib import contextmanager

import pytest

from tests.cli.conftest import COMMAND

TWO_RESULTS = """
CREATE TABLE t (a INT, b VARCHAR); INSERT INTO t VALUES (1, 'x'), (2, NULL);
FROM t;
SELECT max(a) AS m FROM t"""
ENDLESS = "FROM range(200000000000)"


def test_argument_prints_every_result_as_a_table(sqlml_here):
    done = sqlml_here("sql", "new.duckdb", TWO_RESULTS)
    assert done.code == 0
    assert done.out == " a │ b\n───┼──────\n 1 │ x\n 2 │ NULL\n(2 rows)\n m\n───\n 2\n(1 row)\n"
    assert done.err == ""


def test_script_prints_csv(sqlml_here, tmp_path):
    (tmp_path / "script.sql").write_text("\ufeff-- first\n" + TWO_RESULTS + ";\n-- last\n", encoding="utf-8")
    done = sqlml_here("sql", "new.duckdb", "-f", "script.sql", "--format", "csv")
    assert (done.code, done.out) == (0, "a,b\n1,x\n2,\nm\n2\n")


def test_standard_input_prints_json_in_utf8_whatever_the_locale(sqlml_command):
    text = "SELECT 'é日本' AS a /* ; */; -- end\n"
    locale = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = sqlml_command("sql", "new.duckdb", "--format", "json", stdin=text, **locale)
    assert (done.code, json.loads(done.out), done.err) == (0, [{"a": "é日本"}], "")


@pytest.mark.parametrize("text", ["", "  \n", "/* nothing */", ";"])
def test_nothing_to_run(sqlml_here, text):
    assert sqlml_here("sql", "new.duckdb", text).code == 0


def test_the_first_error_ends_the_run(sqlml_here):
    done = sqlml_here(
        "sql", "new.duckdb", "CREATE TABLE a (x INT); SELECT 1 AS n; FROM nowhere; CREATE TABLE b (x INT)"
    )
    assert done.code == 1
    assert done.out == " n\n───\n 1\n(1 row)\n"
    assert done.err.startswith("Catalog Error: Table with name nowhere does not exist")
    assert done.err.count("\n") == 1
    assert sqlml_here("sql", "new.duckdb", "SHOW TABLES", "--format", "csv").out == "name\na\n"


def test_a_text_that_does_not_parse_is_not_begun(sqlml_here):
    done = sqlml_here("sql", "new.duckdb", "CREATE TABLE a (x INT); SELEC 1")
    assert (done.code, done.out) == (1, "")
    assert done.err == 'Parser Error: syntax error at or near "SELEC"\n'
    assert sqlml_here("sql", "new.duckdb", "SHOW TABLES", "--format", "csv").out == "name\n"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("SELECT 1;\n\n-- x\nSELECT *\nFROM nowhere;\n", 4, "Catalog Error"),
        ("SELECT 1;\nSELECT 2;\nSELEC 3;", 3, "Parser Error"),
        ("SELECT 1;\nSELECT predict('nobody', {'a': 1});", 2, "ML010"),
    ],
)
def test_an_error_in_a_script_names_the_line(sqlml_here, tmp_path, text, line, said):
    (tmp_path / "script.sql").write_text(text)
    done = sqlml_here("sql", "new.duckdb", "-f", "script.sql")
    assert done.code == 1
    assert done.err.startswith(f"script.sql:{line}: {said}")


def test_an_error_in_the_middle_of_the_rows(sqlml_here):
    text = "SELECT CASE WHEN i = 30000 THEN error('broken') ELSE i END AS a FROM range(50000) AS rows(i)"
    done = sqlml_here("sql", "new.duckdb", text, "--format", "csv")
    assert (done.code, done.err) == (1, "Invalid Input Error: broken\n")


def test_errors_of_sqlml_keep_their_code(sqlml_here, shop):
    done = sqlml_here("sql", shop, "SELECT predict('chrun', c) FROM customers AS c")
    assert done.code == 1
    assert done.err.startswith("ML010 there is no model 'chrun'; closest: churn")
    assert done.err.count("\n") == 1


def test_call_and_predict(sqlml_here, shop):
    done = sqlml_here("sql", shop, "CALL sqlml.deploy('churn', 1)", "--format", "json")
    assert json.loads(done.out)[0]["version"] == 1
    done = sqlml_here("sql", shop, "SELECT count(predict('churn', c)) AS n FROM customers AS c", "--format", "csv")
    assert done.out == "n\n400\n"


def test_rows_changed_are_no_result(sqlml_here, shop):
    statements = "UPDATE customers SET age = 1 WHERE id = 7; DELETE FROM customers WHERE id = 8 RETURNING id"
    assert sqlml_here("sql", shop, statements, "--format", "csv").out == "id\n8\n"


def test_read_only_reads_and_refuses_to_write(sqlml_here, shop):
    assert (
        sqlml_here("sql", shop, "SELECT count(*) AS n FROM customers", "--read-only", "--format", "csv").out
        == "n\n400\n"
    )
    done = sqlml_here("sql", shop, "DROP TABLE customers", "--read-only")
    assert done.code == 1
    assert "read-only" in done.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("sql",),
        ("sql", "x.duckdb", "SELECT 1", "-f", "-"),
        ("sql", "x.duckdb", "-f", "absent.sql"),
        ("sql", "absent.duckdb", "SELECT 1", "--read-only"),
        ("sql", "x.duckdb", "SELECT 1", "--format", "xml"),
        ("sql", "x.duckdb", "SELECT 1", "--limit", "-1"),
    ],
)
def test_wrong_use_exits_with_2(sqlml_here, tmp_path, arguments):
    done = sqlml_here(*arguments)
    assert done.code == 2
    assert "--help" in done.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("file", "said"),
    [("notes.txt", "it is not a valid DuckDB database"), ("rows.csv", "rows.csv is not a DuckDB database. Name a")],
)
def test_a_file_that_is_no_database(sqlml_here, tmp_path, file, said):
    (tmp_path / file).write_text("not,a,database\n" * 1000)
    done = sqlml_here("sql", file, "SELECT 1")
    assert done.code == 1
    assert done.err.startswith("ML060 ")
    assert said in done.err
    assert (tmp_path / file).read_text() == "not,a,database\n" * 1000


@contextmanager
def running(*arguments):
    """A command that goes on while a test looks at it."""
    with subprocess.Popen(
        [COMMAND, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8"
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_a_reader_that_has_enough_is_no_error(tmp_path):
    with running("sql", tmp_path / "x.duckdb", ENDLESS, "--format", "csv") as process:
        assert [process.stdout.readline(), process.stdout.readline()] == ["range\n", "0\n"]
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(30) == 141


def test_an_interrupt_stops_a_statement_and_says_so_once(tmp_path):
    statements = f"SELECT 1 AS n; SELECT sum(hash(range)) FROM ({ENDLESS})"
    with running("sql", tmp_path / "x.duckdb", statements) as process:
        assert [process.stdout.readline() for _ in range(4)][3] == "(1 row)\n"
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        assert process.wait(30) == 130
        assert time.monotonic() - began < 5
        assert (process.stdout.read(), process.stderr.read()) == ("", "interrupted\n")


def test_a_locked_file(sqlml_here, tmp_path):
    with running("sql", tmp_path / "x.duckdb", f"SELECT 1 AS n; SELECT sum(hash(range)) FROM ({ENDLESS})") as holder:
        assert [holder.stdout.readline() for _ in range(4)][3] == "(1 row)\n"
        done = sqlml_here("models", "x.duckdb")
        assert done.code == 1
        assert done.err.startswith("ML061 ")
        assert done.err.count("\n") == 1
