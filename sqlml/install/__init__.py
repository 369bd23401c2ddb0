"""Put the SQL files of ``udfs/`` into a database, record what was put there, and hold the database against them."""

from sqlml.install.apply import LEVELS, inline_obstacle, install
from sqlml.install.files import SqlFile, is_installed, pending_migrations, shipped_folder, sql_files
from sqlml.install.verify import Difference, verify

__all__ = [
    "Difference",
    "LEVELS",
    "SqlFile",
    "inline_obstacle",
    "install",
    "is_installed",
    "pending_migrations",
    "shipped_folder",
    "sql_files",
    "verify",
]
