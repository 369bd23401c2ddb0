"""docs/dbt.md taken apart: its files, its statements and its commands."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "dbt.md"
SNIPPET = re.compile(r"(?:^`([\w./]+)`\n\n)?^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BIN = Path(sys.executable).parent


def snippets():
    """Name, language and text of each snippet, in order; the name of a file, or empty."""
    return SNIPPET.findall(GUIDE.read_text())


def file(name):
    """The text of a file that the guide tells to write."""
    (text,) = [text for named, _, text in snippets() if named == name]
    return text


def command(folder, *words, **variables):
    """Run a command in a folder as a person would who has activated the environment."""
    alone = {
        "NO_COLOR": "1",
        "DBT_USE_COLORS": "0",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "0",
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
    }
    return subprocess.run(
        [str(BIN / words[0]) if (BIN / words[0]).exists() else words[0], *words[1:]],
        cwd=folder,
        env=os.environ | alone | variables,
        capture_output=True,
        text=True,
    )
