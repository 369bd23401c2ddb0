"""What a fitted model is: frozen dataclasses that go to JSON and back, strictly validated.

The canonical JSON of a :class:`Model` is the stored artifact, and its hash is the model's identity.
Nothing here knows a library, a database or a file.
"""

from sqlml.spec.estimator import CategoryTerm, Constant, Estimator, Linear, NumericTerm, Tree, Trees
from sqlml.spec.feature import DATE_PARTS, TIMESTAMP_PARTS, Feature
from sqlml.spec.model import LINKS, TASKS, Model, artifact_hash, from_json, to_json
from sqlml.spec.signature import COLUMN_TYPES, Column

__all__ = [
    "COLUMN_TYPES",
    "DATE_PARTS",
    "LINKS",
    "TASKS",
    "TIMESTAMP_PARTS",
    "CategoryTerm",
    "Column",
    "Constant",
    "Estimator",
    "Feature",
    "Linear",
    "Model",
    "NumericTerm",
    "Tree",
    "Trees",
    "artifact_hash",
    "from_json",
    "to_json",
]
