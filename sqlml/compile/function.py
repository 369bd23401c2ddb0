"""The functions that PostgreSQL runs for a version of a model, in plain SQL and PL/pgSQL."""

from __future__ import annotations

from sqlglot import exp

from sqlml.compile.answer import RAW, Answer, answers
from sqlml.compile.columns import FEATURES
from sqlml.compile.compiled import CompiledRoutine
from sqlml.compile.core import POSTGRES, core_call, core_function, inputs
from sqlml.compile.literal import text
from sqlml.compile.plpgsql import Assign, Function, If, Return, Statement, create_function, without_last_variable
from sqlml.compile.qualified import call, operator, system_cast
from sqlml.compile.reading import DOCUMENT, Field, columns_read, input_value, is_regular, json_field, typed_field
from sqlml.errors import InvalidArgument
from sqlml.spec import Model

KINDS = {"raw_score": "raw", "predict": "predict", "predict_label": "label", "predict_proba": "proba"}
"""The functions of a model, and what they are called for one version: ``<model>@<version>_<word>``."""

ROW = {FEATURES: "pg_catalog.anyelement"}
"""The argument of a function over a row."""

LONGEST_NAME = 63
"""PostgreSQL cuts names behind so many bytes."""

IMAGE = "image"
"""The variable that holds the binary form of a row."""

NOWHERE, PLANNED = "nowhere", "planned"
"""The variables that hold the number of no table, and the layout of a row for which its reading was planned."""

_REAL_VALUE = "000002bc00000004"
"""How a REAL begins in the binary form of a row: the number of its type, and that of its bytes."""

_CHAR_VALUE = "00000412"
"""How a CHAR(n) begins there."""


def functions(name: str, version: int, model: Model) -> tuple[CompiledRoutine, ...]:
    """The functions of schema ``sqlml`` for a version of model ``name``.

    Those of scope ``version`` are ``"<name>@<version>_core"``, the raw score over numbers, and ``_raw``,
    ``_predict``, ``_label`` and ``_proba`` over ``features``: a row of any type, or a JSON object. Those of scope
    ``live`` are the same under the names ``raw_score_<name>``, ``predict_<name>``, ``predict_label_<name>`` and
    ``predict_proba_<name>``.

    Raises
    ------
    InvalidArgument
        A column has a longer name than PostgreSQL can hold, or a category one that it cannot.
    """
    _check_names(model)
    address = f"{name}@{version}"
    core = core_function(f"{address}_core", model)
    raw = _over_rows(address, model, core)
    made = [(core, "version"), (raw, "version")]
    for kind, answer in answers(model, address).items():
        if kind != "raw_score":
            made.append((_answering(f"{address}_{KINDS[kind]}", raw, answer), "version"))
        made.append((_answering(f"{kind}_{name}", raw, answer), "live"))
    return tuple(
        CompiledRoutine(function.name, create_function(function), "expression", scope) for function, scope in made
    )


def _check_names(model: Model) -> None:
    for column in model.columns:
        if len(column.name.encode()) > LONGEST_NAME:
            raise InvalidArgument(
                f"column {column.name!r} has a name of {len(column.name.encode())} bytes, and PostgreSQL cuts names "
                f"behind {LONGEST_NAME}; give it a shorter one in the training relation and train again"
            )


def _answering(name: str, raw: Function, answer: Answer) -> Function:
    """A function over a row that answers by its raw score."""
    variables = {RAW: raw.returns, **answer.variables}
    body = (Assign(RAW, call(raw.name, exp.column(FEATURES), schema="sqlml")), *answer.statements)
    body = answer.statements if answer.is_refusal else without_last_variable(body)
    return Function(name, raw.arguments, answer.returns, body, raw.cost, variables, answer.exact_numbers)


