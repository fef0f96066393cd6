"""Restore modules and names of the standard library, NumPy and scikit-learn that moved."""

from __future__ import annotations

import importlib
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlmgmt.learning.old_python import paths, patterns, python2, running, texts, translation
from mlmgmt.learning.old_python.patching import around, called_by_script

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import CodeType, ModuleType

    from mlmgmt.learning.old_python import OldPython

MODULES: dict[str, dict[str, str]] = {
    "StringIO": {"StringIO": "io:StringIO"},
    "cStringIO": {"StringIO": "io:StringIO"},
    "cPickle": {"": "pickle"},
    "Queue": {"": "queue"},
    "ConfigParser": {"": "configparser"},
    "HTMLParser": {"": "html.parser"},
    "urlparse": {"": "urllib.parse"},
    "sets": {"Set": "builtins:set", "ImmutableSet": "builtins:frozenset"},
    "sklearn.cross_validation": {
        "train_test_split": "sklearn.model_selection:train_test_split",
        "cross_val_score": "sklearn.model_selection:cross_val_score",
        "cross_val_predict": "sklearn.model_selection:cross_val_predict",
    },
    "sklearn.grid_search": {
        "GridSearchCV": "sklearn.model_selection:GridSearchCV",
        "ParameterGrid": "sklearn.model_selection:ParameterGrid",
    },
    "sklearn.learning_curve": {"learning_curve": "sklearn.model_selection:learning_curve"},
    "sklearn.externals": {"joblib": "joblib"},
    "sklearn.externals.joblib": {"": "joblib"},
    "sklearn.lda": {"LDA": "sklearn.discriminant_analysis:LinearDiscriminantAnalysis"},
    "sklearn.qda": {"QDA": "sklearn.discriminant_analysis:QuadraticDiscriminantAnalysis"},
}
"""Modules that were removed: where their names are now. An empty name means the whole module."""
NAMES: dict[str, dict[str, str]] = {
    "collections": {
        name: f"collections.abc:{name}"
        for name in ("Callable", "Hashable", "Iterable", "Iterator", "Mapping", "MutableMapping", "Sequence", "Set")
    },
    "fractions": {"gcd": "math:gcd"},
    "inspect": {"getargspec": "inspect:getfullargspec"},
    "itertools": {
        "ifilter": "builtins:filter",
        "ifilterfalse": "itertools:filterfalse",
        "imap": "builtins:map",
        "izip": "builtins:zip",
        "izip_longest": "itertools:zip_longest",
    },
    "numpy": {
        "NaN": "numpy:nan",
        "Inf": "numpy:inf",
        "infty": "numpy:inf",
        "alltrue": "numpy:all",
        "bool": "builtins:bool",
        "complex": "builtins:complex",
        "cumproduct": "numpy:cumprod",
        "float": "builtins:float",
        "float_": "numpy:float64",
        "int": "builtins:int",
        "object": "builtins:object",
        "product": "numpy:prod",
        "row_stack": "numpy:vstack",
        "sometrue": "numpy:any",
        "str": "builtins:str",
        "string_": "numpy:bytes_",
        "trapz": "numpy:trapezoid",
        "unicode_": "numpy:str_",
    },
    "string": {"letters": "string:ascii_letters", "lowercase": "string:ascii_lowercase"}
    | {"uppercase": "string:ascii_uppercase"},
    "time": {"clock": "time:perf_counter"},
    "types": {
        **{f"{name.capitalize()}Type": f"builtins:{name}" for name in ("complex", "dict", "float", "int", "list")},
        **{f"{name.capitalize()}Type": f"builtins:{name}" for name in ("object", "slice", "tuple", "type")},
        "BooleanType": "builtins:bool",
        "ClassType": "builtins:type",
        "DictionaryType": "builtins:dict",
        "LongType": "builtins:int",
        "StringType": "builtins:str",
        "StringTypes": "builtins:str",
        "UnicodeType": "builtins:str",
    },
}
"""Names that were removed from a module that is still there."""
_METHODS_OF_TEXT = (
    *("capitalize", "center", "count", "expandtabs", "find", "index", "ljust", "lower", "lstrip", "replace", "rfind"),
    *("rindex", "rjust", "rsplit", "rstrip", "split", "strip", "swapcase", "upper", "zfill"),
)
"""Functions of `string`, which are methods today."""


