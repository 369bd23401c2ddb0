"""A whole model as one SELECT for any dialect: what ``sqlml.to_sql`` returns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import zip_longest

from sqlglot import exp

from sqlml.compile.columns import FEATURES, check_columns, features_read, free_prefix
from sqlml.compile.dialect import Dialect, dialect_named
from sqlml.compile.feature import feature_value
from sqlml.compile.link import Step, greatest_of, linked
from sqlml.compile.literal import double, identifier, text
from sqlml.compile.nested import ordered_sum, raw_addends
from sqlml.spec import Feature, Model

ADDENDS = 200
"""How many addends one expression holds: engines limit how deep an expression may be."""


ROW_SOURCE = "sqlml_source"
"""What the relation is called where it is named as a whole: a name that no column of it has."""


def select_sql(model: Model, dialect: str) -> str:
    """One SELECT that scores the relation ``features`` in a dialect, with nothing installed.

    It gives every column of ``features`` and then: for a regression ``prediction``, the value; for a binary model
    ``prediction``, the probability of ``classes[1]``, and ``label``; for a multiclass model one column
    ``probability_<class>`` per class, and ``label``. To score another relation, or fewer rows of it, define
    ``features`` before it: ``WITH features AS (SELECT ... WHERE ...) SELECT ...``; a condition behind it may come too
    late to save work. PostgreSQL fails with 22003 where a scaled or weighted number leaves the doubles.

    Raises
    ------
    InvalidArgument
        The dialect is unknown, or cannot tell two columns of the model apart.

    Examples
    --------
    >>> from sqlml.spec import Constant
    >>> select_sql(Model("regression", (), (), Constant((1.5,)), "identity"), "duckdb")
    "SELECT * EXCLUDE (sqlml_raw_0), sqlml_raw_0 AS prediction FROM (SELECT *, CAST('1.5' AS DOUBLE) AS sqlml_raw_0 \
FROM features) AS sqlml_0"
    """
    known = dialect_named(dialect)
    check_columns(model, known)
    steps, outputs = _steps(model, known)
    statement = STAGINGS[known.staging](steps, _output_columns(model, outputs, known), known)
    return statement.sql(dialect=known.name)


def _steps(model: Model, dialect: Dialect) -> tuple[tuple[Step, ...], tuple[str, ...]]:
    """Everything between the columns and the outputs, and the names of the outputs."""
    prefix = free_prefix(model)
    names = {index: f"{prefix}feature_{index}" for index in features_read(model)}
    values = {name: _value(model.features[index], dialect) for index, name in names.items()}
    references = [exp.column(names.get(index, "")) for index in range(len(model.features))]
    sums, raw = _sums(raw_addends(model.estimator, references, dialect), prefix)
    link = linked(model.link, raw, prefix, dialect)
    return (*([values] if values else []), *sums, *link.steps), link.outputs


def _value(feature: Feature, dialect: Dialect) -> exp.Expr:
    """The value of a feature over the relation."""
    relation = ROW_SOURCE if dialect.staging == "row" else FEATURES
    column = exp.Column(this=identifier(feature.column, dialect), table=exp.to_identifier(relation))
    return feature_value(feature, column, dialect)


def _sums(outputs: Sequence[tuple[exp.Expr, ...]], prefix: str) -> tuple[tuple[Step, ...], tuple[str, ...]]:
    """The raw scores, added up over as many steps as the depth of expressions asks for, and their names."""
    steps: list[Step] = []
    raw: list[str] = []
    for start in range(0, max(map(len, outputs)), ADDENDS):
        names = [f"{prefix}raw_{index}" + (f"_{len(steps)}" if steps else "") for index in range(len(outputs))]
        before = [exp.column(name) for name in raw]
        steps.append(
            {
                name: ordered_sum([*([total] if total is not None else []), *addends[start : start + ADDENDS]])
                for name, addends, total in zip_longest(names, outputs, before)
            }
        )
        raw = names
    return tuple(steps), tuple(raw)


def _output_columns(model: Model, outputs: Sequence[str], dialect: Dialect) -> list[exp.Expr]:
    """The columns that the statement adds to those of the relation."""
    values = [exp.column(name) for name in outputs]
    if model.task == "regression":
        return [exp.alias_(values[0], "prediction")]
    if model.task == "binary":
        return [
            exp.alias_(values[0].copy(), "prediction"),
            exp.alias_(binary_label(model, values[0], dialect), "label"),
        ]
    shares = [
        exp.alias_(value.copy(), f"probability_{label}", quoted=True)
        for value, label in zip(values, model.classes, strict=True)
    ]
    return [*shares, exp.alias_(_multiclass_label(model, values, dialect), "label")]


def binary_label(model: Model, probability: exp.Expr, dialect: Dialect) -> exp.Expr:
    """``classes[1]`` where its probability is above one half, else ``classes[0]``, as of a NaN."""
    above: exp.Expr = exp.GT(this=probability.copy(), expression=double(0.5, dialect))
    if dialect.nan == "equals":
        above = above.and_(exp.NEQ(this=probability.copy(), expression=double(float("nan"), dialect)))
    negative, positive = (text(label, dialect) for label in model.classes)
    return exp.Case(ifs=[exp.If(this=above, true=positive)], default=negative)


def _multiclass_label(model: Model, values: Sequence[exp.Expr], dialect: Dialect) -> exp.Expr:
    """The first class whose probability is the greatest."""
    ifs = [
        exp.If(this=value.copy(), true=text(label, dialect)) for value, label in zip(values, model.classes, strict=True)
    ]
    return exp.Case(this=greatest_of(values, dialect), ifs=ifs)


def _nested(steps: Sequence[Step], outputs: list[exp.Expr], dialect: Dialect) -> exp.Select:
    """Subqueries inside each other, each with every column so far; the last leaves the names in between out."""
    source: exp.Expr = exp.to_table(FEATURES)
    for depth, step in enumerate(steps):
        inner = _select([exp.Star(), *_aliases(step)], source)
        source = inner.subquery(f"sqlml_{depth}", copy=False)
    between = [name.this for name in _names_of(steps)]
    return _select([exp.Star(except_=between), *outputs], source)


def _lateral(steps: Sequence[Step], outputs: list[exp.Expr], dialect: Dialect) -> exp.Select:
    """Each step a subquery joined to the row."""
    statement = _select([_every_column(), *outputs], exp.to_table(FEATURES))
    for depth, step in enumerate(steps):
        inner = _select(_aliases(step), exp.to_table("DUAL") if dialect.name == "oracle" else None)
        alias = None if dialect.name == "oracle" else exp.TableAlias(this=exp.to_identifier(f"sqlml_{depth}"))
        lateral = exp.Lateral(this=exp.Subquery(this=inner), alias=alias)
        if dialect.name == "tsql":
            lateral.set("cross_apply", True)
        statement = statement.join(lateral, join_type="" if dialect.name == "tsql" else "cross", copy=False)
    return statement


def _row(steps: Sequence[Step], outputs: list[exp.Expr], dialect: Dialect) -> exp.Select:
    """Subqueries inside each other, through which the row goes as one value.

    PostgreSQL would merge a subquery into the one above and compute a value at each use; OFFSET 0 keeps it apart.
    It cannot leave names out of ``*``, and its planner fails on thousands of references to a lateral join.
    """
    source: exp.Expr = exp.alias_(exp.to_table(FEATURES), ROW_SOURCE, table=True)
    row = exp.column("sqlml_row")
    for depth, step in enumerate(steps):
        kept = row.copy() if depth else exp.alias_(exp.column(ROW_SOURCE), "sqlml_row")
        inner = _select([kept, *_names_of(steps[:depth]), *_aliases(step)], source).offset(0, copy=False)
        source = inner.subquery(f"sqlml_{depth}", copy=False)
    whole = exp.Dot(this=exp.Paren(this=row), expression=exp.Star())
    return _select([whole, *outputs], source)


def _scalar(steps: Sequence[Step], outputs: list[exp.Expr], dialect: Dialect) -> exp.Select:
    """A chain of subqueries for each output column, for an engine that has neither of the others."""
    source: exp.Expr | None = None
    for depth, step in enumerate(steps):
        source = _select([*_names_of(steps[:depth]), *_aliases(step)], source).subquery(copy=False)
    chained = [
        exp.Alias(this=_select([output.this], source and source.copy()).subquery(), alias=output.args["alias"])
        for output in outputs
    ]
    return _select([_every_column(), *chained], exp.to_table(FEATURES))


STAGINGS: dict[str, Callable[[Sequence[Step], list[exp.Expr], Dialect], exp.Select]] = {
    "nested": _nested,
    "lateral": _lateral,
    "row": _row,
    "scalar": _scalar,
}
"""How steps become one SELECT, by ``Dialect.staging``."""


def _names_of(steps: Sequence[Step]) -> list[exp.Column]:
    """The names that steps define, as columns."""
    return [exp.column(name) for step in steps for name in step]


def _aliases(step: Step) -> list[exp.Expr]:
    return [exp.Alias(this=expression, alias=exp.to_identifier(name)) for name, expression in step.items()]


def _every_column() -> exp.Expr:
    """``features.*``."""
    return exp.Column(this=exp.Star(), table=exp.to_identifier(FEATURES))


def _select(expressions: Sequence[exp.Expr], source: exp.Expr | None) -> exp.Select:
    """A SELECT of these very trees; sqlglot's own function copies them, and they can be large."""
    statement = exp.Select(expressions=list(expressions))
    return statement if source is None else statement.from_(source, copy=False)
