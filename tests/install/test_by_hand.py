"""A database into which somebody has run the files with psql is taken over by the installer."""

import shutil
import subprocess

import psycopg
import pytest

from sqlml.engine.postgres.client import opened
from sqlml.errors import InstallError
from sqlml.install import install, pending_migrations, shipped_folder, sql_files, verify

FOLDER = shipped_folder("udfs") / "postgres"


def run_by_hand(url, folders, leave_out=()):
    """Apply the files of folders as ``psql -f`` does."""
    files = [FOLDER / file.name for folder in folders for file in sql_files("postgres", folder)]
    arguments = [part for path in files if path.stem not in leave_out for part in ("-f", str(path))]
    command = [shutil.which("psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", url, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def records_of(engine):
    return sorted(
        engine.rows("SELECT routine, kind, file, file_hash, definition, rights, catalog_hash FROM sqlml.routine")
    )


@pytest.mark.parametrize("folders", [("migrations", "routines"), ("migrations", "routines", "inline"), ("migrations",)])
def test_it_becomes_what_the_installer_makes(postgres, installed, folders):
    run_by_hand(postgres, folders)
    with opened(postgres) as engine, opened(installed) as fresh:
        told = install(engine, repair=True)
        assert told[0].startswith("the record of ")
        assert [each for each in told if each.startswith("what differed")] == []
        assert verify(engine) == []
        assert engine.catalog() == fresh.catalog()
        assert records_of(engine) == records_of(fresh)
        assert pending_migrations(engine) == []
        assert install(engine, repair=True) == []


def test_a_migration_that_only_alters_is_applied_where_it_was_not_run(postgres, installed):
    run_by_hand(postgres, ("migrations", "routines", "inline"), leave_out=("0005_alert",))
    with opened(postgres) as engine, opened(installed) as fresh:
        assert "migrations/0005_alert.sql" in install(engine, repair=True)
        assert verify(engine) == []
        assert engine.catalog() == fresh.catalog()
        assert records_of(engine) == records_of(fresh)


def test_who_is_no_superuser_takes_over_what_they_have_run(new_role, postgres, postgres_server):
    role = new_role(options="CREATEROLE")
    with psycopg.connect(postgres, autocommit=True) as admin:
        admin.execute(f"ALTER DATABASE {admin.info.dbname} OWNER TO {role}")
        url = postgres_server.url_of(admin.info.dbname, role)
    run_by_hand(url, ("migrations", "routines"))
    with opened(url) as engine:
        assert install(engine, repair=True, level="plain")[0].startswith("the record of ")
        assert verify(engine) == []


def test_what_was_not_run_is_applied_and_what_differs_is_told_and_mended(postgres):
    run_by_hand(
        postgres,
        ("migrations", "routines"),
        leave_out=("0002_monitoring", "0005_alert", "latest_drift", "latest_profile", "latest_performance", "to_sql"),
    )
    with psycopg.connect(postgres, autocommit=True) as admin:
        admin.execute("""
            ALTER FUNCTION sqlml.live_at VOLATILE;
            GRANT EXECUTE ON FUNCTION sqlml.training_info TO PUBLIC;
            ALTER TABLE sqlml.run ENABLE ROW LEVEL SECURITY;
            CREATE FUNCTION sqlml.mine() RETURNS integer LANGUAGE sql RETURN 1;
        """)
    with opened(postgres) as engine:
        told = install(engine, repair=True)
        applied = {f"migrations/{name}.sql" for name in ("0002_monitoring", "0005_alert")}
        assert applied | {"routines/to_sql.sql", "routines/live_at.sql"} <= set(told)
        differed = [each.split()[3].partition("(")[0] for each in told if each.startswith("what differed")]
        assert differed == ["sqlml.live_at", "sqlml.training_info"]
        assert [(each.routine, each.state) for each in verify(engine)] == [("sqlml.mine()", "extra")]


def test_what_cannot_be_mended_is_refused_with_its_lines_and_nothing_is_changed(postgres):
    run_by_hand(postgres, ("migrations", "routines"))
    with psycopg.connect(postgres, autocommit=True) as admin:
        admin.execute("""
            ALTER TABLE sqlml.metric ADD COLUMN note text;
            DROP TABLE sqlml.trial;
            CREATE TABLE kept AS SELECT 1 AS a;
        """)
        with opened(postgres) as engine:
            before = engine.catalog()
            with pytest.raises(InstallError) as refused:
                install(engine, repair=True)
            assert engine.catalog() == before
        said = str(refused.value)
        assert "were run here by hand, and what is there differs from what they give. Nothing was changed" in said
        assert "edited   sqlml.metric: it was changed after it was created from migrations/0001_metadata.sql" in said
        assert "\n  +note text" in said
        assert "missing  sqlml.trial: it was created from migrations/0001_metadata.sql" in said
        assert admin.execute("SELECT count(*) FROM sqlml.routine").fetchall() == [(0,)]
        trial = (
            (FOLDER / "migrations/0001_metadata.sql")
            .read_text()
            .partition("CREATE TABLE sqlml.trial")[2]
            .partition(";")[0]
        )
        admin.execute(
            f"ALTER TABLE sqlml.metric DROP COLUMN note; SET ROLE sqlml_owner; CREATE TABLE sqlml.trial{trial}"
        )
        admin.execute("GRANT SELECT ON sqlml.trial TO sqlml_reader")
    with opened(postgres) as engine:
        install(engine, repair=True)
        assert verify(engine) == []


def test_models_that_were_trained_before_go_on_answering(postgres):
    run_by_hand(postgres, ("migrations", "routines", "inline"))
    with psycopg.connect(postgres, autocommit=True) as admin:
        admin.execute("""
            CREATE TABLE visit AS SELECT i AS visit_id, i % 7 AS age, i % 2 = 0 AS bought
            FROM generate_series(1, 60) AS g(i)
        """)
        admin.execute("CALL sqlml.train('buyer', 'visit', 'bought', algorithm => 'baseline', deploy => 'always')")
        ask = "SELECT sum(sqlml.predict('buyer', v)) FROM visit AS v"
        before = admin.execute(ask).fetchall()
        with opened(postgres) as engine:
            install(engine, repair=True)
            assert verify(engine) == []
        assert admin.execute(ask).fetchall() == before


def test_what_somebody_else_has_put_under_our_names_is_not_even_read(postgres):
    with psycopg.connect(postgres, autocommit=True) as admin:
        admin.execute("""
            CREATE SCHEMA sqlml;
            CREATE TABLE seen (a text);
            CREATE FUNCTION sqlml.look() RETURNS text LANGUAGE sql
            AS $$INSERT INTO public.seen VALUES ('x') RETURNING a$$;
            CREATE VIEW sqlml.migration AS SELECT sqlml.look() AS migration, sqlml.look() AS file_hash;
        """)
        with opened(postgres) as engine:
            with pytest.raises(InstallError, match="schema sqlml belongs to postgres and not to sqlml_owner"):
                install(engine)
            assert [each.explanation for each in verify(engine)] == ["nothing is installed; run sqlml install"]
        assert admin.execute("SELECT count(*) FROM seen").fetchone() == (0,)
