"""The functions that PostgreSQL runs for a version of a model, in plain SQL and PL/pgSQL."""

from __future__ import annotations

from sqlglot import exp

from sqlml.compile.address import KINDS, ROW, addressed_function
from sqlml.compile.answer import RAW, Answer, answers
from sqlml.compile.columns import FEATURES
from sqlml.compile.compiled import CompiledRoutine
from sqlml.compile.core import POSTGRES, core_call, core_function, inputs
from sqlml.compile.literal import text
from sqlml.compile.plpgsql import Assign, Function, If, Return, Statement, create_function, without_last_variable
from sqlml.compile.qualified import call, operator, qualified, system_cast
from sqlml.compile.reading import DOCUMENT, Field, columns_read, input_value, is_regular, json_field, typed_field
from sqlml.compile.row_type import VARIABLES, if_adapted, if_as_planned, is_named, is_of_known_types
from sqlml.errors import InvalidArgument
from sqlml.spec import Model

LONGEST_NAME = 63
"""PostgreSQL cuts names behind so many bytes."""

IMAGE = "image"
"""The variable that holds the binary form of a row."""

DOUBTED = "doubted"
"""The variable that says whether the document may hide what the row is."""

_REAL_VALUE = "000002bc00000004"
"""How a REAL begins in the binary form of a row: the number of its type, and that of its bytes."""

_CHAR_VALUE = "00000412"
"""How a CHAR(n) begins there."""


def functions(name: str, version: int, model: Model) -> tuple[CompiledRoutine, ...]:
    """The functions of schema ``sqlml`` for a version of model ``name``.

    Those of scope ``version`` are ``"<name>@<version>_core"``, the raw score over numbers, and ``_raw``,
    ``_predict``, ``_label`` and ``_proba`` over ``features``: a row of any type, or a JSON object. Those of scope
    ``live`` are the same under the names ``raw_score_<name>``, ``predict_<name>``, ``predict_label_<name>`` and
    ``predict_proba_<name>``, and ``"<name>@live_raw"`` and its sisters over an address of the model and ``features``.

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
        made.append((addressed_function(kind, name, version, model.estimator.outputs, raw.cost), "live"))
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

    A row whose type has the columns with types that can be read goes the short way; where only the case of names
    differs, or a boolean stands for a number, one that is a little longer. Every other row goes through JSON; what is
    out of the ordinary there ``sqlml.plain_row`` sets right, or ``sqlml.read_row`` does or says what is wrong.
    """
    by_variables = core_call(core.name, {given: exp.column(given.name) for given in inputs(model)})
    as_json = Assign(DOCUMENT, call("to_jsonb", exp.column(FEATURES)))
    of_type = operator(
        call("pg_typeof", exp.column(FEATURES)), "=", system_cast(exp.Literal.string("pg_catalog.record"), "regtype")
    )
    body = (
        *if_as_planned(model, _core_over(model, core, typed_field)),
        If(
            is_named(),
            (*if_adapted(model, by_variables), If(is_of_known_types(model), (as_json, *_doubted(model)))),
            (as_json, If(of_type, _doubted(model))) if model.columns else (as_json,),
        ),
        *_plain(model, address),
        Return(_core_over(model, core, json_field)),
    )
    variables = {
        **VARIABLES,
        DOCUMENT: "pg_catalog.jsonb",
        IMAGE: "pg_catalog.bytea",
        DOUBTED: "pg_catalog.bool",
        **{given.name: given.type for given in inputs(model)},
    }
    return Function(f"{address}_{KINDS['raw_score']}", ROW, core.returns, body, core.cost, variables)


def _plain(model: Model, address: str) -> tuple[Statement, ...]:
    """Set the document right where it cannot be read as it stands, or raise what is wrong."""
    is_irregular = exp.Not(this=exp.Paren(this=exp.Is(this=exp.Paren(this=is_regular(model)), expression=exp.true())))
    read = call("read_row", text(address, POSTGRES), columns_read(model), exp.column(FEATURES), schema="sqlml")
    closely = If(is_irregular, (Assign(DOCUMENT, read),))
    if not model.columns or len({column.name.lower() for column in model.columns}) < len(model.columns):
        return (closely,)
    names, types = (
        exp.Array(expressions=[qualified(text(each, POSTGRES)) for each in texts])
        for texts in zip(*((column.name, column.type) for column in model.columns), strict=True)
    )
    plain = call("plain_row", names, types, exp.column(DOCUMENT), exp.column(IMAGE), schema="sqlml")
    return (If(exp.or_(exp.column(DOUBTED), is_irregular.copy()), (Assign(DOCUMENT, plain), closely)),)


def _doubted(model: Model) -> tuple[Statement, ...]:
    """Whether the text of a row in its document may not be the row.

    JSON has 0.1 for a REAL that is 0.100000001490116, the blanks that fill up a CHAR(n), and one of two columns of the
    same name. The binary form of the row has the types, and the number of columns. A type that is found by chance in
    the bytes of another value costs time only.
    """
    types = {column.type for column in model.columns}
    wanted = [_REAL_VALUE] * bool(types & {"integer", "number"}) + [_CHAR_VALUE] * ("text" in types)
    found = [
        operator(call("position", exp.column(IMAGE), _bytes(pattern)), ">", exp.Literal.number(0)) for pattern in wanted
    ]
    image = Assign(IMAGE, call("record_send", exp.column(FEATURES)))
    return (image, Assign(DOUBTED, exp.or_(_has_a_name_twice(), *found)))


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
