"""The tree of errors. Every message says what was asked, what is wrong, and what to do.

Each class carries a ``code`` of class ``ML``: the SQLSTATE under which PostgreSQL raises it, and the
first word of the message in DuckDB.
"""

from __future__ import annotations


class SqlmlError(Exception):
    """Something that sqlml refuses to do, or could not do; nothing was changed."""

    code = "ML000"

    def __str__(self) -> str:
        return f"{self.code} {super().__str__()}"

    @property
    def message(self) -> str:
        """The text without its code."""
        return super().__str__()


class InvalidArgument(SqlmlError):
    """An argument of a call is not one of those that the call takes."""

    code = "ML001"


class InvalidName(InvalidArgument):
    """A name of a model or an alias breaks the rule ``[a-z][a-z0-9_]{0,47}``."""

    code = "ML002"


class InvalidRelation(InvalidArgument):
    """A relation is neither the name of a table or view nor one SELECT."""

    code = "ML003"


class InvalidHyperparameter(InvalidArgument):
    """A hyperparameter, search space or preprocessing step is unknown or has a wrong value."""

    code = "ML004"


class ModelNotFound(SqlmlError):
    """No model, version or alias has this name."""

    code = "ML010"


class FeatureMismatch(SqlmlError):
    """A row does not have the columns, or not the types, that the model was trained on."""

    code = "ML020"


class InvalidData(SqlmlError):
    """The rows cannot be used: too few, a target with NULLs or one class, a NULL key, and the like."""

    code = "ML021"


class InvalidSpec(SqlmlError):
    """A stored or imported model is damaged, or uses something that a spec cannot express."""

    code = "ML030"


class ParityError(SqlmlError):
    """The compiled SQL of a version and its kernel do not give the same score."""

    code = "ML031"


class DeploymentError(SqlmlError):
    """A version cannot go live, or there is nothing to roll back to."""

    code = "ML040"


class TransactionError(SqlmlError):
    """A call was made in a transaction where it cannot be: one that is open, or does not see what others commit."""

    code = "ML050"


class EngineError(SqlmlError):
    """The database refused a statement of ours; the driver's own message follows."""

    code = "ML060"


class DatabaseLocked(EngineError):
    """The database file is held by another process, or another job writes the same rows."""

    code = "ML061"


class InvalidValue(EngineError):
    """A value, or the type of a column, does not allow what a statement does with it."""

    code = "ML062"


class PermissionDenied(EngineError):
    """A role lacks a right that a statement takes."""

    code = "ML063"


class InstallError(SqlmlError):
    """The database has no sqlml, an older one, or one that differs from its files."""

    code = "ML070"


class JobError(SqlmlError):
    """A job for the worker cannot be done: none is running, it may not act for who asked, or it died of it."""

    code = "ML080"


ERRORS: dict[str, type[SqlmlError]] = {
    error.code: error
    for error in (
        SqlmlError,
        InvalidArgument,
        InvalidName,
        InvalidRelation,
        InvalidHyperparameter,
        ModelNotFound,
        FeatureMismatch,
        InvalidData,
        InvalidSpec,
        ParityError,
        DeploymentError,
        TransactionError,
        EngineError,
        DatabaseLocked,
        InvalidValue,
        PermissionDenied,
        InstallError,
        JobError,
    )
}
"""Every error by its code."""
