"""Scripts for an old Anaconda answer as they did; what they cannot have here is named before they run.

The expected values are those of the documentation of Python 2.7, pandas 0.14 and 0.18, and scikit-learn 0.17.
"""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from mlmgmt.learning import old_python, scripts
from mlmgmt.modules.base import Dataset, ModuleFailure

if TYPE_CHECKING:
    from mlmgmt.learning.old_python import checking

PYTHON2, PYTHON3 = "Anaconda 4.0/Python 2.7.11", "Anaconda 4.0/Python 3.5"
FIRST = "Anaconda 2.0/Python 2.7.7"
TABLE = Dataset(
    pd.DataFrame(
        {
            "a": pd.array(["x 1", "y2", "z-3"], dtype="str"),
            "n": pd.array([5, 2, 3], dtype="Int64"),
            "t": pd.to_datetime(["2016-01-01", "2016-01-02", None], utc=True),
        }
    )
)
MODERN = {
    "str.replace took a pattern": ("df.a.str.replace(r'\\D+', '').tolist()", ["1", "2", "3"]),
    "but a single letter literally": ("pd.Series(['a.b']).str.replace('.', '-').tolist()", ["a-b"]),
    "str.replace with flags": ("pd.Series(['aBc']).str.replace('b', '-', case=False).tolist()", ["a-c"]),
    "str.extract gave a column": ("df.a.str.extract(r'(\\d)').tolist()", ["1", "2", "3"]),
    "str.split by position": ("df.a.str.split(' ', 1).tolist()[0]", ["x", "1"]),
    "text was an object": ("[c for c in df.columns if df[c].dtype == object]", ["a"]),
    "as in a new table": ("str(pd.DataFrame({'q': ['a']}).q.dtype)", "object"),
    "times had nanoseconds": ("df.t.astype('int64').tolist()[0]", 1451606400 * 10**9),
    "times that are made, too": (
        "int(pd.to_datetime(pd.Series(['2016-01-01'])).astype('int64')[0])",
        1451606400 * 10**9,
    ),
    "DataFrame.append": ("df[['n']].append(pd.DataFrame({'n': [9]}), ignore_index=True).n.tolist()", [5, 2, 3, 9]),
    "of a dict": ("df[['n']].append({'n': 7}, ignore_index=True).n.tolist()", [5, 2, 3, 7]),
    "of a dict with other names": (
        "df[['n', 'a']].append({'b': 1, 'a': 'q'}, ignore_index=True).columns.tolist()",
        ["n", "a", "b"],
    ),
    "Series.append": ("df.n.append(df.n).tolist()", [5, 2, 3, 5, 2, 3]),
    "concat sorted other columns": (
        "pd.concat([pd.DataFrame({'v': [1], 'g': [1]}), pd.DataFrame({'a': [1], 'v': [2]})]).columns.tolist()",
        ["a", "g", "v"],
    ),
    "concat kept the same columns": (
        "pd.concat([pd.DataFrame({'v': [1], 'g': [1]}), pd.DataFrame({'v': [1], 'g': [2]})]).columns.tolist()",
        ["v", "g"],
    ),
    "sort by a column": ("df.sort('n').n.tolist()", [2, 3, 5]),
    "sort by a list of columns": ("df.sort(['n'], ascending=[False]).n.tolist()", [5, 3, 2]),
    "order": ("df.n.order().tolist()", [2, 3, 5]),
    "sort_index by a column": ("df.sort_index(by='n').n.tolist()", [2, 3, 5]),
    "ix by position and name": ("df.ix[0, 'a']", "x 1"),
    "ix by label in another order": ("int(df.sort('n').ix[0, 'n'])", 5),
    "ix by position among texts": ("int(df.set_index('a').ix[1, 'n'])", 2),
    "ix by truth values": ("df.ix[df.n > 2, ['n']].n.tolist()", [5, 3]),
    "ix of columns by position": ("df.ix[:, [0, 1]].columns.tolist()", ["a", "n"]),
    "drop by position": ("df.drop('n', 1).columns.tolist()", ["a", "t"]),
    "dropna by position": ("df.dropna(0).shape", (2, 3)),
    "set_index by position": ("df.set_index('a', False).columns.tolist()", ["a", "n", "t"]),
    "pivot by position": ("df.pivot('n', 'a', 'n').shape", (3, 3)),
    "fillna with a method": ("pd.Series([1, None]).fillna(method='ffill').tolist()", [1.0, 1.0]),
    "pct_change filled gaps": ("pd.Series([1, None, 3]).pct_change().tolist()[1:]", [0.0, 2.0]),
    "minus negates truth values": ("df[-df.n.isin([2])].n.tolist()", [5, 3]),
    "as_matrix": ("df[['n']].as_matrix().tolist()", [[5], [2], [3]]),
    "iteritems": ("[name for name, _ in df.iteritems()]", ["a", "n", "t"]),
    "the mean left out text": ("df[['a', 'n']].mean().to_dict()", {"n": 10 / 3}),
    "correlations, too": ("df[['a', 'n']].corr().shape", (1, 1)),
    "and means of groups": ("df[['a', 'n']].assign(g=1).groupby('g').mean().columns.tolist()", ["n"]),
    "groups had their key": ("df.groupby('a').apply(lambda x: x['a'].iloc[0]).tolist()", ["x 1", "y2", "z-3"]),
    "groups with the same rows kept the order": (
        "df.sort('n').groupby('a').apply(lambda x: x[['n']] * 2).n.tolist()",
        [4, 6, 10],
    ),
    "value_counts kept the column's name": ("df.a.value_counts().reset_index().columns.tolist()", ["index", "a"]),
    "get_dummies gave numbers": ("str(pd.get_dummies(df.a).dtypes.iloc[0])", "uint8"),
    "rolling_mean": ("pd.rolling_mean(df.n, 2).tolist()[1:]", [3.5, 2.5]),
    "ewma": ("pd.ewma(pd.Series([1, 2]), 1).tolist()[1]", 5 / 3),
    "NumPy's names of types": ("[np.float, np.int, np.asscalar(np.int64(3))] == [float, int, 3]", True),
    "modules that moved": ("__import__('StringIO').StringIO(u'x').read()", "x"),
    "names of the library": ("callable(__import__('time').clock)", True),
    "forests had 10 trees": ("__import__('sklearn.ensemble').ensemble.RandomForestClassifier().n_estimators", 10),
    "cross_validation": ("len(__import__('sklearn.cross_validation').cross_validation.KFold(6, n_folds=3))", 3),
    "the imputer": ("preprocessing.Imputer(strategy='median').fit_transform([[1], [None], [3]]).tolist()[1]", [2.0]),
    "whole numbers divide truly": ("5 / 2", 2.5),
    "a part of a column": ("changed(\"df['n'][df.n > 2] = 0\")", [0, 2, 0]),
}
OLDER = {
    "whole numbers divide to whole numbers": ("[5 / 2, -5 / 2, 5 / 2.0]", [2, -3, 2.5]),
    "arrays as well": ("(np.array([5, 3]) / 2).tolist()", [2, 1]),
    "but never columns": ("(df.n / 2).tolist()", [2.5, 1.0, 1.5]),
    "halves are rounded away from zero": ("[round(2.5), round(-0.5), round(2.345, 1)]", [3.0, -1.0, 2.3]),
    "map gives a list": ("map(str, [1, 2])", ["1", "2"]),
    "keys are a list": ("{'a': 1}.keys()[0]", "a"),
    "a range is a list": ("range(3) + [9]", [0, 1, 2, 9]),
    "has_key": ("{'a': 1}.has_key('a')", True),
    "unicode": ("unicode(3) + u'x' if isinstance(u'a', basestring) else 0", "3x"),
    "cmp and reduce": ("[cmp(1, 2), reduce(lambda a, b: a + b, [1, 2, 3])]", [-1, 6]),
    "another sign for unequal": ("1 <> 2", True),
    "an octal number": ("010", 8),
    "a long number": ("10L", 10),
    "translate with deletions": ("'a-b.c'.translate(None, '-.')", "abc"),
    "exec and backquotes": ("`3` + '!'", "3!"),
}


