-- Which version each alias of a model named at a point in time (UTC); an error for a model that there is not.
-- The time is a TIMESTAMP, a DATE, a TIMESTAMPTZ, whose zone counts, or a text.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE FUNCTION sqlml.live_at(model text, at anycompatible) RETURNS TABLE (
  alias text, version integer, role text, traffic double precision, valid_from timestamp, valid_to timestamp
) LANGUAGE plpgsql STABLE AS $$
DECLARE
  -- In JSON a time has the same form under every setting of the session.
  written CONSTANT text := pg_catalog.to_jsonb(at) #>> '{}';
  moment CONSTANT timestamp := CASE
    WHEN pg_catalog.pg_typeof(at) = 'timestamptz'::regtype THEN written::timestamptz AT TIME ZONE 'UTC'
    ELSE written::timestamp
  END;
  known text;
BEGIN
  IF NOT EXISTS (SELECT FROM sqlml.model AS listed WHERE listed.model = live_at.model) THEN
    SELECT pg_catalog.string_agg(listed.model, ', ' ORDER BY listed.model COLLATE "C") INTO known
    FROM sqlml.model AS listed;
    RAISE EXCEPTION USING ERRCODE = 'ML010', MESSAGE = pg_catalog.format(
      'there is no model ''%s''; %s', model, coalesce('known are: ' || known, 'there are none')
    );
  END IF;
  RETURN QUERY
  SELECT history.alias, history.version, history.role, history.traffic, history.valid_from, history.valid_to
  FROM sqlml.deployment AS history
  WHERE history.model = live_at.model
    AND history.valid_from <= moment AND (history.valid_to IS NULL OR history.valid_to > moment)
  ORDER BY history.alias COLLATE "C";
END
$$;
GRANT EXECUTE ON FUNCTION sqlml.live_at TO sqlml_reader;

RESET ROLE;
RESET search_path;
