"""Commands whose help ends with examples, written as they are typed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click


class Taught(click.Command):
    """A command with examples, and with words of its output that need an explanation."""

    def __init__(
        self, *args: Any, examples: Sequence[str] = (), words: Mapping[str, str] | None = None, **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self.examples = tuple(examples)
        self.words = dict(words or {})

    def format_epilog(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the words and the examples below the options."""
        super().format_epilog(context, formatter)
        if self.words:
            with formatter.section("What it prints"):
                formatter.write_dl(list(self.words.items()))
        if self.examples:
            with formatter.section("Examples"):
                for line in self.examples:
                    formatter.write(f"{'':{formatter.current_indent}}{line}\n")