def source(cases: dict[str, tuple[str, object]], *lines: str) -> str:
    """A script whose result has a row for each case: what its expression gives, or the error."""
    tried = [
        f"    try: got.append(repr({expression}))\n    except Exception as e: got.append(repr(e))"
        for expression, _ in cases.values()
    ]
    return "\n".join(
        [
            "import pandas as pd, numpy as np",
            "from sklearn import preprocessing" if cases is MODERN else "",
            "def azureml_main(df):",
            "    got = []",
            "    def changed(_):",
            "        df['n'][df.n > 2] = 0",
            "        return df.n.tolist()",
            *lines,
            *tried,
            "    return pd.DataFrame({'got': got}),",
        ]
    )


@pytest.fixture(scope="module")
def modern() -> dict[str, str]:
    done = scripts.run(source(MODERN), [TABLE], version=PYTHON3)
    return dict(zip(MODERN, done.dataset.frame["got"], strict=True))


@pytest.fixture(scope="module")
def older() -> dict[str, str]:
    done = scripts.run(source(OLDER), [TABLE], version=PYTHON2)
    return dict(zip(OLDER, done.dataset.frame["got"], strict=True))


@pytest.mark.parametrize("case", MODERN)
def test_an_expression_gives_what_it_gave(case: str, modern: dict[str, str]) -> None:
    assert modern[case] == repr(MODERN[case][1])


