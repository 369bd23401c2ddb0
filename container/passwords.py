"""Give logins the passwords in their files: ``passwords.py FOLDER LOGIN...``; libpq's variables name the server.

The server is told the SCRAM verifiers only, so that no password can get into its log or its statistics.
"""

from __future__ import annotations

import sys
from pathlib import Path

import psycopg
from psycopg import sql

SHORTEST = 16


def set_password(connection: psycopg.Connection, login: str, password: str) -> None:
    """Set the password of a login."""
    verifier = connection.pgconn.encrypt_password(password.encode(), login.encode(), b"scram-sha-256").decode()
    statement = sql.SQL("ALTER ROLE {login} PASSWORD {verifier}")
    connection.execute(statement.format(login=sql.Identifier(login), verifier=sql.Literal(verifier)))


def password_in(folder: Path, login: str) -> str:
    """The password of a login; ends the process, with the reason, where its file does not hold a good one."""
    file = folder / login
    try:
        password = file.read_text(encoding="utf-8").strip()
    except OSError as error:
        sys.exit(f"{login} has no password: {error}; container/secrets makes the files")
    if len(password) < SHORTEST:
        sys.exit(
            f"{file}: the password of {login} has less than {SHORTEST} characters; container/secrets makes a good one"
        )
    return password


def main(folder: Path, logins: list[str]) -> None:
    """Set the passwords of all the logins, or of none."""
    passwords = {login: password_in(folder, login) for login in logins}
    with psycopg.connect() as connection:
        for login, password in passwords.items():
            set_password(connection, login, password)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
