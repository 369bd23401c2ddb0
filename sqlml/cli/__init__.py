"""The command line: ``sqlml`` and its commands. Nothing heavy is imported before a command needs it."""

from sqlml.cli.process import main

__all__ = ["main"]
