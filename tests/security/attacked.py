"""The database that is attacked: its logins, tables and models, and what must stay as it is."""

from contextlib import suppress
from dataclasses import dataclass, field

import psycopg
from postgres import PostgresServer
from psycopg import sql

from sqlml.engine.postgres.catalog import catalog_objects
from sqlml.engine.postgres.client import opened
from sqlml.install import install

GROUPS = ("reader", "scorer", "trainer", "approver", "deployer", "auditor")
LOGINS = {f"atk_{group}": (f"sqlml_{group}",) for group in GROUPS} | {
    "atk_granted": (),
    "atk_public": (),
    "atk_worker": (),
    "atk_two": ("sqlml_trainer", "sqlml_auditor"),
    "atk_all": tuple(f"sqlml_{group}" for group in GROUPS),
}
"""Logins by the roles of sqlml of which they are members; ``atk_granted`` is granted model ``buyer``, ``atk_all`` is
a member of every role but the owner."""

WORLD = """
CREATE TABLE public.visit AS
SELECT i AS visit_id, (i * 7919) % 97 AS age, (ARRAY['basic', 'plus', 'pro'])[1 + i % 3] AS plan,
       (i * 7919) % 97 > 50 AS bought, timestamp '2024-01-01' + i * interval '1 hour' AS at
FROM generate_series(1, 120) AS g(i);
CREATE TABLE public.canary (alive text PRIMARY KEY);
INSERT INTO public.canary VALUES ('tweet');
CREATE TABLE public.secret AS SELECT * FROM public.visit;
"""
MODELS = """
CALL sqlml.train('buyer', 'visit', 'bought', key_column => 'visit_id', algorithm => 'linear', deploy => 'always');
CALL sqlml.train('buyer', 'visit', 'bought', key_column => 'visit_id', algorithm => 'linear', deploy => 'never');
CALL sqlml.train('other', 'visit', 'bought', features => '["age"]', algorithm => 'baseline', deploy => 'always');
CALL sqlml.train('plans', 'visit', 'plan', features => '["age"]', algorithm => 'baseline', deploy => 'always');
CALL sqlml.train('scratch', 'visit', 'bought', features => '["age"]', algorithm => 'baseline', deploy => 'never');
CALL sqlml.train('scratch', 'visit', 'bought', features => '["age"]', algorithm => 'baseline', deploy => 'never');
CALL sqlml.score('buyer', 'visit', 'public.predicted', 'visit_id');
"""

STATE = """
SELECT 'relation ' || oid::regclass, concat_ws(' ', relkind, relowner::regrole, relacl, relrowsecurity, relchecks,
       relhastriggers, relhasrules, (SELECT string_agg(attname || ' ' || atttypid::regtype, ',' ORDER BY attnum)
                                     FROM pg_attribute WHERE attrelid = c.oid AND NOT attisdropped))
FROM pg_class AS c WHERE relnamespace::regnamespace::text !~ '^(pg_|information_schema|sqlml)'
UNION ALL
SELECT 'routine ' || oid::regprocedure, concat_ws(' ', proowner::regrole, proacl, md5(prosrc), prosecdef, proconfig)
FROM pg_proc WHERE pronamespace::regnamespace::text !~ '^(pg_|information_schema|sqlml)'
UNION ALL
SELECT 'schema ' || nspname, concat_ws(' ', nspowner::regrole, nspacl) FROM pg_namespace
WHERE nspname !~ '^pg_(temp|toast_temp)_'
UNION ALL
SELECT 'role ' || rolname, concat_ws(' ', rolsuper, rolcreaterole, rolcreatedb, rolcanlogin, rolbypassrls, rolconfig,
       (SELECT string_agg(roleid::regrole::text, ',' ORDER BY roleid) FROM pg_auth_members WHERE member = r.oid))
FROM pg_roles AS r WHERE rolname ~ '^(atk_|sqlml_[a-z]+$|postgres$|pwn)'
UNION ALL
SELECT 'extension ' || extname, extversion FROM pg_extension
UNION ALL
SELECT 'setting ' || setdatabase || ' ' || setrole, setconfig::text FROM pg_db_role_setting
WHERE setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
UNION ALL
SELECT 'large objects', count(*)::text FROM pg_largeobject_metadata
UNION ALL
SELECT 'event triggers', count(*)::text FROM pg_event_trigger
UNION ALL
SELECT 'casts and operators', (SELECT count(*) FROM pg_cast WHERE oid >= 16384) || ' '
       || (SELECT count(*) FROM pg_operator WHERE oid >= 16384)
UNION ALL
SELECT 'rows of canary', string_agg(alive, ',') FROM public.canary
UNION ALL
SELECT 'rows of visit', md5(string_agg(v::text, ',' ORDER BY visit_id)) FROM public.visit AS v
UNION ALL
SELECT 'rows of secret', md5(string_agg(v::text, ',' ORDER BY visit_id)) FROM public.secret AS v
"""
ROWS = """
SELECT md5(coalesce(string_agg(t::text, ',' ORDER BY t::text), '')) FROM sqlml.{} AS t
WHERE to_jsonb(t) ->> 'model' IS DISTINCT FROM %(but)s
"""
METADATA = (
    *("model", "model_version", "deployment", "compiled", "prediction_table", "model_grant", "migration", "routine"),
    *("run", "metric", "trial", "ground_truth", "check_definition", "check_result", "alert", "job", "lock"),
    *("reference_row", "monitored_window", "profile_metric", "drift_metric", "performance_metric"),
)


