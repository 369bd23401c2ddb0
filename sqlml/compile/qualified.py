"""PostgreSQL expressions in which every operator, function and type is that of ``pg_catalog``.

A function runs with its caller's search path and settings. Written so, neither can change what an expression means:
no operator is looked up by name, and no text constant depends on ``standard_conforming_strings``.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

SYSTEM = "pg_catalog"

_OPERATORS: dict[type, str] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
    exp.Add: "+",
    exp.Sub: "-",
    exp.Mul: "*",
    exp.Div: "/",
    exp.DPipe: "||",
}

_NAMED_TYPES = {exp.DataType.Type.TEXT: "text", exp.DataType.Type.DATE: "date", exp.DataType.Type.JSONB: "jsonb"}
"""Types whose name is no keyword of the grammar, so that it would be looked up."""


def operator(left: exp.Expr, symbol: str, right: exp.Expr) -> exp.Expr:
    """``left OPERATOR(pg_catalog.symbol) right``, to be put in parentheses where it is an operand."""
    return exp.Operator(this=left, operator=f"{SYSTEM}.{symbol}", expression=right)


def call(function: str, *arguments: exp.Expr, schema: str = SYSTEM) -> exp.Expr:
    """``schema.function(arguments)``."""
    name = exp.to_identifier(function, quoted=not function.isidentifier())
    return exp.Dot(this=exp.to_identifier(schema), expression=exp.Anonymous(this=name, expressions=list(arguments)))


def system_cast(value: exp.Expr, type_name: str) -> exp.Expr:
    """A cast to a type of ``pg_catalog``."""
    return exp.Cast(this=value, to=exp.DataType.build(f"{SYSTEM}.{type_name}", udt=True))


def any_of(value: exp.Expr, values: list[exp.Expr]) -> exp.Expr:
    """Whether the value equals one of some constants."""
    return operator(value, "=", exp.Any(this=exp.Paren(this=exp.Array(expressions=values))))


def qualified(expression: exp.Expr) -> exp.Expr:
    """The expression with its operators, functions and types named by schema; it is changed in place.

    >>> qualified(exp.column("a") * exp.Abs(this=exp.column("b"))).sql("postgres")
    '(a OPERATOR(pg_catalog.*) pg_catalog.abs(b))'
    """
    root = exp.Paren(this=expression)
    for node in reversed(list(expression.dfs())):
        replaced = _replacement(node)
        if replaced is not node:
            node.replace(replaced)
    inner: exp.Expr = root.this
    inner.parent = None
    return inner


def _replacement(node: exp.Expr) -> exp.Expr:
    symbol = _OPERATORS.get(type(node))
    if symbol is not None:
        return exp.Paren(this=operator(node.this, symbol, node.expression))
    rewrite = _REWRITES.get(type(node))
    return node if rewrite is None else rewrite(node)


def _literal(node: exp.Expr) -> exp.Expr:
    """A text with a backslash as E'': it means the same under every setting."""
    return exp.ByteString(this=node.this) if node.args["is_string"] and "\\" in node.this else node


def _negative(node: exp.Expr) -> exp.Expr:
    """A minus sign as a product, which is exact; OPERATOR() has no prefix form here."""
    minus_one = exp.cast(exp.Literal.string("-1.0"), exp.DataType.Type.DOUBLE)
    return exp.Paren(this=operator(minus_one, "*", node.this))


def _searched(node: exp.Expr) -> exp.Expr:
    """``CASE x WHEN v`` as ``CASE WHEN x = v``; x is then written out, so it should be small."""
    value = node.args.get("this")
    if value is None:
        return node
    ifs = [
        exp.If(this=operator(value.copy(), "=", branch.this), true=branch.args["true"]) for branch in node.args["ifs"]
    ]
    return exp.Case(ifs=ifs, default=node.args.get("default"))


def _known(node: exp.Expr) -> exp.Expr:
    """NULLIF of a number and NaN: a function of ours, which the planner opens, so that the number is computed once."""
    return call("known_number", node.this, schema="sqlml")


def _type(node: exp.Expr) -> exp.Expr:
    name = _NAMED_TYPES.get(node.this)
    return node if name is None else exp.DataType.build(f"{SYSTEM}.{name}", udt=True)


def _collation(node: exp.Expr) -> exp.Expr:
    if isinstance(node.expression, exp.Identifier):
        node.set("expression", exp.column(node.expression.copy(), table=SYSTEM))
    return node


def _system_function(node: exp.Expr) -> exp.Expr:
    return node if isinstance(node.parent, exp.Dot) else call(node.name.lower(), *node.expressions)


_REWRITES: dict[type, Callable[[exp.Expr], exp.Expr]] = {
    exp.Literal: _literal,
    exp.Neg: _negative,
    exp.Case: _searched,
    exp.Nullif: _known,
    exp.DataType: _type,
    exp.Collate: _collation,
    exp.Abs: lambda node: call("abs", node.this),
    exp.Exp: lambda node: call("exp", node.this),
    exp.Anonymous: _system_function,
}
