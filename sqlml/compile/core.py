"""The raw score of a version in PostgreSQL: a function over numbers that are never NULL.

Its arguments are the values that the estimator reads, one per feature: a number, NaN or minus infinity where it is
missing and not imputed, as that sends a comparison to the side where missing goes; or the code of a category, from 1,
and 0 where it is missing. A function takes 100 arguments at most, so those from the 100th on come as one array.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

from sqlglot import exp

from sqlml.compile.dialect import DIALECTS
from sqlml.compile.literal import double
from sqlml.compile.nested import tree_branches
from sqlml.compile.plpgsql import Assign, Function, If, Return, Statement, without_last_variable
from sqlml.compile.qualified import any_of, call, operator
from sqlml.compile.slot import Slot, missing_goes_left, slot_of_node, slots_read
from sqlml.compile.statement import ADDENDS
from sqlml.spec import CategoryTerm, Constant, Estimator, Feature, Linear, Model, NumericTerm, Tree, Trees

POSTGRES = DIALECTS["postgres"]

DOUBLE = "double precision"
DOUBLES = "double precision[]"

ARGUMENTS = 100
"""How many arguments a function may have."""

TAIL = "others"
"""The name of the array of those that are too many."""

HUGE, TINY = 1e150, 1e-150
"""A product or quotient of two numbers between these neither overflows nor vanishes, which PostgreSQL refuses."""

MODEST, SMALL = 1e100, 1e-100
"""A sum of products of two numbers between these cannot either, however many there are."""


@dataclass(frozen=True)
class Input:
    """A value that the function is given: a feature as a number, or as the code of a category."""

    slot: Slot

    @property
    def name(self) -> str:
        """The name of the argument."""
        return f"{'n' if self.slot.is_number else 'c'}{self.slot.feature}"

    @property
    def type(self) -> str:
        """Its SQL type."""
        return DOUBLE if self.slot.is_number else "integer"

    @property
    def missing(self) -> float:
        """What it is where the feature is missing and not imputed."""
        return self.slot.missing


def inputs(model: Model) -> tuple[Input, ...]:
    """What the raw score of a model is computed from; of two sides of a missing number the right one."""
    estimator = model.estimator
    if isinstance(estimator, Trees):
        slots = slots_read(model, estimator)
        return tuple(Input(slot) for slot in slots if not (slot.missing_left and _other_side(slot) in slots))
    if isinstance(estimator, Linear):
        read = {Slot(isinstance(term, NumericTerm), term.feature) for term in estimator.terms}
        return tuple(Input(slot) for slot in sorted(read))
    return ()


def core_function(name: str, model: Model) -> Function:
    """The function of a name that gives the raw score: a number for one output, an array for several."""
    given = inputs(model)
    head, tail = given[: ARGUMENTS - 1], given[ARGUMENTS - 1 :]
    if len(tail) == 1:
        head, tail = given, ()
    arguments = {value.name: value.type for value in head} | ({TAIL: DOUBLES} if tail else {})
    sides = _sides(model)
    scores = {f"s{output}": DOUBLE for output in range(model.estimator.outputs)}
    result = exp.column("s0") if len(scores) == 1 else exp.Array(expressions=[exp.column(score) for score in scores])
    body = (
        *_unpacked(tail),
        *(_scaled(value, model.features[value.slot.feature]) for value in given if _is_scaled(model, value)),
        *(Assign(_variable(side), _left_side(side)) for side in sides),
        *_SCORES[type(model.estimator)](model),
        Return(result),
    )
    variables = {value.name: value.type for value in tail} | {_variable(side): DOUBLE for side in sides} | scores
    returns = DOUBLE if len(scores) == 1 else DOUBLES
    return Function(name, arguments, returns, without_last_variable(body), cost_of(model.estimator), variables)


def core_call(name: str, values: Mapping[Input, exp.Expr]) -> exp.Expr:
    """A call of that function with the value of every input."""
    given = list(values.values())
    if len(given) > ARGUMENTS:
        tail = [exp.cast(value, exp.DataType.Type.DOUBLE) for value in given[ARGUMENTS - 1 :]]
        given = [*given[: ARGUMENTS - 1], exp.Array(expressions=tail)]
    return call(name, *given, schema="sqlml")


def item_of(values: exp.Expr, place: int) -> exp.Expr:
    """The item of an array, from 1."""
    return exp.Bracket(this=values.copy(), expressions=[exp.Literal.number(place)], offset=1)


def cost_of(estimator: Estimator) -> int:
    """How many operators a row costs, about; it makes PostgreSQL use its parallel workers where they pay."""
    if isinstance(estimator, Trees):
        return 100 + sum(2 * max(1, len(tree.leaf).bit_length()) for tree in estimator.trees)
    return 100 + len(estimator.terms) * estimator.outputs if isinstance(estimator, Linear) else 100


def _other_side(slot: Slot) -> Slot:
    return Slot(slot.is_number, slot.feature, not slot.missing_left)


def _sides(model: Model) -> list[Slot]:
    """The slots that are computed from an input: numbers of which missing goes both left and right."""
    if not isinstance(model.estimator, Trees):
        return []
    given = {value.slot for value in inputs(model)}
    return [slot for slot in slots_read(model, model.estimator) if slot not in given]


def _variable(slot: Slot) -> str:
    """What holds the slot of a number of which missing goes both ways; ``l`` for the left."""
    return f"l{slot.feature}"


def _unpacked(tail: Sequence[Input]) -> Iterator[Statement]:
    """The inputs that come as an array, each in a variable of its own: an item of an array takes longer to read."""
    for place, value in enumerate(tail, 1):
        item: exp.Expr = item_of(exp.column(TAIL), place)
        yield Assign(value.name, item if value.slot.is_number else exp.cast(item, exp.DataType.Type.INT))


def _is_scaled(model: Model, value: Input) -> bool:
    feature = model.features[value.slot.feature]
    return value.slot.is_number and (feature.center, feature.scale) != (0.0, 1.0)


def _scaled(value: Input, feature: Feature) -> Statement:
    """``(value - center) / scale``; infinite, or 0, where PostgreSQL would rather fail."""
    number = exp.column(value.name)
    centered = operator(number, "-", _number(feature.center))
    exact = call(
        "float_quotient",
        call("float_sum", number.copy(), _number(-feature.center), schema="sqlml"),
        _number(feature.scale),
        schema="sqlml",
    )
    if abs(feature.center) >= HUGE or not TINY < feature.scale < HUGE:
        return Assign(value.name, exact)
    plain = operator(exp.Paren(this=centered), "/", _number(feature.scale))
    safe = exp.and_(
        _below(number, HUGE),
        exp.or_(_above(centered, TINY), operator(number.copy(), "=", _number(feature.center))),
    )
    return Assign(value.name, exp.Case(ifs=[exp.If(this=safe, true=plain)], default=exact))


def _left_side(slot: Slot) -> exp.Expr:
    """Minus infinity in place of NaN."""
    number = exp.column(Input(_other_side(slot)).name)
    missing = exp.If(this=operator(number, "=", _number(math.nan)), true=_number(-math.inf))
    return exp.Case(ifs=[missing], default=number.copy())


def _constant_scores(model: Model) -> Iterator[Statement]:
    assert isinstance(model.estimator, Constant)  # noqa: S101
    for output, value in enumerate(model.estimator.values):
        yield Assign(f"s{output}", _number(value))


def _tree_scores(model: Model) -> Iterator[Statement]:
    """The leaves added up in order, so many at once as the depth of an expression allows."""
    assert isinstance(model.estimator, Trees)  # noqa: S101
    outputs, trees = model.estimator.outputs, model.estimator.trees
    sides = {*_sides(model)}
    for output in range(outputs):
        own = trees[output::outputs]
        stays_finite = math.isfinite(2 * sum(max(map(abs, tree.leaf)) for tree in own))
        score: exp.Expr = _number(0.0)
        step = ADDENDS if stays_finite else 1
        for start in range(0, len(own), step):
            addends = [_tree_case(tree, model, sides) for tree in own[start : start + step]]
            total = _plain_sum([score, *addends]) if stays_finite else _exact_sum(score, addends[0])
            yield Assign(f"s{output}", total)
            score = exp.column(f"s{output}")


def _tree_case(tree: Tree, model: Model, sides: set[Slot]) -> exp.Expr:
    def goes(node: int, left: bool) -> exp.Expr:
        slot = slot_of_node(tree, node, model.features[tree.feature[node]])
        if slot.is_number:
            value = exp.column(_variable(slot) if slot in sides else Input(slot).name)
            return operator(value, "<=" if left else ">", _number(tree.threshold[node]))
        codes = [code + 1 for code in tree.categories[node] or ()]
        if missing_goes_left(tree, node, model.features[slot.feature]):
            codes.insert(0, 0)
        return _goes_by_code(exp.column(Input(slot).name), codes, left)

    return tree_branches(tree, goes, POSTGRES)


def _goes_by_code(value: exp.Expr, codes: list[int], left: bool) -> exp.Expr:
    """Whether a code is among those that go left, or is not."""
    numbers: list[exp.Expr] = [exp.Literal.number(code) for code in codes]
    if not numbers:
        return exp.false() if left else exp.true()
    if len(numbers) == 1:
        return operator(value, "=" if left else "<>", numbers[0])
    member = any_of(value, numbers)
    return member if left else exp.Not(this=exp.Paren(this=member))


def _linear_scores(model: Model) -> Iterator[Statement]:
    """Intercept and terms added up in order: plainly where no step of it can leave the doubles, else step by step."""
    estimator = model.estimator
    assert isinstance(estimator, Linear)  # noqa: S101
    for output, intercept in enumerate(estimator.intercepts):
        yield Assign(f"s{output}", _number(intercept))
    exact = tuple(
        Assign(f"s{output}", _exact_sum(exp.column(f"s{output}"), _term(term, output, exact=True)))
        for output in range(estimator.outputs)
        for term in estimator.terms
    )
    if not _has_modest_weights(estimator):
        yield from exact
        return
    plain = []
    for output in range(estimator.outputs):
        for start in range(0, len(estimator.terms), ADDENDS):
            terms = [_term(term, output, exact=False) for term in estimator.terms[start : start + ADDENDS]]
            plain.append(Assign(f"s{output}", _plain_sum([exp.column(f"s{output}"), *terms])))
    numbers = sorted({term.feature for term in estimator.terms if isinstance(term, NumericTerm)})
    if not numbers:
        yield from plain
        return
    modest = [_is_modest(exp.column(Input(Slot(True, feature)).name)) for feature in numbers]
    yield If(exp.and_(*modest), tuple(plain), exact)


def _has_modest_weights(estimator: Linear) -> bool:
    coefficients = [c for term in estimator.terms if isinstance(term, NumericTerm) for c in term.coefficients]
    weights = [
        weight
        for term in estimator.terms
        if isinstance(term, CategoryTerm)
        for row in (*term.weights, term.missing)
        for weight in row
    ]
    return all(c == 0.0 or SMALL < abs(c) < MODEST for c in coefficients) and all(
        abs(weight) < MODEST for weight in (*weights, *estimator.intercepts)
    )


def _is_modest(number: exp.Expr) -> exp.Expr:
    return exp.and_(_below(number, MODEST), exp.or_(_above(number, SMALL), operator(number.copy(), "=", _number(0.0))))


def _term(term: NumericTerm | CategoryTerm, output: int, exact: bool) -> exp.Expr:
    value = exp.column(Input(Slot(isinstance(term, NumericTerm), term.feature)).name)
    if isinstance(term, NumericTerm):
        weight = _number(term.coefficients[output])
        if exact:
            return call("float_product", weight, value, schema="sqlml")
        return exp.Paren(this=operator(weight, "*", value))
    weights = [row[output] for row in (term.missing, *term.weights)]
    literal = exp.Literal.string(f"[0:{len(weights) - 1}]={{{','.join(map(repr, weights))}}}")
    table = exp.Paren(this=exp.cast(literal, exp.DataType.build(DOUBLES, dialect="postgres")))
    return exp.Bracket(this=table, expressions=[value])


_SCORES = {Constant: _constant_scores, Linear: _linear_scores, Trees: _tree_scores}
"""The statements that compute the raw scores ``s0``, ``s1``, ... of each estimator."""


def _plain_sum(addends: Sequence[exp.Expr]) -> exp.Expr:
    return reduce(lambda total, addend: operator(total, "+", addend), addends)


def _exact_sum(total: exp.Expr, addend: exp.Expr) -> exp.Expr:
    return call("float_sum", total, addend, schema="sqlml")


def _below(number: exp.Expr, limit: float) -> exp.Expr:
    return operator(call("abs", number.copy()), "<", _number(limit))


def _above(number: exp.Expr, limit: float) -> exp.Expr:
    return operator(call("abs", number.copy()), ">", _number(limit))


def _number(value: float) -> exp.Expr:
    return double(value, POSTGRES)
