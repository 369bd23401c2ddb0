"""docs/dbt.md as a newcomer follows it: the package comes from a Git repository, every snippet runs as it stands."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import sqlml

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "dbt.md"
ADDRESS = "https://git.example.com/sqlml.git"
SNIPPET = re.compile(r"(?:^`([\w./]+)`\n\n)?^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def command(folder, *words):
    program = Path(sys.executable).parent / words[0]
    return subprocess.run(
        [str(program) if program.exists() else words[0], *words[1:]],
        cwd=folder,
        env=os.environ | {"NO_COLOR": "1", "DBT_USE_COLORS": "0", "DBT_SEND_ANONYMOUS_USAGE_STATS": "0"},
        capture_output=True,
        text=True,
    )


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
    """The folder after all snippets, and what the commands printed."""
    folder = tmp_path_factory.mktemp("newcomer")
    printed = []
    for name, language, text in SNIPPET.findall(GUIDE.read_text()):
        if name:
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(text.replace(ADDRESS, repository))
        elif language == "sql":
            with sqlml.connect(folder / "shop.duckdb") as con:
                con.execute(text)
        else:
            assert language == "console"
            printed += [command(folder, *line.split()) for line in text.splitlines()]
    return folder, printed


def test_a_newcomer_trains_predicts_and_does_so_again(followed):
    folder, printed = followed
    for done in printed:
        assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    first, second = (done.stdout for done in printed[-2:])
    for out in (first, second):
        assert out.splitlines()[-1].endswith("Done. PASS=10 WARN=0 ERROR=0 SKIP=0 NO-OP=0 TOTAL=10")
    assert re.search(r"version 1, roc_auc 0\.\d+, deployed in", first)
    assert re.search(r"version 2, roc_auc 0\.\d+, not deployed in", second)
    assert "0 rows added by version 1" in second
    assert (folder / "dbt_packages" / "sqlml" / "dbt_project.yml").is_file()
    assert not (folder / "dbt_packages" / "sqlml").is_symlink()
    with sqlml.connect(folder / "shop.duckdb") as con:
        found = con.execute(
            "SELECT count(*), count(DISTINCT purchase_id), min(version), max(version) FROM return_prediction"
        ).fetchall()
        expected = con.execute("SELECT count(*) FROM purchase WHERE bought_at >= TIMESTAMP '2024-05-01'").fetchall()
        assert found == [(expected[0][0], expected[0][0], 1, 1)]
        assert con.execute("SELECT count(*) FROM likely_return WHERE p_returned > 0.5").fetchall()[0][0] > 0


def test_the_guide_names_every_setting_and_test():
    text = GUIDE.read_text()
    sources = [path.read_text() for path in (ROOT / "macros").rglob("*.sql")]
    tests = [name for source in sources for name in re.findall(r"{% test (\w+)\(", source)]
    settings = {name for source in sources for name in re.findall(r"setting\('(\w+)'", source)}
    assert len(tests) >= 8
    assert not [name for name in tests if f"sqlml.{name}" not in text]
    assert not [name for name in settings if f"`{name}`" not in text]
