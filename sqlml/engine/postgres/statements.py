"""What a driver must be able to do for a session."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import pyarrow as pa

from sqlml.engine.protocol import Parameters


class Statements(Protocol):
    """Statements with one set of rights. Errors are raised as those of our tree."""

    def run(self, sql: str, parameters: Parameters | None = None) -> list[tuple[Any, ...]]:
        """The rows of a statement; none where it gives none."""

    def cells(self, sql: str, parameters: Parameters | None = None) -> list[tuple[Any, ...]]:
        """The rows of a SELECT, bytes as they are."""

    def count(self, sql: str, parameters: Parameters | None = None) -> int:
        """How many rows a statement has written."""

    def described(self, sql: str, parameters: Parameters | None = None) -> list[tuple[str, int, int]]:
        """The name, the number of the type and its modifier of each column of a SELECT, which is not run."""

    def parse(self, sql: str) -> None:
        """Refuse a text that is not one statement without parameters."""

    def script(self, sql: str) -> None:
        """Run the statements of a text."""

    def with_texts(self, sql: str, texts: Sequence[str]) -> None:
        """Run a statement with texts for ``$1``, ``$2``, ..."""

    def copy(self, sql: str, parts: Iterator[pa.Buffer]) -> bool:
        """Give parts to a COPY ... FROM STDIN; False, and nothing done, where the driver has none."""

    def is_usable(self) -> bool:
        """Whether a statement can be run: not so in a transaction that has failed."""
