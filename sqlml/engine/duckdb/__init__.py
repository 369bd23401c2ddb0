"""DuckDB: ``connection`` is what a user holds, ``engine`` what sqlml works with."""
