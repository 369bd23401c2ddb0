-- What a type is to a model: its kind (one of the types of a signature, or unsupported), its name in our messages, and
-- the type below its domains.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE FUNCTION sqlml.type_facts(type oid, modifier integer, OUT kind text, OUT words text, OUT base oid)
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  known pg_type%ROWTYPE;
BEGIN
  base := type;
  LOOP
    SELECT * INTO known FROM pg_type WHERE oid = base;
    EXIT WHEN known.typtype IS DISTINCT FROM 'd';
    base := known.typbasetype;
    modifier := known.typtypmod;
  END LOOP;
  kind := CASE
    WHEN base = 'boolean'::regtype THEN 'boolean'
    WHEN base IN ('smallint'::regtype, 'integer'::regtype, 'bigint'::regtype) THEN 'integer'
    WHEN base IN ('real'::regtype, 'double precision'::regtype, 'numeric'::regtype) THEN 'number'
    WHEN base = 'date'::regtype THEN 'date'
    WHEN base = 'timestamp'::regtype THEN 'timestamp'
    WHEN known.typcategory = 'S' OR known.typtype = 'e' THEN 'text'
    ELSE 'unsupported'
  END;
  words := CASE
    WHEN kind = 'text' THEN 'VARCHAR'
    WHEN base = 'timestamp'::regtype THEN 'TIMESTAMP'
    WHEN base IN ('time'::regtype, 'timetz'::regtype) THEN 'TIME'
    WHEN base = 'bytea'::regtype THEN 'BLOB'
    WHEN base = 'numeric'::regtype THEN replace(upper(format_type(base, modifier) COLLATE "C"), 'NUMERIC', 'DECIMAL')
    WHEN known.typcategory = 'A' THEN (sqlml.type_facts(known.typelem, modifier)).words || '[]'
    WHEN known.typtype = 'c' OR base = 'record'::regtype THEN 'STRUCT'
    ELSE upper(format_type(base, modifier) COLLATE "C")
  END;
END
$$;
GRANT EXECUTE ON FUNCTION sqlml.type_facts TO sqlml_caller;

RESET ROLE;
RESET search_path;
