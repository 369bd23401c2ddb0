"""Which models and which rows a role may use: training and deploying, row-level security, grants of one model."""

import json
import re
from pathlib import Path

import pytest

TRAIN = "CALL sqlml.train(%s, 'visit', 'bought', features => '[\"age\"]', algorithm => 'baseline', deploy => 'never')"
ALWAYS = TRAIN.replace("'never'", "'always'")


def test_a_trainer_puts_live_what_it_trains_and_nothing_else(fresh):
    """Training includes the deploy that it asks for; other versions, aliases and the way back are a deployer's."""
    assert fresh.outcome("atk_trainer", ALWAYS, ["other"]) is None
    assert fresh.rows(
        None, "SELECT version, actor FROM sqlml.deployment WHERE model = 'other' AND valid_to IS NULL"
    ) == [(2, "atk_trainer")]
    for call in (
        "CALL sqlml.deploy('other', 1)",
        "CALL sqlml.deploy('other', 2, alias => 'next')",
        "CALL sqlml.rollback('other')",
        "CALL sqlml.grant_model('other', 'atk_public')",
    ):
        assert fresh.outcome("atk_trainer", call)[0] == "42501"
    for login in ("atk_reader", "atk_scorer", "atk_deployer", "atk_approver", "atk_auditor"):
        assert fresh.outcome(login, ALWAYS, ["other"])[0] == "42501"


HIDDEN = {
    "atk_trainer": {
        "train": ALWAYS.replace("%s", "'other'"),
        "monitor": "CALL sqlml.monitor('other')",
        "score": "CALL sqlml.score('other', 'visit', 'mine', 'visit_id')",
        "record_truth": "CALL sqlml.record_truth('other', 'visit', 'visit_id', 'bought')",
        "evaluate": "SELECT * FROM sqlml.evaluate('other', 'visit')",
        "training_info": "SELECT * FROM sqlml.training_info('other')",
        "to_sql": "SELECT * FROM sqlml.to_sql('other')",
        "feature_importance": "SELECT * FROM sqlml.feature_importance('other')",
        "live_at": "SELECT * FROM sqlml.live_at('other', now()::timestamp)",
        "predict a version": "SELECT sqlml.predict('other@1', v) FROM visit AS v",
    },
    "atk_deployer": {
        "deploy": "CALL sqlml.deploy('other', 1)",
        "rollback": "CALL sqlml.rollback('other')",
    },
}


def test_a_model_that_row_level_security_hides_is_not_there_for_any_verb(fresh):
    fresh.rows(
        None,
        "CALL sqlml.train('other', 'visit', 'bought', features => '[\"age\"]', algorithm => 'baseline', "
        "deploy => 'always')",
    )
    tables = fresh.rows(
        None,
        "SELECT table_name FROM information_schema.columns WHERE table_schema = 'sqlml' "
        "AND column_name = 'model' AND table_name IN ('model', 'model_version', 'deployment', 'compiled')",
    )
    for (table,) in tables:
        fresh.rows(
            None,
            f"ALTER TABLE sqlml.{table} ENABLE ROW LEVEL SECURITY;"
            f"CREATE POLICY p ON sqlml.{table} USING (model <> 'other')",
        )
    before = fresh.state()
    found = {verb: fresh.outcome(login, call) for login, calls in HIDDEN.items() for verb, call in calls.items()}
    assert {verb: outcome and outcome[0] for verb, outcome in found.items()} == {
        verb: "ML001" if verb == "train" else "ML010" for verb in found
    }
    assert fresh.state() == before


def test_rows_that_row_level_security_hides_are_not_read(fresh):
    fresh.rows(
        None,
        "ALTER TABLE public.visit ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON public.visit "
        "USING (visit_id <= 60 AND current_user <> 'atk_reader')",
    )
    fresh.rows("atk_trainer", TRAIN, ["part"])
    info = "SELECT rows_in FROM sqlml.run JOIN sqlml.model_version USING (run_id) WHERE model_version.model = 'part'"
    assert fresh.rows(None, info) == [(60,)]
    assert fresh.rows("atk_scorer", "CALL sqlml.score('buyer', 'visit', 'mine', 'visit_id')")[0][1] == 60
    assert fresh.rows("atk_scorer", "CALL sqlml.record_truth('buyer', 'visit', 'visit_id', 'bought')")[0][1] == 60
    suite = json.dumps([{"check": "row_count", "min": 60, "max": 60}])
    assert fresh.rows("atk_trainer", "CALL sqlml.\"check\"('visit', %s)", [suite])[0][1:] == (1, 0, 0, 0)
    assert {n for (n,) in fresh.rows("atk_deployer", "SELECT n FROM sqlml.evaluate('buyer', 'visit')")} == {60}
    refusal = fresh.outcome("atk_reader", "SELECT * FROM sqlml.evaluate('buyer', 'visit')")
    assert refusal[0] == "ML021"


