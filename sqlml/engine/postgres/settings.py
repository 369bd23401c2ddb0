"""The settings of a session of PostgreSQL on which our statements rely."""

from __future__ import annotations

import json
from collections.abc import Mapping

IN_WHICH_TEXT = {"datestyle": "ISO", "intervalstyle": "postgres", "extra_float_digits": "1", "bytea_output": "hex"}
"""The settings that decide in which text the server writes a value, as all engines want it: exact, and the same."""

FOR_MANY_ROWS = {"jit": "off", "parallel_leader_participation": "off"}
"""The settings with which reading many columns is fast.

Compiling the expressions of many columns takes longer than all rows do without. A process that takes part in the work
of its workers lets them wait while it does its share: they can hand over a part of a row only when it looks for that.
"""

INSIDE = IN_WHICH_TEXT | FOR_MANY_ROWS
"""What a call from inside of the server has, for as long as it lasts."""

FROM_OUTSIDE = INSIDE | {"client_encoding": "UTF8", "standard_conforming_strings": "on"}
"""What a session over a driver needs besides."""

OWN_SESSION = {
    "idle_session_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "default_transaction_isolation": "read committed",
}
"""What a session of our own has, whatever its login prefers.

It is silent while a model is fitted, for hours if need be; a client that is gone is found otherwise. Whoever has waited
for a lock must see what was written under it.
"""

# Every name has its schema: a session may have been left with a search path that leads elsewhere.
SET = "SELECT pg_catalog.set_config(key, value, $2) FROM pg_catalog.json_each_text($1::pg_catalog.json)"
"""Set what the JSON object in ``$1`` names; for this transaction alone where ``$2`` is true."""


def as_json(settings: Mapping[str, str]) -> str:
    """Settings as :data:`SET` takes them."""
    return json.dumps(dict(settings))
