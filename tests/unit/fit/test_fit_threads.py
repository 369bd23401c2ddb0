"""Work on threads: the same answers, in order, and none lost."""

import threading

import pytest

from sqlml.fit import threads
from sqlml.fit.threads import MANY_ROWS, aside, by_column


@pytest.fixture(autouse=True)
def two_processors(monkeypatch):
    monkeypatch.setattr(threads, "allowed_threads", lambda: 2)


def test_many_rows_are_worked_on_by_threads_in_order():
    met = threading.Barrier(2, timeout=10)
    assert by_column(lambda item: (met.wait(), item)[1], [1, 2, 3, 4], MANY_ROWS) == [1, 2, 3, 4]


def test_work_aside_is_done_meanwhile():
    met = threading.Barrier(2, timeout=10)
    with aside(lambda: (met.wait(), "answer")[1], MANY_ROWS) as answer:
        met.wait()
    assert answer() == answer() == "answer"


def test_few_rows_are_not_worth_a_thread():
    with aside(threading.get_ident, MANY_ROWS - 1) as answer:
        assert answer() == threading.get_ident()


def test_an_error_of_work_aside_is_raised_where_its_answer_is_asked_for():
    with aside(lambda: 1 // 0, MANY_ROWS) as answer, pytest.raises(ZeroDivisionError):
        answer()
