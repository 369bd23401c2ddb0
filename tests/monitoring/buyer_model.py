"""What the tests of monitoring share: a small binary model on random visits, scored into a prediction table."""

import numpy as np
import pyarrow as pa

START = np.datetime64("2024-01-01T00:00:00", "us")


def visits(n, seed, first=0):
    """Rows whose target depends on two of their columns; the same seed gives the same rows."""
    random = np.random.default_rng(seed)
    age, spend = random.normal(40, 12, n), random.exponential(30, n)
    chance = 1 / (1 + np.exp(-(age - 40) / 6 - (spend - 30) / 30))
    plan = random.choice(["basic", "plus", "pro"], n, p=[0.5, 0.3, 0.2])
    return pa.table(
        {
            "visit_id": np.arange(first, first + n),
            "seen_at": START + (first + np.arange(n)) * np.timedelta64(600, "s"),
            "age": age,
            "spend": pa.array(spend, mask=random.random(n) < 0.05),
            "plan": plan,
            "member": random.random(n) < 0.4,
            "bought": random.random(n) < chance,
        }
    )


def put(con, name, rows):
    con.register("arriving", rows)
    con.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT * FROM arriving")
    con.unregister("arriving")


def score(con, rows, into="prediction", relation="SELECT * EXCLUDE (bought) FROM scored"):
    put(con, "scored", rows)
    con.execute(
        f"CALL sqlml.score('buyer', '{relation}', '{into}', key_column => 'visit_id', time_column => 'seen_at')"
    )


def monitor(con, arguments=""):
    """The answer of sqlml.monitor as a dictionary."""
    con.execute(f"CALL sqlml.monitor('buyer'{arguments})")
    names = [column[0] for column in con.description]
    return dict(zip(names, con.fetchall()[0], strict=True))


def alerts(con, state="open"):
    found = con.execute(f"SELECT dedup_key FROM sqlml.alert WHERE state = '{state}' ORDER BY 1").fetchall()
    return [key for (key,) in found]


TRAIN = """CALL sqlml.train('buyer', 'visit', 'bought', key_column => 'visit_id', time_column => 'seen_at',
  features => '["age", "spend", "plan", "member"]', algorithm => 'linear', deploy => 'always')"""
