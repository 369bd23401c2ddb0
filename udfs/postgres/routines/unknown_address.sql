-- Raise the error for an address that names nothing, with what could have been meant.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE FUNCTION sqlml.unknown_address(address text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  name CONSTANT text := split_part(address, '@', 1);
  rest CONSTANT text := substr(address, length(name) + 2);
  names CONSTANT text[] := ARRAY(SELECT model FROM sqlml.model ORDER BY model COLLATE "C");
  versions CONSTANT text := (SELECT string_agg(version::text, ', ' ORDER BY version) FROM sqlml.model_version WHERE model = name);
  aliases CONSTANT text := (
    SELECT string_agg(alias, ', ' ORDER BY alias COLLATE "C") FROM sqlml.deployment WHERE model = name AND valid_to IS NULL
  );
BEGIN
  IF address IS NULL OR name !~ '^[a-z][a-z0-9_]{0,47}$' OR address = name || '@' THEN
    RAISE EXCEPTION USING ERRCODE = 'ML002', MESSAGE = format(
      '%s is not the name of a model: write ''model'', ''model@alias'' or ''model@version''',
      coalesce(sqlml.in_quotes(address), 'NULL')
    );
  ELSIF NOT name = ANY (names) THEN
    RAISE EXCEPTION USING ERRCODE = 'ML010', MESSAGE = format(
      'there is no model ''%1$s''; %2$s. CALL sqlml.train(model => ''%1$s'', ...) makes one',
      name, sqlml.unknown_name(name, names)
    );
  ELSIF rest = '' THEN
    RAISE EXCEPTION USING ERRCODE = 'ML010', MESSAGE = format(
      'model ''%1$s'' is not live: no version is deployed. Versions are %2$s: CALL sqlml.deploy(''%1$s'', <version>), '
      'or ask %1$s@<version>', name, versions
    );
  END IF;
  RAISE EXCEPTION USING ERRCODE = 'ML010', MESSAGE = format(
    'model ''%s'' has no version or alias %s; versions are %s, aliases are %s',
    name, sqlml.in_quotes(rest), versions, coalesce(aliases, 'none')
  );
END
$$;
GRANT EXECUTE ON FUNCTION sqlml.unknown_address TO sqlml_caller;

RESET ROLE;
RESET search_path;