@pytest.mark.parametrize("case", OLDER)
def test_an_expression_of_python_2_gives_what_it_gave(case: str, older: dict[str, str]) -> None:
    assert older[case] == repr(OLDER[case][1])


STATEMENTS = {
    "df['n'][df.n > 2] = 0": [0, 2, 0],
    "df.n[df.n > 2] = 0": [0, 2, 0],
    "df['n'].iloc[0] = 9": [9, 2, 3],
    "df.n.loc[1:] = 9": [5, 9, 9],
    "df['n'][1:2] = 9": [5, 9, 3],
    "df['n'].values[0] = 9": [9, 2, 3],
    "df['n'][0] = 0.5": [0.5, 2.0, 3.0],
    "df['n'][0] += 1": [6, 2, 3],
    "df['n'].replace(5, 9, inplace=True)": [9, 2, 3],
    "df.n.replace(5, 9, inplace=True)": [9, 2, 3],
    "df[df.n > 2]['n'] = 0": [5, 2, 3],
    "d = {'n': [1]}; d['n'][0] = 2; df['n'] = d['n'][0]": [2, 2, 2],
    "df.sort('n', inplace=True)": [2, 3, 5],
    "df.ix[0, 'n'] = 9": [9, 2, 3],
    "df['n'].fillna(0)": [5, 2, 3],
}


@pytest.fixture(scope="module")
def changed() -> dict[str, list[float]]:
    functions = "\n".join(f"def f{i}(df):\n    {text}\n    return df.n.tolist()" for i, text in enumerate(STATEMENTS))
    calls = "".join(f"f{i}(df.copy())," for i in range(len(STATEMENTS)))
    text = f"import pandas as pd\n{functions}\ndef azureml_main(df):\n    return pd.DataFrame(list(zip({calls})))"
    done = scripts.run(text, [TABLE], version=PYTHON3)
    return {name: done.dataset.frame.iloc[:, i].tolist() for i, name in enumerate(STATEMENTS)}


@pytest.mark.parametrize("text", STATEMENTS)
def test_a_statement_changes_the_table_as_it_did(text: str, changed: dict[str, list[float]]) -> None:
    assert changed[text] == STATEMENTS[text]


def test_without_a_version_a_script_is_one_of_today() -> None:
    lines = ("import pandas as pd", "def azureml_main(df):", "    has = float(hasattr(df, 'append'))")
    text = "\n".join((*lines, "    return pd.DataFrame({'x': [5 / 2, has]}),"))
    assert scripts.run(text, [TABLE]).dataset.frame["x"].tolist() == [2.5, 0.0]
    assert [old_python.named(text) for text in (None, "", "3.11", "Anaconda", "Python 2.7")] == [None] * 5
    assert old_python.named("anaconda 2.0/python 2.7.7") == old_python.OldPython(2, 2)


