"""Formulas over trees, and relations that are read: what the longer queries of this package are written with."""

from __future__ import annotations

from sqlglot import exp

from sqlml.measure.subset import Columns, case, expression, unshared


def formula(text: str, **operands: exp.Expr) -> exp.Expr:
    """The expression of a constant text in which each column named in ``operands`` is replaced by its tree.

    >>> formula("LN(x) / y", x=expression("a + b"), y=expression("c - d")).sql()
    'LN(a + b) / (c - d)'
    """
    tree = expression(text)
    for column in list(tree.find_all(exp.Column)):
        if not column.table and column.name in operands:
            operand = _operand(operands[column.name], column)
            tree = operand if column is tree else tree
            column.replace(operand)
    return tree


def _operand(tree: exp.Expr, place: exp.Expr) -> exp.Expr:
    """A tree as it stands where a column has stood."""
    operand = unshared(tree)
    compound = isinstance(operand, (exp.Binary, exp.Neg, exp.Not, exp.Between, exp.In))
    return exp.Paren(this=operand) if compound and isinstance(place.parent, exp.Expr) and not _alone(place) else operand


def _alone(node: exp.Expr) -> bool:
    """Whether a column is the whole argument of a function, where no operator stands beside it."""
    return isinstance(node.parent, (exp.Func, exp.Paren)) and not isinstance(node.parent, exp.Binary)


def source(relation: exp.Table | exp.Query) -> exp.Table | exp.Subquery:
    """What a FROM reads: a copy of a table, or a query in parentheses.

    >>> source(exp.select("a").from_("t")).sql()
    '(SELECT a FROM t) AS source'
    """
    return relation.copy() if isinstance(relation, exp.Table) else relation.subquery("source")


def quoted(column: str, table: str | None = None) -> exp.Column:
    """A column of a caller's relation, by its exact name.

    >>> quoted("Order", "t").sql()
    't."Order"'
    """
    return exp.column(exp.to_identifier(column, quoted=True), table)


def by_bytes(text: exp.Expr) -> exp.Expr:
    """A text that is compared and ordered by its bytes, whatever the locale of the database or the collation.

    >>> by_bytes(quoted("Order")).sql()
    '"Order" COLLATE "C"'
    """
    return exp.Collate(this=text, expression=exp.to_identifier("C", quoted=True))


def of(table: str, *names: str) -> Columns:
    """Columns of one of several relations, under their own names.

    >>> of("t", "a")["a"].sql()
    't.a'
    """
    return {each: exp.column(each, table=table) for each in names}


def alike(left: str, right: str, *names: str) -> exp.Expr:
    """Whether these columns of two relations are equal.

    >>> alike("t", "u", "a", "b").sql()
    't.a = u.a AND t.b = u.b'
    """
    pairs = [(exp.column(each, table=left), exp.column(each, table=right)) for each in names]
    return exp.and_(*(exp.EQ(this=here, expression=there) for here, there in pairs))


def text_case(values: dict[str, exp.Expr], of: exp.Expr) -> exp.Expr:
    """The value that belongs to the text ``of``, NULL where it is none of ``values``."""
    return case(
        *((exp.EQ(this=of.copy(), expression=exp.Literal.string(text)), value) for text, value in values.items())
    )


def computed_once(query: exp.Query) -> exp.Query:
    """``query``, changed so that each of its CTEs is computed once, whoever reads it how often.

    PostgreSQL expects a single row of most steps that aggregate, and of a table of wide rows that it has not analyzed.
    It then plans to compute the inner side of a join again for every row of the outer one: hours instead of a second
    where many windows are compared, half a minute for 50 of 900 columns of 300 rows.
    """
    for step in query.ctes:
        step.set("materialized", True)
    return query
