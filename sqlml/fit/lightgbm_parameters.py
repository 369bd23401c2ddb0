"""The hyperparameters of LightGBM that a user may set, by LightGBM's own names.

An explicit list: what is not in it is refused. Not in it are parameters that read or write files, choose machines,
devices or threads, print, need a validation set, make the result depend on the number of threads (quantized
gradients), or give a model that a spec cannot express (linear trees, random forest mode, a sigmoid or sqrt link).
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Limits:
    """The numbers from ``low`` to ``high``, both included unless open."""

    low: float = -math.inf
    high: float = math.inf
    open_low: bool = False
    open_high: bool = False

    def hold(self, value: float) -> bool:
        """Whether a number lies within."""
        above = self.low < value if self.open_low else self.low <= value
        return above and (value < self.high if self.open_high else value <= self.high)

    @property
    def text(self) -> str:
        """The limits in words; empty where there are none."""
        low = f"{'above' if self.open_low else 'from'} {self.low:.15g}" if self.low > -math.inf else ""
        high = f"{'below' if self.open_high else 'to'} {self.high:.15g}" if self.high < math.inf else ""
        return " ".join(filter(None, (low, high)))


@dataclass(frozen=True)
class Parameter:
    """One hyperparameter: its type, LightGBM's default, and what it means in one line.

    ``kind``: ``whole``, ``number``, ``flag``, ``choice``, or by the names of columns: ``whole_by_column`` and
    ``number_by_column`` (an object), ``column_groups`` (a list of lists). ``only`` names another parameter and the
    values of it with which this one has an effect.
    """

    name: str
    kind: str
    default: Any
    meaning: str
    aliases: tuple[str, ...] = ()
    limits: Limits = Limits()
    choices: tuple[str, ...] = ()
    only: tuple[str, tuple[str, ...]] | None = None

    @property
    def allowed(self) -> str:
        """The values that it takes, in words."""
        fixed = {
            "flag": "true or false",
            "choice": "one of " + ", ".join(self.choices),
            "column_groups": "a list of lists of columns",
        }
        if self.kind in fixed:
            return fixed[self.kind]
        unit = "a whole number" if self.kind.startswith("whole") else "a number"
        one = f"{unit} {self.limits.text}".rstrip()
        return f"an object from column to {one}" if self.kind.endswith("by_column") else one


_ANY = Limits()
_NOT_NEGATIVE = Limits(low=0)
_POSITIVE = Limits(low=0, open_low=True)
_SHARE = Limits(0, 1, open_low=True)
_PART = Limits(0, 1, open_low=True, open_high=True)
_PROBABILITY = Limits(0, 1)
_BINS = Limits(2, 65_535)


def _from(low: int, high: int = 2**31 - 1) -> Limits:
    return Limits(low, high)


REGRESSION_OBJECTIVES = (
    "regression",
    "regression_l1",
    "huber",
    "fair",
    "quantile",
    "mape",
    "poisson",
    "gamma",
    "tweedie",
)
OBJECTIVES = {"regression": REGRESSION_OBJECTIVES, "binary": ("binary",), "multiclass": ("multiclass",)}
"""The objectives that fit a task; the first is the default."""

CHOICE_ALIASES = {
    "regression_l2": "regression",
    "l2": "regression",
    "mean_squared_error": "regression",
    "mse": "regression",
    "l2_root": "regression",
    "root_mean_squared_error": "regression",
    "rmse": "regression",
    "l1": "regression_l1",
    "mean_absolute_error": "regression_l1",
    "mae": "regression_l1",
    "mean_absolute_percentage_error": "mape",
    "softmax": "multiclass",
    "gbrt": "gbdt",
}
"""Other words of LightGBM for an objective or a way of boosting."""

_DART = ("boosting", ("dart",))
_GOSS = ("data_sample_strategy", ("goss",))
_BINARY = ("objective", ("binary",))


def _whole(
    name: str,
    default: int,
    limits: Limits,
    meaning: str,
    *aliases: str,
    only: tuple[str, tuple[str, ...]] | None = None,
) -> Parameter:
    return Parameter(name, "whole", default, meaning, aliases, limits, only=only)


def _number(
    name: str,
    default: float,
    limits: Limits,
    meaning: str,
    *aliases: str,
    only: tuple[str, tuple[str, ...]] | None = None,
) -> Parameter:
    return Parameter(name, "number", default, meaning, aliases, limits, only=only)


def _flag(
    name: str, default: bool, meaning: str, *aliases: str, only: tuple[str, tuple[str, ...]] | None = None
) -> Parameter:
    return Parameter(name, "flag", default, meaning, aliases, only=only)


def _choice(name: str, default: str, choices: tuple[str, ...], meaning: str, *aliases: str) -> Parameter:
    return Parameter(name, "choice", default, meaning, aliases, choices=choices)


def _loss(*objectives: str) -> tuple[str, tuple[str, ...]]:
    return ("objective", objectives)


# fmt: off
_BOOSTING = (
    _choice("objective", "regression", (*REGRESSION_OBJECTIVES, "binary", "multiclass"),
            "the loss that is minimised", "objective_type", "app", "application", "loss"),
    _choice("boosting", "gbdt", ("gbdt", "dart"),
            "gbdt: a tree corrects all before it; dart: some earlier trees are left out", "boosting_type", "boost"),
    _whole("num_iterations", 100, _from(1, 100_000), "boosting rounds; each adds a tree, or one per class",
           "num_iteration", "n_iter", "num_tree", "num_trees", "num_round", "num_rounds", "nrounds", "num_boost_round",
           "n_estimators", "max_iter"),
    _number("learning_rate", 0.1, _POSITIVE, "what the values of each tree are multiplied by", "shrinkage_rate", "eta"),
    _flag("boost_from_average", True, "start at the average of the target, not at 0"),
)
_TREE = (
    _whole("num_leaves", 31, _from(2, 131_072), "the most leaves of a tree",
           "num_leaf", "max_leaves", "max_leaf", "max_leaf_nodes"),
    _whole("max_depth", -1, _from(-1, 131_072), "the most splits on the way to a leaf; 0 or -1: no limit"),
    _whole("min_data_in_leaf", 20, _from(0), "the fewest rows of a leaf",
           "min_data_per_leaf", "min_data", "min_child_samples", "min_samples_leaf"),
    _number("min_sum_hessian_in_leaf", 1e-3, _NOT_NEGATIVE, "the least sum of second derivatives of a leaf",
            "min_sum_hessian_per_leaf", "min_sum_hessian", "min_hessian", "min_child_weight"),
    _number("min_gain_to_split", 0.0, _NOT_NEGATIVE, "the least gain of a split", "min_split_gain"),
    _flag("extra_trees", False, "try one random threshold per feature and node", "extra_tree"),
)
_PENALTY = (
    _number("lambda_l1", 0.0, _NOT_NEGATIVE, "L1 penalty on the values of leaves", "reg_alpha", "l1_regularization"),
    _number("lambda_l2", 0.0, _NOT_NEGATIVE, "L2 penalty on the values of leaves",
            "reg_lambda", "lambda", "l2_regularization"),
    _number("max_delta_step", 0.0, _ANY, "the largest value of a leaf before learning_rate; 0 or less: no limit",
            "max_tree_output", "max_leaf_output"),
    _number("path_smooth", 0.0, _NOT_NEGATIVE, "pulls small leaves towards their parents; 0: not at all"),
    Parameter("monotone_constraints", "whole_by_column", {},
              "1: the prediction may only rise with the column, -1: only fall, 0: free",
              ("mc", "monotone_constraint", "monotonic_cst"), _from(-1, 1)),
    _choice("monotone_constraints_method", "basic", ("basic", "intermediate", "advanced"),
            "how monotone constraints are kept: from coarse and fast to fine and slow",
            "monotone_constraining_method", "mc_method"),
    _number("monotone_penalty", 0.0, _NOT_NEGATIVE, "keeps monotone splits out of the first levels of a tree",
            "monotone_splits_penalty", "ms_penalty", "mc_penalty"),
    Parameter("interaction_constraints", "column_groups", [],
              "columns that may meet on one way to a leaf; a column in no group is not used"),
    Parameter("feature_contri", "number_by_column", {}, "what the gain of splits of the column is multiplied by",
              ("feature_contrib", "fc", "fp", "feature_penalty"), _NOT_NEGATIVE),
)
_SAMPLING = (
    _choice("data_sample_strategy", "bagging", ("bagging", "goss"),
            "bagging: rows at random; goss: rows with large gradients and some of the others"),
    _number("bagging_fraction", 1.0, _SHARE, "share of the rows that a tree sees; needs bagging_freq",
            "sub_row", "subsample", "bagging"),
    _whole("bagging_freq", 0, _from(0), "draw the rows anew every so many rounds; 0: never", "subsample_freq"),
    _number("pos_bagging_fraction", 1.0, _SHARE, "share of the rows of the positive class; needs bagging_freq",
            "pos_sub_row", "pos_subsample", "pos_bagging", only=_BINARY),
    _number("neg_bagging_fraction", 1.0, _SHARE, "share of the rows of the negative class; needs bagging_freq",
            "neg_sub_row", "neg_subsample", "neg_bagging", only=_BINARY),
    _number("feature_fraction", 1.0, _SHARE, "share of the features that a tree sees",
            "sub_feature", "colsample_bytree"),
    _number("feature_fraction_bynode", 1.0, _SHARE, "share of the features that a node sees",
            "sub_feature_bynode", "colsample_bynode"),
    _number("top_rate", 0.2, _PART, "share of the rows kept for their large gradients", only=_GOSS),
    _number("other_rate", 0.1, _PART, "share of the rows drawn from the others", only=_GOSS),
    _number("drop_rate", 0.1, _PROBABILITY, "share of the earlier trees left out", "rate_drop", only=_DART),
    _whole("max_drop", 50, _from(-1), "the most trees left out at once; 0 or -1: no limit", only=_DART),
    _number("skip_drop", 0.5, _PROBABILITY, "probability of a round that leaves no tree out", only=_DART),
    _flag("xgboost_dart_mode", False, "weigh the trees left out as XGBoost does", only=_DART),
    _flag("uniform_drop", False, "leave every tree out with the same probability", only=_DART),
)
_FEATURES = (
    _whole("max_bin", 255, _BINS, "the most bins of a feature", "max_bins"),
    Parameter("max_bin_by_feature", "whole_by_column", {}, "the most bins of the column", limits=_BINS),
    _whole("min_data_in_bin", 3, _from(1), "the fewest rows of a bin"),
    _whole("bin_construct_sample_cnt", 200_000, _from(1), "rows drawn to find the bins", "subsample_for_bin"),
    _flag("enable_bundle", True, "store sparse features that exclude each other together",
          "is_enable_bundle", "bundle"),
    _flag("feature_pre_filter", True, "ignore features that min_data_in_leaf makes useless"),
    _flag("use_missing", True, "find the better side for missing values; false: they count as 0"),
    _flag("zero_as_missing", False, "zeros are missing values"),
    _whole("min_data_per_group", 100, _from(1), "the fewest rows of a group of categories"),
    _whole("max_cat_threshold", 32, _from(1), "the most categories on the smaller side of a split"),
    _number("cat_l2", 10.0, _NOT_NEGATIVE, "L2 penalty in splits by category"),
    _number("cat_smooth", 10.0, _NOT_NEGATIVE, "how strongly rare categories are smoothed"),
    _whole("max_cat_to_onehot", 4, _from(1), "with so many categories or fewer, one is split from all others"),
)
_OBJECTIVE = (
    _number("alpha", 0.9, _POSITIVE, "the quantile (below 1), or the residual from which the huber loss is linear",
            only=_loss("huber", "quantile")),
    _number("fair_c", 1.0, _POSITIVE, "the scale of the fair loss", only=_loss("fair")),
    _number("poisson_max_delta_step", 0.7, _POSITIVE, "a safeguard of the optimisation", only=_loss("poisson")),
    _number("tweedie_variance_power", 1.5, Limits(1, 2, open_high=True), "towards 1: poisson, towards 2: gamma",
            only=_loss("tweedie")),
    _flag("is_unbalance", False, "weigh both classes alike; probabilities are then not calibrated",
          "unbalance", "unbalanced_sets", only=_BINARY),
    _number("scale_pos_weight", 1.0, _POSITIVE, "weight of the positive class", only=_BINARY),
)
# fmt: on

PARAMETERS = {each.name: each for each in (*_BOOSTING, *_TREE, *_PENALTY, *_SAMPLING, *_FEATURES, *_OBJECTIVE)}
"""Every hyperparameter that may be set, by LightGBM's main name."""

MAIN_NAMES = {name: each.name for each in PARAMETERS.values() for name in (each.name, *each.aliases)}
"""From every name that is taken, aliases included, to LightGBM's main name."""


def _line(parameter: Parameter) -> str:
    default = "that of the task" if parameter.name == "objective" else json.dumps(parameter.default)
    return f"{parameter.meaning}: {parameter.allowed} (default {default})"


HYPERPARAMETERS = {
    **{each.name: _line(each) for each in PARAMETERS.values()},
    **{alias: f"the same as {name}" for alias, name in MAIN_NAMES.items() if alias != name},
}
"""One line per name that is taken."""
