-- The class, in the words of the training data.
-- The version is looked up once per statement; the rows are scored by a function that sqlml.connect() brings.
CREATE OR REPLACE MACRO sqlml.predict_label(model, features) AS
  sqlml_connect_required_predict_label(
    model,
    (SELECT addressed_version FROM sqlml.address WHERE address = model),
    features
  );
CREATE OR REPLACE MACRO main.predict_label(model, features) AS sqlml.predict_label(model, features);
