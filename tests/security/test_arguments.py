"""Every text argument of every routine takes every payload: none becomes a part of a statement."""

import re

import pytest
from attacked import LOGINS
from payloads import PAYLOADS, WAYS_OUT

CALLS = {
    "train": {
        **dict.fromkeys(("key_column", "time_column", "weight_column", "group_column", "search")),
        **{"model": "scratch", "relation": "visit", "target": "bought", "task": "auto", "algorithm": "baseline"},
        **{"hyperparams": "{}", "preprocess": "{}", "features": '["age"]', "split": "auto", "search_space": "{}"},
        **{"deploy": "never", "runtime": "inline"},
    },
    "deploy": {"model": "buyer", "version": 1, "alias": "champion", "strategy": "immediate", "reason": "again"},
    "rollback": {"model": "plans", "alias": "champion", "reason": None},
    "score": {
        "model": "buyer",
        "relation": "visit",
        "into": "nowhere.mine",
        "key_column": "visit_id",
        "time_column": None,
    },
    "record_truth": {
        **{"model": "buyer", "relation": "visit", "key_column": "visit_id", "truth_column": "bought"},
        **{"observed_column": None, "time_column": None},
    },
    "check": {"relation": "visit", "suite": '[{"check": "not_null", "column": "age"}]'},
    "monitor": {"model": "buyer", "window_start": "2024-01-01", "window_end": "2024-01-02", "slices": None},
    "evaluate": {"model": "buyer", "relation": "visit"},
    "confusion_matrix": {"model": "buyer", "relation": "visit"},
    "roc_curve": {"model": "buyer", "relation": "visit"},
    "calibration": {"model": "buyer", "relation": "visit"},
    "feature_importance": {"model": "buyer"},
    "training_info": {"model": "buyer"},
    "live_at": {"model": "buyer", "at": "2024-01-01"},
    "to_sql": {"model": "buyer", "dialect": "postgres"},
    "grant_model": {"model": "buyer", "role": "atk_granted"},
    "revoke_model": {"model": "buyer", "role": "atk_public"},
    "run_verb": {"verb": "deploy", "arguments": "{}", "runtime": "inline", "answer": None, "wait": False},
}
"""What a routine is called with beside the payload; all others get a value by the type of each argument."""

SAMPLES = {
    **{"text": "buyer", "jsonb": "{}", "json": "[]", "integer": 1, "bigint": 1, "boolean": True, "oid": 23},
    **{"double precision": 1.0, "numeric": 1, "text[]": ["a"], "timestamp without time zone": "2024-01-01"},
    **{"anyelement": "{}", "anycompatible": "2024-01-01", "bytea": b"\x00"},
}
CASTS = {"anyelement": "jsonb", "anycompatible": "text"}
WRITING = ("train", "deploy", "rollback", "score", "record_truth", "monitor", "grant_model", "revoke_model")
WHOLE = {
    "train": ("model", "relation", "target", "hyperparams", "preprocess"),
    "deploy": ("alias", "reason"),
    "score": ("into", "key_column"),
    "record_truth": ("relation", "truth_column"),
    "evaluate": ("model", "relation"),
    **dict.fromkeys(("rollback", "confusion_matrix", "roc_curve", "calibration", "read_row"), ()),
}
"""Arguments of slow routines that take every payload; the others of these routines go the same ways."""

DOORS = ("as_owner", "require_execute", "call_inline", "read_verb", "run_verb")
NAME = re.compile("[a-z][a-z0-9_]{0,47}")

ROUTINES = """
SELECT p.proname, p.prokind, p.proargnames[place], format_type(type, NULL), coalesce(p.proargmodes[place], 'i'),
       ARRAY(SELECT rolname::text FROM pg_roles
             WHERE rolname = ANY (%s) AND has_function_privilege(oid, p.oid, 'EXECUTE') ORDER BY 1)
FROM pg_proc AS p, unnest(coalesce(proallargtypes, proargtypes::oid[])) WITH ORDINALITY AS given(type, place)
WHERE p.pronamespace = 'sqlml'::regnamespace AND p.prorettype <> 'trigger'::regtype AND p.proname !~ '@'
  AND NOT EXISTS (SELECT FROM sqlml.model WHERE p.proname ~ ('^[a-z_]+_' || model || '$') AND pronargs = 1)
ORDER BY p.proname, p.oid, place
"""


@pytest.fixture(scope="module")
def routines(attacked):
    """By name: its kind, its arguments by name with their types, and the logins that may call it."""
    found = {}
    for name, kind, argument, type_, mode, logins in attacked.rows(None, ROUTINES, [list(LOGINS)]):
        arguments = found.setdefault(name, (kind, {}, logins))[1]
        if mode in ("i", "b") and not (mode == "b" and name in CALLS and argument not in CALLS[name]):
            arguments[argument] = type_
    return {name: each for name, each in found.items() if each[2]}