def restore(old: OldPython, bundle: Path | None) -> None:
    """Restore them in this process, and translate the modules of the script bundle when they are imported."""
    sys.meta_path[:0] = [*([_Bundle(bundle, old)] if bundle is not None else ()), _ScikitLearn()]
    sys.meta_path.append(_Removed())
    for name, added in NAMES.items():
        if name != "numpy" and (name != "string" or old.python == 2):
            _add_names(importlib.import_module(name), added)
    import numpy

    numpy.set_printoptions(legacy="1.13")
    _add_names(numpy, NAMES["numpy"])
    for name, function in (("asscalar", lambda a: a.item()), ("in1d", numpy.isin)):
        vars(numpy).setdefault(name, function)
    patterns.restore(old)
    if old.python == 2:
        _restore_python2()


def _restore_python2() -> None:
    import math
    import operator
    import string

    for name in ("ceil", "floor"):

        @around(math, name)
        def _(before: Callable[..., Any], value: Any) -> Any:
            # It decides how the number is divided.
            return float(before(value)) if called_by_script() else before(value)

    vars(sys).update(setdefaultencoding=lambda _: None, maxint=sys.maxsize)
    vars(string).update(maketrans=str.maketrans, join=lambda words, sep=" ": sep.join(words))
    vars(string).update(atof=float, atoi=int, atol=int, **{name: getattr(str, name) for name in _METHODS_OF_TEXT})
    vars(operator).update(div=python2.divide, idiv=python2.divide_in_place, isCallable=callable)
    texts.restore()
    paths.restore_pickles()


def _add_names(module: ModuleType, names: Mapping[str, str]) -> None:
    for name, place in names.items():
        # An alias such as numpy.bool is there again, with another meaning that tables understand as well.
        if name not in vars(module):
            setattr(module, name, _at(place))


def _at(place: str) -> Any:
    module, _, name = place.partition(":")
    found = importlib.import_module(module)
    return getattr(found, name) if name else found


class _Removed(MetaPathFinder, Loader):
    """Finds the removed modules, after everything else was tried."""

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        return ModuleSpec(fullname, self, is_package=True) if fullname in MODULES else None

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        whole = MODULES[spec.name].get("")
        return _at(whole) if whole else None

    def exec_module(self, module: ModuleType) -> None:
        name = module.__spec__.name if module.__spec__ is not None else ""
        if "" in MODULES.get(name, {"": ""}):
            return
        _add_names(module, MODULES[name])
        if name == "sklearn.cross_validation":
            from mlmgmt.learning.old_python import learners

            vars(module).update(learners.splitters())


class _Bundle(MetaPathFinder):
    """Finds the modules of a script bundle."""

    def __init__(self, folder: Path, old: OldPython) -> None:
        self._folder, self._old = folder, old

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: Any = None) -> ModuleSpec | None:
        found = PathFinder.find_spec(fullname, path if path is not None else [str(self._folder)], target)
        if found is None or found.origin is None or not isinstance(found.loader, SourceFileLoader):
            return None
        if not Path(found.origin).is_relative_to(self._folder):
            return None
        found.loader = _Translating(found.loader.name, found.loader.path, self._old)
        return found


class _ScikitLearn(MetaPathFinder):
    """Finds scikit-learn and joblib as always, and restores their defaults once they are imported."""

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: Any = None) -> ModuleSpec | None:
        found = PathFinder.find_spec(fullname, path) if fullname in _Learners.changed else None
        if found is not None and isinstance(found.loader, SourceFileLoader):
            found.loader = _Learners(found.loader.name, found.loader.path)
        return found


class _Learners(SourceFileLoader):
    changed = ("joblib.parallel", "sklearn", "sklearn.model_selection._split")

    def exec_module(self, module: ModuleType) -> None:
        super().exec_module(module)
        if module.__name__ == "joblib.parallel":
            # Another process would have nothing of what is restored in this one.
            vars(module)["DEFAULT_BACKEND"] = "threading"
            return
        # It takes a second to import.
        from mlmgmt.learning.old_python import learners

        if module.__name__ == "sklearn":
            learners.restore()
        else:
            learners.restore_folds(module)


class _Translating(SourceFileLoader):
    """Loads a module of a script bundle as the script itself is loaded."""

    def __init__(self, fullname: str, path: str, old: OldPython) -> None:
        super().__init__(fullname, path)
        self._old = old

    def get_code(self, fullname: str) -> CodeType:
        return translation.compiled(translation.decoded(self.get_data(self.path)), self.path, self._old)

    def exec_module(self, module: ModuleType) -> None:
        vars(module)["__builtins__"] = running.builtins_of(self._old)
        super().exec_module(module)
