-- Mean score and actual rate in ten bins of the score.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE FUNCTION sqlml.calibration(model text, relation text) RETURNS TABLE (
  bin integer, score_low double precision, score_high double precision, n bigint, mean_score double precision, rate double precision
) LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY SELECT given.* FROM pg_catalog.jsonb_to_recordset(
    sqlml.read_verb('calibration', pg_catalog.jsonb_build_object('model', calibration.model, 'relation', calibration.relation))
  ) AS given(
    bin integer, score_low double precision, score_high double precision, n bigint, mean_score double precision, rate double precision
  );
END
$$;
GRANT EXECUTE ON FUNCTION sqlml.calibration TO sqlml_reader;

RESET ROLE;
RESET search_path;
