-- Which version each alias of a model named at a point in time (UTC).
CREATE OR REPLACE MACRO sqlml.live_at(model, "at") AS TABLE
SELECT alias, version, role, traffic, valid_from, valid_to
FROM sqlml.deployment AS history(of_model)
WHERE of_model = model AND valid_from <= "at" AND (valid_to IS NULL OR valid_to > "at")
ORDER BY alias;
