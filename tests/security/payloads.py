"""Texts that would do harm where they got into a statement as a part of it."""

HARM = "DROP TABLE public.canary"

_WAYS_OUT = rf"""
'; {HARM}; --
x'; {HARM}; SELECT '
x\'; {HARM}; --
x\\'; {HARM}; --
''; {HARM}; --
'''; {HARM}; --
' || pg_catalog.lo_create(0) || '
"; {HARM}; --
x"; {HARM}; SELECT "
""\"; {HARM}; --
x\"; {HARM}; --
); {HARM}; --
')); {HARM}; --
]; {HARM}; --
}}; {HARM}; --
*/ {HARM}; /*
/* /* */ {HARM}; --
$$; {HARM}; $$
$sqlml$; {HARM}; $sqlml$
$sqlml0$ {HARM} $sqlml1$
$sqlml$ LANGUAGE plpgsql; {HARM}; --
$sqlml
END $$; {HARM}; DO $$ BEGIN
E'\'; {HARM}; --'
U&'\0027; {HARM}; --'
\x27; {HARM}; --
\047; {HARM}; --
%27; {HARM}; --
&#39;; {HARM}; --
ʼ; {HARM}; --
＇; {HARM}； --
’; {HARM}; --
ʹ; {HARM}; --
＂; {HARM}； --
{HARM}
{HARM};;
1; {HARM}
1) OR true; {HARM}; --
SELECT 1; {HARM}
SELECT 1) AS x; {HARM}; --
SELECT 1 AS age -- '; {HARM}
"""
_STATEMENTS = """
WITH x AS (DELETE FROM public.canary RETURNING *) SELECT * FROM x
DELETE FROM public.canary RETURNING *
UPDATE public.canary SET alive = 'no' RETURNING *
INSERT INTO public.canary VALUES ('two') RETURNING *
TRUNCATE public.canary
SELECT * FROM public.secret
SELECT * FROM public.secret FOR UPDATE
TABLE public.secret
public.secret
COPY public.canary TO PROGRAM 'touch pwned'
COPY (SELECT 1) TO '/pwned'
SELECT pg_catalog.pg_read_file('/etc/passwd') AS age
SELECT pg_catalog.pg_ls_dir('/') AS age
SELECT pg_catalog.lo_import('/etc/passwd') AS age
SELECT pg_catalog.lo_export(1, '/pwned') AS age
SELECT pg_catalog.query_to_xml('DROP TABLE public.canary', true, true, '') AS age
SELECT pg_catalog.pg_reload_conf() AS age
SELECT * FROM pg_catalog.pg_authid
SELECT * INTO public.pwned FROM public.visit
CREATE TABLE public.pwned AS SELECT * FROM public.visit
CREATE ROLE pwned SUPERUSER
CREATE EXTENSION plperlu
ALTER ROLE CURRENT_USER SUPERUSER
ALTER SYSTEM SET archive_command = 'touch pwned'
GRANT sqlml_owner TO CURRENT_USER
SET ROLE sqlml_owner
RESET ROLE
RESET ALL
DISCARD ALL
SET SESSION AUTHORIZATION postgres
DO $$ BEGIN DROP TABLE public.canary; END $$
BEGIN
COMMIT
ROLLBACK
PREPARE TRANSACTION 'pwned'
LOCK TABLE public.visit
LISTEN pwned
EXECUTE pwned
DECLARE pwned CURSOR WITH HOLD FOR SELECT 1
EXPLAIN ANALYZE SELECT * FROM public.secret
CALL sqlml.put_on_search_path()
CALL sqlml.deploy('buyer', 2)
SELECT sqlml.as_owner('0') AS age
SELECT sqlml.call_inline('deploy', '{"model": "buyer", "version": 2}') AS age FROM public.canary WHERE false
SELECT pg_catalog.set_config('role', 'sqlml_owner', false) AS age
SELECT pg_catalog.set_config('session_authorization', 'postgres', false) AS age
SELECT 1 AS a, 2 AS a
SELECT
SELECT $1 AS age
SELECT $model AS age
VALUES (1), (2)
"""
_NAMES = """
%s
%I
%1$s%2$L
%(name)s
{0}
{{ 7*7 }}
${HARM}
$1
$0
$name
$model
$relation
:name
?
sqlml.model
sqlml.as_owner
sqlml_queue.procrastinate_jobs
pg_catalog.pg_authid
pg_temp.visit
information_schema.tables
a.b.c.d.e
features
raw
document
named
answer
model
SELECT
NULL
None
default
user
current_user
public
PUBLIC
sqlml_owner
postgres
*
.
..
@
buyer@
@champion
buyer@1; --
buyer@1@2
buyer@-1
buyer@1.0
buyer@0x1
buyer@99999999999999999999
buyer@champion'
buyer@champion;
BUYER
Buyer
ｂuyer
bυyer
b\u0075yer
label
proba
label_buyer
../../etc/passwd
/dev/zero
file:///etc/passwd
__import__('os').system('touch pwned')
__class__
__init__
os
sqlglot.dialects.postgres
duckdb, normalization_strategy = case_sensitive
postgres; --
"""
_JSON = r"""
{}
[]
[[]]
{
{"a":
[1,2
"x"
1
1e999
NaN
-Infinity
true
null
{"__proto__": 1}
{"__class__": {"__init__": {"__globals__": 1}}}
{"a": {"$ref": "#"}}
{"a": 1, "a": 2}
["\u0000"]
["\ud800"]
["age\"; DROP TABLE public.canary; --"]
["age", "age"]
["secret.age"]
{"age": {"impute": "x'; DROP TABLE public.canary"}}
{"age; DROP TABLE public.canary": {}}
{"num_leaves": "31; DROP TABLE public.canary"}
{"objective": "binary\" output_model=/pwned"}
{"output_model": "/pwned", "task": "save_binary"}
{"forcedsplits_filename": "/etc/passwd"}
{"forcedbins_filename": "/etc/passwd"}
{"input_model": "/etc/passwd"}
{"data": "/etc/passwd", "valid": "/etc/passwd"}
{"machines": "127.0.0.1:1", "num_machines": 2}
{"device_type": "cuda"}
{"constant": "0.1; DROP TABLE public.canary"}
{"C": {"__reduce__": "os.system"}}
[{"check": "not_null'; DROP TABLE public.canary; --", "column": "age"}]
[{"check": "not_null", "column": "age\"; DROP TABLE public.canary; --"}]
[{"check": "allowed_values", "column": "plan", "values": ["'; DROP TABLE public.canary; --"]}]
[{"check": "allowed_values", "column": "plan", "values": ["\\'; DROP TABLE public.canary; --"]}]
[{"check": "range", "column": "age", "min": "2024-01-01'; DROP TABLE public.canary; --"}]
[{"check": "format", "column": "plan", "pattern": "'; DROP TABLE public.canary; --"}]
[{"check": "format", "column": "plan", "pattern": "(a+)+$\\Y"}]
[{"check": "freshness", "column": "at", "max_age": "1 day'; DROP TABLE public.canary; --"}]
[{"check": "sentinel", "column": "plan", "values": ["\\'; DROP TABLE public.canary; --", "$$", "$1", "$model"]}]
[{"check": "unique", "columns": ["age", "plan); DROP TABLE public.canary; --"]}]
{"name": "x'; DROP TABLE public.canary; --", "checks": []}
{"name": "sqlml", "checks": [1]}
"""
_TIMES = """
2024-01-01'; DROP TABLE public.canary; --
infinity
-infinity
now
epoch
2024-13-45
292278994-08-17
2024-01-01 00:00:00+99:99
4714-01-01 BC
allballs
P1D
0001-01-01
9999-12-31 23:59:60
"""
_UNPRINTABLE = [
    "",
    " ",
    "\t",
    "\n",
    "buyer ",
    "buyer\n",
    "buyer\u200b",
    f"-- \n{HARM};",
    f"x\n; {HARM}",
    f"x\r\n{HARM};",
    f"\u2028; {HARM}; --",
    f"\ufeff'; {HARM}; --",
    f"\u0001'; {HARM}; --",
    f"\u202e'; {HARM}; --",
    f"\x7f'; {HARM}; --",
    "a" * 64,
    "a" * 5000,
    "é" * 40,
    "[" * 3000,
    '{"a":' * 2000,
    "(" * 3000,
    "SELECT " + "(" * 500 + "1" + ")" * 500 + " AS age",
]

