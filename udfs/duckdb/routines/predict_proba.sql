-- A JSON object from class to probability.
-- The version is looked up once per statement; the rows are scored by a function that sqlml.connect() brings.
CREATE OR REPLACE MACRO sqlml.predict_proba(model, features) AS
  sqlml_connect_required_predict_proba(
    model,
    (SELECT addressed_version FROM sqlml.address WHERE address = model),
    features
  )::JSON;
CREATE OR REPLACE MACRO main.predict_proba(model, features) AS sqlml.predict_proba(model, features);