def make(url):
    """Install sqlml, and make the logins, the tables and the models."""
    with opened(url) as engine:
        install(engine)
    with psycopg.connect(url, autocommit=True) as admin:
        for login, groups in LOGINS.items():
            with suppress(psycopg.errors.DuplicateObject):
                admin.execute(f"CREATE ROLE {login} LOGIN")
            for group in groups:
                admin.execute(f"GRANT {group} TO {login}")
            admin.execute(f"CREATE SCHEMA {login} AUTHORIZATION {login}")
        admin.execute(WORLD)
        admin.execute(f"GRANT SELECT ON public.visit TO {', '.join(LOGINS)}")
        for call in MODELS.strip().splitlines():
            admin.execute(call)
        admin.execute("GRANT SELECT ON public.predicted TO atk_trainer, atk_all")
        admin.execute("CALL sqlml.grant_model('buyer', 'atk_granted')")


@dataclass
class Attacked:
    """The database, with one connection for each login that has asked; ``None`` is a superuser."""

    server: PostgresServer
    database: str
    open: dict[str | None, psycopg.Connection] = field(default_factory=dict)

    def url(self, login=None):
        return self.server.url_of(self.database, login)

    def connection(self, login):
        """The connection of a login, which commits each statement."""
        known = self.open.get(login)
        if known is None or known.closed:
            known = self.open[login] = psycopg.connect(self.url(login), autocommit=True)
        return known

    def rows(self, login, statement, parameters=None):
        """The rows of the last statement of a text, run by a login."""
        cursor = self.connection(login).execute(statement, parameters)
        while cursor.nextset():
            pass
        return cursor.fetchall() if cursor.description else []

    def outcome(self, login, statement, parameters=None):
        """The SQLSTATE with which a statement is refused and its message, or None where it is done."""
        try:
            self.connection(login).execute(statement, parameters)
        except psycopg.Error as error:
            return error.sqlstate, str(error.diag.message_primary or error)
        return None

    def state(self, *metadata, but=None):
        """All that must stay as it is, by name: the catalog, roles, tables, and what of the metadata is named.

        ``but`` names a model that may change.
        """
        admin = self.connection(None)
        found = dict(admin.execute(STATE).fetchall())
        for name, each in catalog_objects(lambda text, _=None: self.rows_of(text, _)).items():
            found[f"sqlml {name}"] = (each.kind, each.definition, each.owner, each.privileges)
        for table in metadata or METADATA:
            asked = sql.SQL(ROWS).format(sql.Identifier(table))
            found[f"rows of sqlml.{table}"] = admin.execute(asked, {"but": but}).fetchone()[0]
        return {name: each for name, each in found.items() if f'"{but}@' not in name}

    def rows_of(self, text, parameters=None):
        """Rows of a statement with named parameters, as the engine gives them."""
        for name in parameters or {}:
            text = text.replace(f"${name}", f"%({name})s")
        return self.connection(None).execute(text, parameters).fetchall()

    def close(self):
        for connection in self.open.values():
            connection.close()
