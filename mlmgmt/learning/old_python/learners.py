"""Restore what scikit-learn 0.14 to 0.17 answered, and a new one does not."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import numpy as np

from mlmgmt.learning.old_python.patching import around

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import ModuleType

    from sklearn.impute import SimpleImputer

_FORESTS = ("ExtraTreesClassifier", "ExtraTreesRegressor", "RandomForestClassifier", "RandomForestRegressor")
_DESCENTS = ("Perceptron", "SGDClassifier", "SGDRegressor")
DEFAULTS: dict[str, dict[str, Any]] = {
    "sklearn.cluster:KMeans": {"n_init": 10},
    "sklearn.linear_model:LogisticRegression": {"solver": "liblinear"},
    **{f"sklearn.ensemble:{name}": {"n_estimators": 10} for name in _FORESTS},
    **{f"sklearn.linear_model:{name}": {"max_iter": 5, "tol": None} for name in _DESCENTS},
    **{f"sklearn.svm:{name}": {"gamma": "auto"} for name in ("NuSVC", "NuSVR", "OneClassSVM", "SVC", "SVR")},
}
"""Defaults of scikit-learn that changed."""


_FOLDS = 3


def restore_folds(module: ModuleType) -> None:
    """Restore the number of folds where none is given.

    Args:
        module: `sklearn.model_selection._split`, before others import from it.
    """

    @around(module, "check_cv")
    def _(before: Callable[..., Any], cv: Any = _FOLDS, *arguments: Any, **named: Any) -> Any:
        return before(_FOLDS if cv is None else cv, *arguments, **named)


def splitters() -> dict[str, Callable[..., Any]]:
    """The splitters of `sklearn.cross_validation`, which took the rows, and were the folds themselves."""
    from sklearn import model_selection as now

    def k_fold(n: int, n_folds: int = 3, shuffle: bool = False, random_state: Any = None) -> list[Any]:
        splitter = now.KFold(n_folds, shuffle=shuffle, random_state=random_state if shuffle else None)
        return list(splitter.split(np.zeros(n)))

    def stratified(y: Sequence[Any], n_folds: int = 3, shuffle: bool = False, random_state: Any = None) -> list[Any]:
        splitter = now.StratifiedKFold(n_folds, shuffle=shuffle, random_state=random_state if shuffle else None)
        return list(splitter.split(np.zeros(len(y)), y))

    def shuffled(n: int, n_iter: int = 10, test_size: Any = 0.1, random_state: Any = None) -> list[Any]:
        return list(now.ShuffleSplit(n_iter, test_size=test_size, random_state=random_state).split(np.zeros(n)))

    def leave_one_out(n: int) -> list[Any]:
        return list(now.LeaveOneOut().split(np.zeros(n)))

    return {"KFold": k_fold, "StratifiedKFold": stratified, "ShuffleSplit": shuffled, "LeaveOneOut": leave_one_out}


def restore() -> None:
    """Restore the defaults of scikit-learn, its imputer, and logistic regression of many classes."""
    import sklearn.preprocessing
    from sklearn.impute import SimpleImputer

    for place, defaults in DEFAULTS.items():
        module, _, name = place.partition(":")
        _set_defaults(getattr(importlib.import_module(module), name).__init__, defaults)
    _restore_logistic_regression()

    def imputer(missing_values: Any = "NaN", strategy: str = "mean", axis: int = 0, **_: Any) -> SimpleImputer:
        if axis:
            raise NotImplementedError("Imputer(axis=1) is not restored: transpose the table, and take axis=0")
        return SimpleImputer(missing_values=np.nan if missing_values == "NaN" else missing_values, strategy=strategy)

    sklearn.preprocessing.Imputer = imputer


def _set_defaults(function: Any, defaults: Mapping[str, Any]) -> None:
    named = function.__kwdefaults__ or {}
    positional = list(function.__defaults__ or ())
    names = function.__code__.co_varnames[: function.__code__.co_argcount][-len(positional) or None :]
    for name, value in defaults.items():
        if name in named:
            named[name] = value
        else:
            positional[names.index(name)] = value
    function.__defaults__ = tuple(positional) or None


def _restore_logistic_regression() -> None:
    """Restore liblinear's answer to more than two classes: one against the rest for each."""
    from sklearn.linear_model import LogisticRegression

    def is_of_many(learner: Any, classes: Any) -> bool:
        return learner.solver == "liblinear" and len(classes) > 2

    @around(LogisticRegression, "fit")
    def _(
        before: Callable[..., Any],
        self: Any,
        X: Any,  # noqa: N803 - its name is scikit-learn's
        y: Any,
        sample_weight: Any = None,
    ) -> Any:
        if is_of_many(self, np.unique(y)):
            return _fit_each(before, self, X, np.asarray(y).ravel(), sample_weight)
        return before(self, X, y, sample_weight)

    @around(LogisticRegression, "predict_proba")
    def _(before: Callable[..., Any], self: Any, X: Any) -> Any:  # noqa: N803
        many = hasattr(self, "classes_") and is_of_many(self, self.classes_)
        return self._predict_proba_lr(X) if many else before(self, X)

    @around(LogisticRegression, "__sklearn_tags__")
    def _(before: Callable[..., Any], self: Any) -> Any:
        tags = before(self)
        tags.classifier_tags.multi_class = True
        return tags


def _fit_each(fit: Callable[..., Any], learner: Any, rows: Any, y: Any, sample_weight: Any) -> Any:
    from sklearn.base import clone
    from sklearn.utils import compute_class_weight
    from sklearn.utils.multiclass import check_classification_targets

    check_classification_targets(y)
    classes = np.unique(y)
    given = learner.class_weight
    weights = [None] * len(classes) if given is None else compute_class_weight(given, classes=classes, y=y)
    parts = []
    for name, weight in zip(classes, weights, strict=True):
        part = clone(learner).set_params(class_weight=None if weight is None else {1: weight, 0: 1})
        parts.append(fit(part, rows, (y == name).astype(int), sample_weight))
    vars(learner).update(vars(parts[0]) | {"class_weight": given}, classes_=classes)
    for name, join in (("coef_", np.vstack), ("intercept_", np.hstack), ("n_iter_", np.hstack)):
        setattr(learner, name, join([getattr(part, name) for part in parts]))
    return learner