def _over_rows(address: str, model: Model, core: Function) -> Function:
    """The function that reads a row and gives its raw score.

    A row whose type has the columns with types that can be read goes the short way. Every other row goes through
    JSON; where it has something out of the ordinary, ``sqlml.read_row`` sets it right or says what is wrong.
    """
    read = call("read_row", text(address, POSTGRES), columns_read(model), exp.column(FEATURES), schema="sqlml")
    is_irregular = exp.Not(this=exp.Paren(this=exp.Is(this=exp.Paren(this=is_regular(model)), expression=exp.true())))
    body = (
        Assign(NOWHERE, system_cast(exp.Literal.number(0), "oid")),
        Assign(PLANNED, _layout(model)),
        If(_is_as_planned(model), (Return(_core_over(model, core, typed_field)),)),
        Assign(DOCUMENT, call("to_jsonb", exp.column(FEATURES))),
        If(_is_of_other_types(model), (Assign(DOCUMENT, exp.Null()),)),
        *_doubted(model),
        If(is_irregular, (Assign(DOCUMENT, read),)),
        Return(_core_over(model, core, json_field)),
    )
    variables = {
        NOWHERE: "pg_catalog.oid",
        PLANNED: "pg_catalog.int8",
        DOCUMENT: "pg_catalog.jsonb",
        IMAGE: "pg_catalog.bytea",
    }
    return Function(f"{address}_{KINDS['raw_score']}", ROW, core.returns, body, core.cost, variables)


def _layout(model: Model) -> exp.Expr:
    """By what types the row has the columns; NULL where they cannot be read without a detour.

    It is asked with a NULL of the row's type, a constant, so that PostgreSQL asks while it plans, and not for every
    row.
    """
    return call("typed_layout", columns_read(model), _no_row(), schema="sqlml")


def _is_as_planned(model: Model) -> exp.Expr:
    """Whether the row has the columns, and by the types for which the short way was planned in this session.

    ``PLANNED`` stays what it was when that was planned. The number of the table, which is never 0, lets PostgreSQL
    plan this condition anew when the table is altered.
    """
    same = operator(_layout(model), "=", exp.column(PLANNED))
    return exp.and_(exp.Paren(this=same), exp.Paren(this=_is_named()), wrap=False)


def _is_of_other_types(model: Model) -> exp.Expr:
    """Whether the row is of a table that lacks a column or has one of another type, of which JSON shows the text only.

    A TIMESTAMP would pass there for a text that was never seen.
    """
    unreadable = exp.Is(this=exp.Paren(this=_layout(model)), expression=exp.Null())
    return exp.and_(exp.Paren(this=_is_named()), exp.Paren(this=unreadable), wrap=False)


def _is_named() -> exp.Expr:
    return operator(call("row_table", _no_row(), schema="sqlml"), "<>", exp.column(NOWHERE))


def _no_row() -> exp.Expr:
    return exp.Case(ifs=[exp.If(this=exp.false(), true=exp.column(FEATURES))])


def _doubted(model: Model) -> tuple[Statement, ...]:
    """Forget the document of a row without a named type where its text may not be the row.

    JSON has 0.1 for a REAL that is 0.100000001490116, the blanks that fill up a CHAR(n), and one of two columns of the
    same name. The binary form of the row has the types, and the number of columns. A type that is found by chance in
    the bytes of another value costs time only.
    """
    types = {column.type for column in model.columns}
    if not types:
        return ()
    wanted = [_REAL_VALUE] * bool(types & {"integer", "number"}) + [_CHAR_VALUE] * ("text" in types)
    found = [
        operator(call("position", exp.column(IMAGE), _bytes(pattern)), ">", exp.Literal.number(0)) for pattern in wanted
    ]
    is_anonymous = operator(
        call("pg_typeof", exp.column(FEATURES)), "=", system_cast(exp.Literal.string("pg_catalog.record"), "regtype")
    )
    doubted = exp.or_(_has_a_name_twice(), *found)
    image = Assign(IMAGE, call("record_send", exp.column(FEATURES)))
    return (If(is_anonymous, (image, If(doubted, (Assign(DOCUMENT, exp.Null()),)))),)


def _has_a_name_twice() -> exp.Expr:
    """Whether the document has another number of keys than the row has columns, of which there are 1,664 at most."""
    high, low = (call("get_byte", exp.column(IMAGE), exp.Literal.number(place)) for place in (2, 3))
    columns = operator(exp.Paren(this=operator(high, "*", exp.Literal.number(256))), "+", low)
    everything = system_cast(exp.Literal.string("$.*"), "jsonpath")
    keys = call("jsonb_array_length", call("jsonb_path_query_array", exp.column(DOCUMENT), everything))
    return operator(exp.Paren(this=columns), "<>", keys)


def _bytes(digits: str) -> exp.Expr:
    return call("decode", exp.Literal.string(digits), exp.Literal.string("hex"))


def _core_over(model: Model, core: Function, field: Field) -> exp.Expr:
    return core_call(core.name, {given: input_value(model, given, field) for given in inputs(model)})
