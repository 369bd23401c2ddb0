"""PostgreSQL: ``client`` over psycopg, ``confined`` for callers who are not trusted, ``plpython`` inside the server."""
