-- The version that an address names right now; an error where it names none.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE FUNCTION sqlml.addressed(address text, OUT model text, OUT version integer)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  SELECT named.addressed_model, named.addressed_version INTO model, version
  FROM sqlml.address AS named WHERE named.address = addressed.address;
  IF NOT FOUND THEN
    PERFORM sqlml.unknown_address(addressed.address);
  END IF;
END
$$;
GRANT EXECUTE ON FUNCTION sqlml.addressed TO sqlml_caller;

RESET ROLE;
RESET search_path;
