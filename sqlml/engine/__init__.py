"""The only place that imports a driver: run SQL, rows out as Arrow, Arrow in, one transaction."""

from sqlml.engine.protocol import CatalogEntry, Engine, Parameters, Relation, Session

__all__ = ["CatalogEntry", "Engine", "Parameters", "Relation", "Session"]
