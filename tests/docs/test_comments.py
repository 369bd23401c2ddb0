"""What tables say of themselves, to whoever reads them without sqlml, is so."""

COMMENT = "SELECT comment FROM duckdb_columns() WHERE table_name = '{}' AND column_name = 'prediction'"
OF_MANY = "of the predicted class where there are more than two"


def test_the_prediction_of_a_model_of_many_classes_is_what_its_comment_says(con):
    con.execute("CREATE TABLE t AS SELECT i AS id, i % 9 AS x, 'c' || (i % 9 // 3) AS y FROM range(300) AS g(i)")
    con.execute("CALL sqlml.train('m', 't', 'y', key_column => 'id', deploy => 'always')")
    con.execute("CALL sqlml.score('m', 't', 'scored', key_column => 'id')")
    differing = """
        SELECT count(*) FROM scored AS s JOIN t USING (id)
        WHERE s.prediction IS DISTINCT FROM CAST(predict_proba('m', t) ->> s.label AS DOUBLE)
    """
    assert con.execute(differing).fetchone() == (0,)
    kept = con.execute("SELECT count(*), count(prediction) FROM sqlml.reference_row").fetchone()
    assert kept[0] == kept[1] > 0
    for table in ("scored", "reference_row"):
        ((comment,),) = con.execute(COMMENT.format(table)).fetchall()
        assert OF_MANY in comment, table
