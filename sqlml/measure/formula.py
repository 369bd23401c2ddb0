"""Formulas over trees, and relations that are read: what the longer queries of this package are written with."""

from __future__ import annotations

from functools import cache

from sqlglot import exp

from sqlml.measure.subset import Columns, expression


def formula(text: str, **operands: exp.Expr) -> exp.Expr:
    """The expression of a constant text in which each column named in ``operands`` is replaced by its tree.

    >>> formula("LN(x) / y", x=expression("a + b"), y=expression("c - d")).sql()
    'LN(a + b) / (c - d)'
    """

    def replaced(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Column) and not node.table and node.name in operands:
            tree = operands[node.name].copy()
            compound = isinstance(tree, (exp.Binary, exp.Neg, exp.Not, exp.Between, exp.In))
            return exp.Paren(this=tree) if compound and isinstance(node.parent, exp.Expr) and not _alone(node) else tree
        return node

    return _parsed(text).copy().transform(replaced)


def _alone(node: exp.Expr) -> bool:
    """Whether a column is the whole argument of a function, where no operator stands beside it."""
    return isinstance(node.parent, (exp.Func, exp.Paren)) and not isinstance(node.parent, exp.Binary)


@cache
def _parsed(text: str) -> exp.Expr:
    return expression(text)


def source(relation: exp.Table | exp.Query) -> exp.Table | exp.Subquery:
    """What a FROM reads: a copy of a table, or a query in parentheses.

    >>> source(exp.select("a").from_("t")).sql()
    '(SELECT a FROM t) AS source'
    """
    return relation.copy() if isinstance(relation, exp.Table) else relation.subquery("source")


def name(column: str) -> exp.Column:
    """A column of a caller's relation, quoted.

    >>> name("Order").sql()
    '"Order"'
    """
    return exp.column(column, quoted=True)


def by_bytes(text: exp.Expr) -> exp.Expr:
    """A text that is compared and ordered by its bytes, whatever the locale of the database or the collation.

    >>> by_bytes(name("Order")).sql()
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
    case = exp.case()
    for text, value in values.items():
        case = case.when(exp.EQ(this=of.copy(), expression=exp.Literal.string(text)), value)
    return case


def computed_once(query: exp.Query) -> exp.Query:
    """``query``, changed so that each of its CTEs is computed once, whoever reads it how often.

    PostgreSQL expects a single row of most steps that aggregate, and then plans to compute the inner side of a join
    again for every row of the outer one: hours instead of a second where many windows are compared.
    """
    for step in query.ctes:
        step.set("materialized", True)
    return query
