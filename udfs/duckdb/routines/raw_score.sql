-- The score before the link function, as a list with one entry per output.
-- The version is looked up once per statement; the rows are scored by a function that sqlml.connect() brings.
CREATE OR REPLACE MACRO sqlml.raw_score(model, features) AS
  sqlml_connect_required_raw_score(
    model,
    (SELECT addressed_version FROM sqlml.address WHERE address = model),
    features
  );
CREATE OR REPLACE MACRO main.raw_score(model, features) AS sqlml.raw_score(model, features);
