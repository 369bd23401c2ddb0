"""Whether the worker of this container is alive: it says so to the database every few seconds, on its own connections.

Run as the worker's login. Sessions are told apart by the address from which they come, so that a worker of another
container does not answer for this one.
"""

from __future__ import annotations

import sys

import psycopg

HEARD_FROM = """
SELECT EXISTS (
  SELECT FROM pg_stat_activity
  WHERE usename = session_user AND datname = current_database() AND pid <> pg_backend_pid()
    AND client_addr IS NOT DISTINCT FROM inet_client_addr() AND state_change > clock_timestamp() - interval '1 minute'
)
"""
KNOWN_TO_THE_QUEUE = "SELECT sqlml.has_worker()"


def is_alive() -> bool:
    """Whether there is such a session, and the queue knows of a worker."""
    with psycopg.connect(connect_timeout=5) as connection:
        heard = connection.execute(HEARD_FROM).fetchone()
        connection.execute("SET LOCAL ROLE sqlml_owner")
        known = connection.execute(KNOWN_TO_THE_QUEUE).fetchone()
    return heard == known == (True,)


if __name__ == "__main__":
    sys.exit(0 if is_alive() else "the worker has not been heard of for a minute")