WAYS_OUT = _WAYS_OUT.strip("\n").split("\n")
"""The payloads that try to leave a string, a name, parentheses, a comment or a dollar quote."""

PAYLOADS = list(
    dict.fromkeys(
        [
            *(
                line
                for text in (_WAYS_OUT, _STATEMENTS, _NAMES, _JSON, _TIMES)
                for line in text.strip("\n").split("\n")
            ),
            *_UNPRINTABLE,
        ]
    )
)
"""Each is given to every text argument of every routine."""

NAMES = [
    'quote"',
    '"quoted"',
    '"; DROP TABLE public.canary; --',
    "'; DROP TABLE public.canary; --",
    "it's",
    "''",
    "back\\slash",
    "\\'; DROP TABLE public.canary; --",
    "\\",
    "$$",
    "$sqlml$",
    "$sqlml0$; DROP TABLE public.canary; $sqlml0$",
    "$1",
    "$model",
    "$relation",
    "%s",
    "%I%L%%",
    "{0}",
    "{{ x }}",
    "semi;colon",
    "com,ma",
    "a.b",
    "sqlml.model",
    "--",
    "/*",
    "*/",
    "new\nline",
    "tab\there",
    "\u2028",
    "\u202e",
    "ﬁ",
    "é",
    "ı",
    "＇",
    "😀",
    "a" * 63,
    "ü" * 31,
    "1",
    " ",
    " leading",
    "trailing ",
    "select",
    "user",
    "NULL",
    "features",
    "document",
    "raw",
    "image",
    "named",
    "v1",
    "x",
    "r",
    "p",
    "q",
    "relation",
    "key_value",
    "event_time",
    "features_json",
    "prediction",
    "label",
    "version",
    "model",
    "run_id",
    "key",
    "value",
    "n",
    "row",
    "record",
    "ctid_",
    "c0",
    "f0",
]
"""Names of columns, tables, categories and classes, each of which the server itself allows."""
