-- The value of a regression, or the probability of the positive class of a binary model.
-- The version is looked up once per statement; the rows are scored by a function that sqlml.connect() brings.
CREATE OR REPLACE MACRO sqlml.predict(model, features) AS
  sqlml_connect_required_predict(
    model,
    (SELECT addressed_version FROM sqlml.address WHERE address = model),
    features
  );
CREATE OR REPLACE MACRO main.predict(model, features) AS sqlml.predict(model, features);
