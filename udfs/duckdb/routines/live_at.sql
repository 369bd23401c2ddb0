-- Which version each alias of a model named at a point in time (UTC); an error for a model that there is not.
CREATE OR REPLACE MACRO sqlml.live_at(model, "at") AS TABLE
SELECT alias, version, role, traffic, valid_from, valid_to
FROM sqlml.deployment AS history(of_model)
WHERE of_model = model AND valid_from <= "at" AND (valid_to IS NULL OR valid_to > "at")
UNION ALL
SELECT error('ML010 there is no model ''' || model || '''; ' || coalesce('known are: ' || names, 'there are none')),
       NULL, NULL, NULL, NULL, NULL
FROM (
  SELECT string_agg(known_model, ', ' ORDER BY known_model) AS names, coalesce(bool_or(known_model = model), false) AS known
  FROM sqlml.model AS listed(known_model)
)
WHERE NOT known
ORDER BY alias;
