"""docs/dbt.md as a newcomer follows it: the package comes from a Git repository, every snippet runs as it stands."""

import re

import pytest
from guide import GUIDE, ROOT, command, snippets

import sqlml

ADDRESS = "https://git.example.com/sqlml.git"


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """A Git repository with the package as it is here now."""
    root = tmp_path_factory.mktemp("repository")
    work = f"--work-tree={ROOT}"
    for words in (
        ["init", "--quiet", "--initial-branch=main", "."],
        [work, "add", "--force", "macros"],
        ["-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "--quiet", "-m", "The package"],
    ):
        git_dir = [] if words[0] == "init" else [f"--git-dir={root / '.git'}"]
        done = command(ROOT if words[0] == work else root, "git", *git_dir, *words)
        assert done.returncode == 0, done.stderr
    return f"file://{root}"


@pytest.fixture(scope="module")
def followed(repository, tmp_path_factory):
    """The folder after all snippets, and what the commands printed, by command."""
    folder = tmp_path_factory.mktemp("newcomer")
    printed = []
    for name, language, text in snippets():
        if name:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text.replace(ADDRESS, repository))
        elif language == "sql":
            with sqlml.connect(folder / "shop.duckdb") as con:
                con.execute(text)
        elif language == "console":
            printed += [(line, command(folder, *line.split())) for line in text.splitlines()]
        else:
            assert language in {"text", "jinja"}, f"no test runs a snippet of {language}"
    return folder, printed


def test_a_newcomer_trains_predicts_monitors_and_does_so_again(followed):
    folder, printed = followed
    for line, done in printed:
        assert (done.returncode, done.stderr) == (0, ""), line + done.stdout + done.stderr
    first, second = (done.stdout for line, done in printed if line == "dbt build")
    for out in (first, second):
        assert out.splitlines()[-1].endswith("Done. PASS=14 WARN=0 ERROR=0 SKIP=0 NO-OP=0 TOTAL=14")
    assert re.search(r"version 1, roc_auc 0\.\d+, deployed in", first)
    assert re.search(r"version 2, roc_auc 0\.\d+, not deployed in", second)
    assert "0 rows added by version 1" in second
    assert "0 windows monitored" in second
    assert (folder / "dbt_packages" / "sqlml" / "dbt_project.yml").is_file()
    assert not (folder / "dbt_packages" / "sqlml").is_symlink()


def test_the_daily_job_moves_on_with_its_day(followed):
    folder, printed = followed
    jobs = [done.stdout for line, done in printed if line.startswith("bash job.sh")]
    assert ["24 rows added by version 1" in out for out in jobs] == [True, True]
    with sqlml.connect(folder / "published" / "shop.duckdb", read_only=True) as con:
        ((rows, keys, least, most),) = con.execute(
            "SELECT count(*), count(DISTINCT purchase_id), min(version), max(version) FROM return_prediction"
        ).fetchall()
        ((expected,),) = con.execute(
            "SELECT count(*) FROM purchase WHERE bought_at >= TIMESTAMP '2024-05-01'"
        ).fetchall()
        assert (rows, keys, least, most) == (expected, expected, 1, 1)
        assert con.execute("SELECT count(*) > 0 FROM likely_return WHERE p_returned > 0.5").fetchall() == [(True,)]
        ((known,),) = con.execute("SELECT count(*) FROM purchase WHERE returned IS NOT NULL").fetchall()
        assert con.execute("SELECT count(*) FROM return_truth").fetchall() == [(known,)]
        weeks = con.execute(
            "SELECT predictions, label_coverage > 0, metric, value > 0.5 FROM return_monitoring ORDER BY window_start"
        ).fetchall()
        assert weeks == [(120, True, "roc_auc", True), (expected - 120, False, "roc_auc", None)]
        assert con.execute("SELECT DISTINCT status FROM purchase_checks").fetchall() == [("pass",)]


def test_the_example_of_a_growing_feature_view_runs(followed):
    folder, _ = followed
    (example,) = [text for name, _, text in snippets() if "sqlml.feature_table()" in text and not name]
    path = folder / "models" / "customer_state.sql"
    config, written = path.read_text().split("}}", 1)
    assert written.split() == example.split("{%")[0].split()
    path.write_text(config.replace("known_at=", "incremental=true, known_at=") + "}}\n" + example)
    with sqlml.connect(folder / "shop.duckdb") as con:
        con.execute("INSERT INTO customer VALUES (7, '2024-04-30', '2024-05-09', 3, 'pro')")
    for added in ("[1 rows added in", "[0 rows added in"):
        done = command(folder, "dbt", "run", "-s", "customer_state")
        assert (done.returncode, added in done.stdout) == (0, True), done.stdout


def test_the_example_of_a_table_that_checks_itself_runs(followed):
    folder, _ = followed
    assert command(folder, "dbt", "run", "-s", "purchase_by_day").returncode == 0
    path = folder / "models" / "purchase_by_day.sql"
    path.write_text(path.read_text().replace("['day']", "['purchases']"))
    done = command(folder, "dbt", "run", "-s", "purchase_by_day")
    path.unlink()
    assert done.returncode == 1
    assert "failed: unique of purchases: expected no key twice" in done.stdout


def test_the_guide_names_every_setting_and_test():
    text = GUIDE.read_text()
    sources = [path.read_text() for path in (ROOT / "macros").rglob("*.sql")]
    tests = [name for source in sources for name in re.findall(r"{% test (\w+)\(", source)]
    settings = {name for source in sources for name in re.findall(r"setting\('(\w+)'", source)}
    assert len(tests) >= 9
    assert not [name for name in tests if f"sqlml.{name}" not in text]
    assert not [name for name in settings if f"`{name}`" not in text]
