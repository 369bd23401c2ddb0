"""What a worker says on the error stream: one line for what it does, and nothing of its libraries."""

from __future__ import annotations

import logging
import time

logger = logging.getLogger("sqlml.worker")
_SILENT = ("procrastinate", "psycopg", "asyncio")


def log_to_stderr() -> None:
    """Print what the worker says, each line with its time in UTC; what its libraries say, the worker says itself."""
    handler = logging.StreamHandler()
    formatter = logging.Formatter("%(asctime)s %(message)s", "%Y-%m-%dT%H:%M:%SZ")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logger.handlers = [handler]
    logger.propagate = False
    logger.setLevel(logging.INFO)
    for name in _SILENT:
        logging.getLogger(name).addHandler(logging.NullHandler())
        logging.getLogger(name).propagate = False
