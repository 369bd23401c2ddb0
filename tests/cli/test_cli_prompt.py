"""The prompt of ``sqlml sql``, driven through a terminal as a person drives it."""

import os
import pty
import re
import select
import signal
import subprocess
import time
from contextlib import contextmanager

import pytest

from tests.cli.conftest import COMMAND

PROMPT = "shop>"
CTRL_C, CTRL_D, TAB, ENTER = "\x03", "\x04", "\t", "\r"
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\x1b[()=>][0-9A-Z]?|\x1b\][^\x07]*\x07|\r")


class Terminal:
    """One end of a terminal whose other end is the prompt."""

    def __init__(self, process, end):
        self.process, self.end, self.seen = process, end, ""

    def type(self, keys):
        os.write(self.end, keys.encode())

    def wait_for(self, text, seconds=20):
        """Read until a text is shown that was not shown before; gives what was shown up to it."""
        limit = time.monotonic() + seconds
        while text not in self.seen:
            assert time.monotonic() < limit, f"{text!r} was not shown, but {self.seen!r}"
            if select.select([self.end], [], [], 0.1)[0]:
                self.seen += _CONTROL.sub("", os.read(self.end, 65536).decode(errors="replace"))
        shown, _, self.seen = self.seen.partition(text)
        return shown + text


@pytest.fixture
def state(tmp_path):
    return tmp_path / "state"


@pytest.fixture
def prompt_on(state):
    @contextmanager
    def run(file):
        ours, theirs = pty.openpty()
        environment = os.environ | {"TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1", "XDG_STATE_HOME": str(state)}
        environment |= {"COLUMNS": "100", "LINES": "40", "NO_COLOR": "1"}
        with subprocess.Popen(
            [COMMAND, "sql", file],
            stdin=theirs,
            stdout=theirs,
            stderr=subprocess.PIPE,
            env=environment,
            start_new_session=True,
        ) as process:
            os.close(theirs)
            try:
                terminal = Terminal(process, ours)
                terminal.wait_for(PROMPT)
                yield terminal
            finally:
                process.kill()
                os.close(ours)

    return run


def ended(terminal):
    """The exit code, once the prompt is gone, and all that stood on its error stream."""
    code = terminal.process.wait(20)
    return code, terminal.process.stderr.read()


def test_statements_errors_completion_and_history(prompt_on, shop, state):
    with prompt_on(shop) as terminal:
        terminal.type("SELECT count(*)" + ENTER)
        terminal.type("AS n FROM customers;" + ENTER)
        assert "400" in terminal.wait_for("(1 row, ")
        terminal.type("FROM nowhere;" + ENTER)
        terminal.wait_for("Catalog Error: Table with name nowhere does not exist")
        terminal.type("SELECT predict('nobody', c) FROM customers c;" + ENTER)
        terminal.wait_for("ML010 there is no model 'nobody'")
        terminal.type("SELECT round(predict('churn@ch" + TAB)
        terminal.wait_for("ampion")
        terminal.type("', c)) AS p FROM cust" + TAB)
        terminal.wait_for("omers")
        terminal.type(" AS c LIMIT 2;" + ENTER)
        terminal.wait_for("(2 rows, ")
        terminal.type("UPDATE customers SET age = 1 WHERE id < 3;" + ENTER)
        terminal.wait_for("(3 rows changed, ")
        terminal.type(".models" + ENTER)
        assert "churn" in terminal.wait_for("binary")
        terminal.type(".nonsense" + ENTER)
        terminal.wait_for(".nonsense is unknown.")
        terminal.wait_for("Some statements:")
        terminal.type(".quit" + ENTER)
        assert ended(terminal) == (0, b"")
    history = (state / "sqlml" / "history").read_text()
    assert "+SELECT count(*)\n+AS n FROM customers;\n" in history
    assert "predict('churn@champion', c)) AS p FROM customers AS c" in history
    assert (state / "sqlml" / "history").stat().st_mode & 0o077 == 0


def test_ctrl_c_drops_a_line_and_stops_a_statement(prompt_on, shop):
    with prompt_on(shop) as terminal:
        terminal.type("SELECT 'dropped" + CTRL_C)
        terminal.wait_for(PROMPT)
        terminal.type("SELECT sum(hash(range)) FROM range(200000000000);" + ENTER)
        time.sleep(2)
        terminal.process.send_signal(signal.SIGINT)
        terminal.wait_for("interrupted", seconds=5)
        terminal.type("SELECT 'goes' || 'on' AS a;" + ENTER)
        terminal.wait_for("goeson")
        terminal.wait_for(PROMPT)
        terminal.type(CTRL_D)
        assert ended(terminal) == (0, b"")


def test_history_that_cannot_be_kept_is_no_error(prompt_on, shop, state):
    state.write_text("a file where the folder should be")
    with prompt_on(shop) as terminal:
        terminal.type("SELECT 40 + 2 AS n;" + ENTER)
        terminal.wait_for("42")
        terminal.wait_for(PROMPT)
        terminal.type(CTRL_D)
        assert ended(terminal) == (0, b"")
