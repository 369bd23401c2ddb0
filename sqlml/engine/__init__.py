"""The only place that imports a driver: run SQL, rows out as Arrow, Arrow in, one transaction."""

from sqlml.engine.protocol import GONE, CatalogEntry, Engine, Parameters, Part, Parts, Relation, Session

__all__ = ["GONE", "CatalogEntry", "Engine", "Parameters", "Part", "Parts", "Relation", "Session"]
