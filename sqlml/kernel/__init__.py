"""Scoring over arrays: Arrow columns to features, features to raw scores, bit for bit what the compiled SQL gives."""

from sqlml.kernel.arrow_types import UNSUPPORTED, logical_type, remedy, sql_name
from sqlml.kernel.encode import encode, locate, unseen
from sqlml.kernel.links import labels, probabilities
from sqlml.kernel.scorer import Scorer, scorer

__all__ = [
    "UNSUPPORTED",
    "Scorer",
    "encode",
    "labels",
    "locate",
    "logical_type",
    "probabilities",
    "remedy",
    "scorer",
    "sql_name",
    "unseen",
]
