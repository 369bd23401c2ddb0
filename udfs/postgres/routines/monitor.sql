-- Profile, drift and realised performance of a model's predictions in a window, and the alerts that follow.
-- A window is given as DATE, TIMESTAMP, TIMESTAMPTZ or text: anycompatible takes them all and hands them on as they are.
SET search_path = pg_catalog;
SET ROLE sqlml_owner;

CREATE OR REPLACE PROCEDURE sqlml.monitor(
  model text, window_start anycompatible DEFAULT NULL, window_end anycompatible DEFAULT NULL,
  slices text DEFAULT NULL, INOUT run_id text DEFAULT NULL, INOUT metrics bigint DEFAULT NULL,
  INOUT alerts bigint DEFAULT NULL, INOUT predictions bigint DEFAULT NULL,
  INOUT monitored_from timestamp DEFAULT NULL, INOUT monitored_to timestamp DEFAULT NULL,
  INOUT note text DEFAULT NULL, wait boolean DEFAULT true
) LANGUAGE plpgsql AS $$
DECLARE
  answer jsonb;
BEGIN
  IF pg_catalog.num_nonnulls(run_id, metrics, alerts, predictions, monitored_from, monitored_to, note) > 0 THEN
    RAISE EXCEPTION USING ERRCODE = 'ML001', MESSAGE =
      'sqlml.monitor gives run_id, metrics, alerts, predictions, monitored_from, monitored_to, note back and does not take them';
  END IF;
  CALL sqlml.run_verb('monitor', pg_catalog.jsonb_build_object(
    'model', model, 'window_start', window_start, 'window_end', window_end, 'slices', slices
  ), 'auto', answer, wait);
  SELECT given.* INTO run_id, metrics, alerts, predictions, monitored_from, monitored_to, note
  FROM pg_catalog.jsonb_to_record(answer) AS given(
    run_id text, metrics bigint, alerts bigint, predictions bigint, monitored_from timestamp,
    monitored_to timestamp, note text
  );
END
$$;
GRANT EXECUTE ON PROCEDURE sqlml.monitor TO sqlml_trainer;

RESET ROLE;
RESET search_path;