def test_predictions_that_row_level_security_hides_are_not_monitored(fresh):
    fresh.rows(
        None,
        "ALTER TABLE public.predicted ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON public.predicted "
        "USING (visit_id <= 50)",
    )
    ((_, _, _, predictions, *_),) = fresh.rows("atk_trainer", "CALL sqlml.monitor('buyer')")
    assert predictions == 50


GRANTED = {
    "buyer": [
        "SELECT sqlml.predict('{m}', v) FROM visit AS v",
        "SELECT sqlml.predict_label('{m}', v) FROM visit AS v",
        "SELECT sqlml.predict_proba('{m}', to_jsonb(v)) FROM visit AS v",
        "SELECT sqlml.raw_score('{m}', v) FROM visit AS v",
        "SELECT sqlml.predict('{m}@1', v) FROM visit AS v",
        "SELECT sqlml.predict_label('{m}@champion', v) FROM visit AS v",
        "SELECT sqlml.predict_proba('{m}@1', v) FROM visit AS v",
        "SELECT sqlml.raw_score('{m}@1', v) FROM visit AS v",
        "SELECT sqlml.predict_{m}(v) FROM visit AS v",
        "SELECT sqlml.predict_label_{m}(v) FROM visit AS v",
        "SELECT sqlml.predict_proba_{m}(v) FROM visit AS v",
        "SELECT sqlml.raw_score_{m}(v) FROM visit AS v",
        'SELECT sqlml."{m}@1_predict"(v) FROM visit AS v',
        'SELECT sqlml."{m}@1_label"(v) FROM visit AS v',
        'SELECT sqlml."{m}@1_proba"(v) FROM visit AS v',
        'SELECT sqlml."{m}@1_raw"(v) FROM visit AS v',
    ]
}
READING = [
    "SELECT * FROM sqlml.evaluate('{m}', 'visit')",
    "SELECT * FROM sqlml.to_sql('{m}')",
    "SELECT * FROM sqlml.training_info('{m}')",
    "SELECT * FROM sqlml.feature_importance('{m}')",
    "SELECT artifact FROM sqlml.model_version",
    "SELECT sql FROM sqlml.compiled",
    "CALL sqlml.score('{m}', 'visit', 'mine', 'visit_id')",
]


def test_a_grant_of_one_model_is_one_of_no_other(unchanged):
    login = "atk_granted"
    allowed = {call: unchanged.outcome(login, call.format(m="buyer")) for call in GRANTED["buyer"]}
    denied = {call: unchanged.outcome(login, call.format(m="other")) for call in GRANTED["buyer"]}
    nobody = {call: unchanged.outcome("atk_public", call.format(m="buyer")) for call in GRANTED["buyer"]}
    reading = {call: unchanged.outcome(login, call.format(m="buyer")) for call in READING}
    assert set(allowed.values()) == {None}
    assert {outcome and outcome[0] for outcome in denied.values()} == {"42501"}
    assert {outcome and outcome[0] for outcome in nobody.values()} == {"42501"}
    assert {outcome and outcome[0] for outcome in reading.values()} == {"42501"}


def test_a_model_with_a_name_that_begins_alike_is_another(fresh):
    for name in ("buyer_", "buyer_1", "buyer" + "_" * 43, "b"):
        fresh.rows(None, ALWAYS, [name])
        for call in GRANTED["buyer"]:
            assert fresh.outcome("atk_granted", call.format(m=name))[0] == "42501"


@pytest.mark.parametrize("name", ["label", "proba", "label_buyer", "proba_x"])
def test_no_model_has_a_name_of_what_answers_for_all(unchanged, name):
    assert unchanged.outcome("atk_trainer", TRAIN, [name])[0] == "ML002"


def test_the_statements_of_the_document_do_what_it_says(fresh):
    document = (Path(__file__).parents[2] / "docs" / "security.md").read_text()
    (statements,) = re.findall(r"^```sql\n(.*?)^```$", document, re.MULTILINE | re.DOTALL)
    names = {"ann": "atk_granted", "release": "atk_public", "churn": "other", "crm": "atk_public"}
    for name, other in names.items():
        statements = re.sub(rf"\b{name}\b", other, statements)
    try:
        fresh.rows(None, statements)
        assert fresh.outcome("atk_public", "SELECT sqlml.predict('other', v) FROM visit AS v") is None
        assert fresh.outcome("atk_public", "CALL sqlml.rollback('buyer')")[0] == "ML040"
        assert fresh.outcome("atk_granted", "CALL sqlml.\"check\"('visit', '[]')") is None
    finally:
        fresh.rows(None, "REVOKE sqlml_trainer FROM atk_granted; REVOKE sqlml_deployer FROM atk_public")
        fresh.rows(None, "CALL sqlml.revoke_model('other', 'atk_public'); REVOKE sqlml_caller FROM atk_public")