@pytest.fixture(scope="module")
def last_state(attacked):
    return {"state": state_of(attacked)}


def state_of(attacked):
    """All but what a call is for: runs, results, model ``scratch``, and tables in the schema of whoever scores."""
    state = attacked.state("model", "model_version", "model_grant", "migration", "job", "deployment", but="scratch")
    return {name: each for name, each in state.items() if not name.startswith("relation atk_")}


TEXT_ARGUMENTS = [
    *[
        (name, argument)
        for name, given in CALLS.items()
        for argument in given
        if argument not in ("version", "at", "arguments", "answer", "wait")
    ],
    *[
        (name, argument)
        for name, arguments in {
            "predict": ["model"],
            "predict_label": ["model"],
            "predict_proba": ["model"],
            "raw_score": ["model"],
            "call_inline": ["verb"],
            "read_verb": ["verb"],
            "wait_for": ["run_id"],
            "require_execute": ["verb"],
            "as_owner": ["token"],
            "addressed": ["address"],
            "unknown_address": ["address"],
            "unknown_name": ["name"],
            "read_row": ["address"],
            "has_column": ["name"],
            "char_in_row": ["value"],
            "live_at": ["at"],
            "in_quotes": ["value"],
            "folded": ["name"],
            "matching_characters": ["one", "other"],
            "is_readable": ["type", "kind"],
            "type_remedy": ["name", "type", "kind", "words"],
            "plain_value": ["type"],
        }.items()
        for argument in arguments
    ],
]


def test_no_text_argument_is_left_out(routines):
    in_catalog = {
        (name, argument)
        for name, (_, arguments, _) in routines.items()
        for argument, type_ in arguments.items()
        if type_ in ("text", "anycompatible")
    }
    assert in_catalog == set(TEXT_ARGUMENTS)


@pytest.mark.parametrize(("routine", "argument"), [pytest.param(*each, id=".".join(each)) for each in TEXT_ARGUMENTS])
def test_a_payload_is_only_a_value(attacked, routines, last_state, routine, argument):
    kind, types, logins = routines[routine]
    given_to = PAYLOADS if argument in WHOLE.get(routine, types) else some_payloads(routine, argument)
    payloads = [text for text in given_to if routine not in WRITING or not is_asked(routine, argument, text)]
    refused = {}
    for position, payload in enumerate(payloads):
        given = {**(CALLS.get(routine) or {name: SAMPLES[type_] for name, type_ in types.items()}), argument: payload}
        if argument == "reason":
            # Another version each time, so that it is written down.
            given |= {"model": "scratch", "alias": "next"} | (
                {"version": position % 2 + 1} if "version" in given else {}
            )
        elif argument == "search_space":
            given["search"] = "grid"
        outcome = attacked.outcome(logins[position % len(logins)], statement(routine, kind, types, given), given)
        if outcome is not None:
            refused[payload] = outcome
    wrong = {payload: outcome for payload, outcome in refused.items() if not is_refusal(routine, *outcome)}
    assert wrong == {}
    before, last_state["state"] = last_state["state"], state_of(attacked)
    assert last_state["state"] == before


def some_payloads(routine, argument):
    """Those that leave a string, a name or parentheses, and a third of the others, another one for each argument."""
    turn = TEXT_ARGUMENTS.index((routine, argument)) % 3
    return [*WAYS_OUT, *[text for text in PAYLOADS if text not in WAYS_OUT][turn::3]]


def is_asked(routine, argument, payload):
    """Whether the payload is a proper name, with which the call would do what it is for."""
    return NAME.fullmatch(payload) if argument in ("model", "alias") else argument == "role" and payload == "postgres"


def is_refusal(routine, sqlstate, message):
    """Whether an error is one of ours, and none that says that something went wrong inside."""
    if (routine == "live_at" and sqlstate in ("22007", "22008", "22009")) or (sqlstate == "42501" and routine in DOORS):
        return True
    return sqlstate.startswith("ML") and "should not" not in message and "syntax error" not in without_relation(message)


def without_relation(message):
    """The message, unless it is about a relation that is no SELECT, of which the server says what is wrong."""
    return "" if message.startswith("relation => ") else message


def statement(routine, kind, types, given):
    values = ", ".join(f'"{name}" => %({name})s::{CASTS.get(types[name], types[name])}' for name in given)
    call = f'sqlml."{routine}"({values})'
    return f"CALL {call}" if kind == "p" else f"SELECT * FROM {call}"
