"""A version that goes live while another one is trained was not compared with, so the gate does not pass."""

from sqlml.engine.duckdb.engine import DuckDBEngine
from sqlml.lifecycle.train import train

VISIT = """CREATE TABLE visit AS
SELECT i AS visit_id, (i * 7919) % 97 AS age, (i * 7919) % 97 > 50 AS bought FROM range(2000) AS g(i)"""
TRAIN = "CALL sqlml.train(model => 'm', relation => 'visit', target => 'bought', algorithm => 'linear', seed => {})"


def test_a_champion_that_changed_during_training_is_not_replaced_unseen(con):
    con.execute(VISIT)
    con.execute(TRAIN.format(1))
    con.execute(TRAIN.format(2))

    def another_job(stage, done, total):
        if (stage, done) == ("measuring", total):
            con.execute("CALL sqlml.deploy('m', 2)")

    with con.cursor() as cursor:
        answer = train(DuckDBEngine(cursor), "m", "visit", "bought", key_column="visit_id", report=another_job)
    assert (answer["version"], answer["deployed"]) == (3, False)
    assert answer["reason"].endswith("but version 2 went live during this training: train again")
    live = con.execute("SELECT version FROM sqlml.deployment WHERE valid_to IS NULL").fetchall()
    assert live == [(2,)]
    con.execute(TRAIN.format(3))
    assert con.execute("SELECT max(version) FROM sqlml.model_version").fetchall() == [(4,)]