def test_missing_text_is_missing_inside_and_outside() -> None:
    text = (
        "def azureml_main(df):\n    df['filled'] = df.a.fillna('unknown')\n"
        "    df['made'] = ['x', None, float('nan')]\n    return df,"
    )
    table = Dataset(pd.DataFrame({"a": pd.array(["y", None, "None"], dtype="str")}))
    found = scripts.run(text, [table], version=PYTHON2).dataset.frame
    assert found["filled"].tolist() == ["y", "unknown", "None"]
    assert [found[name].isna().tolist() for name in ("a", "made")] == [[False, True, False], [False, True, True]]


def test_a_traceback_names_the_script_s_own_line() -> None:
    text = "import StringIO\nprint 'a'\ndef azureml_main(df):\n    print 'b'\n    raise ValueError, 'no'"
    with pytest.raises(ModuleFailure, match="ValueError at line 5: no"):
        scripts.run(text, [TABLE], version=FIRST)


def zipped(members: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        for name, text in members.items():
            packed.writestr(f"{name}.py", text)
    return buffer.getvalue()


def test_the_modules_of_a_bundle_are_old_as_well() -> None:
    bundle = zipped(
        {
            "Pricing/__init__": "",
            "Pricing/elasticity": "import helper\ndef of(x):\n    print 'of', x\n    return helper.half(x)",
            "Pricing/helper": "def half(x): return x / 2",
        }
    )
    text = (
        "import Pricing.elasticity\nimport pandas as pd\n"
        "def azureml_main(df): return pd.DataFrame({'x': [Pricing.elasticity.of(5)]}),"
    )
    done = scripts.run(text, [TABLE], bundle, version=PYTHON2)
    assert (done.dataset.frame["x"].tolist(), done.console) == ([2], "of 5\n")
    assert scripts.check([scripts.Script(text, bundle, PYTHON2)]) == [[]]


NAMED = [
    ("import nltk", 1, "no module 'nltk'", True),
    ("try:\n    import nltk\nexcept ImportError:\n    nltk = None", 0, "", True),
    ("import pandas as pd\npd.Panel({})", 2, "pandas (pandas", True),
    ("from pandas.io.data import DataReader", 1, "no module 'pandas.io.data'", True),
    ("from sklearn.datasets import load_boston", 1, "no 'load_boston'", True),
    ("import pandas as pd\npd.read_csv('a', error_bad_lines=False)", 2, "no parameter 'error_bad_lines'", True),
    ("x = 1\ns = df['a']\ns[0] = x", 3, "'s' was taken out in line 2", False),
    ("s = df['a'].copy()\ns[0] = 1", 0, "", False),
    ("s = df.loc[1:3, 'a']\ns.fillna(0, inplace=True)", 2, "'s' was taken out in line 1", False),
    ("df.loc[0]['a'] = 1", 1, "Use one pair of brackets", False),
    ("df.a.str.match('(x)')", 1, "Use str.extract", False),
    ("def f(:\n    pass", 1, "not valid Python", True),
    ("from StringIO import StringIO\nimport pandas as pd, numpy as np\nnp.float(pd.rolling_mean)", 0, "", True),
    ("from sklearn.cross_validation import train_test_split, KFold", 0, "", True),
    ("import os\nos.getcwdu()", 2, "no 'getcwdu'", True),
]


@pytest.fixture(scope="module")
def checked() -> list[list[checking.Finding]]:
    return scripts.check([scripts.Script(text, version=PYTHON3) for text, *_ in NAMED])


@pytest.mark.parametrize("place", range(len(NAMED)))
def test_what_cannot_be_restored_is_named_by_line_and_call(place: int, checked: list[list[checking.Finding]]) -> None:
    _, line, words, fails = NAMED[place]
    assert [finding.line for finding in checked[place]] == [line] * bool(line)
    for finding in checked[place]:
        assert words in str(finding)
        assert finding.fails is fails


def test_only_the_modules_of_a_bundle_that_are_imported_are_checked() -> None:
    bundle = zipped({"used": "import helper\nprint 'x'", "helper": "import nltk", "unused": "import nltk\nif:"})
    old, new = (scripts.Script("import used", bundle, version) for version in (PYTHON2, None))
    (found,), (refused,) = scripts.check([old, new])
    assert (found.file, found.line, found.fails) == ("helper.py", 1, True)
    # In the Python of today, its print statement is wrong.
    assert (refused.file, refused.line, refused.fails) == ("used.py", 2, True)
