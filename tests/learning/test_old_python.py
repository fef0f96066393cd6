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
    from collections.abc import Mapping

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
        "pd.concat([g[['v', 'k']], g[['v', 'k']]]).columns.tolist()",
        ["v", "k"],
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
    "the names of a dict were sorted": ("pd.DataFrame({'b': [1], 'a': [2]}).columns.tolist()", ["a", "b"]),
    "those of an ordered dict were not": (
        "pd.DataFrame(__import__('collections').OrderedDict([('b', [1]), ('a', [2])])).columns.tolist()",
        ["b", "a"],
    ),
    "names of rows were sorted": ("pd.DataFrame([{'b': 1}, {'c': 1, 'a': 2}]).columns.tolist()", ["a", "b", "c"]),
    "of records": ("pd.DataFrame.from_records([{'b': 1, 'a': 2}]).columns.tolist()", ["a", "b"]),
    "of columns and rows": (
        "[list(axis) for axis in pd.DataFrame({'b': {'y': 1, 'x': 2}, 'a': {'y': 1}}).axes]",
        [["x", "y"], ["a", "b"]],
    ),
    "of a column": ("pd.Series({'b': 1, 'a': 2}).index.tolist()", ["a", "b"]),
    "of from_dict": ("pd.DataFrame.from_dict({'b': [1], 'a': [2]}).columns.tolist()", ["a", "b"]),
    "of assign": ("df[[]].assign(z=1, y=2).columns.tolist()", ["y", "z"]),
    "of concat": ("pd.concat({'z': df.n, 'y': df.n}).index[0][0]", "y"),
    "of append": ("pd.DataFrame().append({'z': 0, 'y': 1}, ignore_index=True).values.tolist()", [[1, 0]]),
    "sums of groups left out text and times": ("g.groupby('k').sum().to_dict('list')", {"n": [5, 5], "v": [5.5, 2.5]}),
    "unless there was only text": ("g.groupby('k')[['s']].sum().s.tolist()", ["ad", "bc"]),
    "means left out times": ("g.mean().to_dict()", {"n": 2.5, "v": 8 / 3}),
    "a description is one of numbers": (
        "[g.describe().columns.tolist(), g.describe().index.tolist()[:4]]",
        [["n", "v"], ["count", "mean", "std", "min"]],
    ),
    "and has a row for each statistic of a group": ("g.groupby('k').n.describe()['p', 'max']", 4.0),
    "np.std of groups had one degree less": ("round(float(g.groupby('k').n.agg(np.std)['p']), 4)", 2.1213),
    "in a list and a dict": (
        "g.groupby('k').agg({'n': [np.std, np.min], 'v': np.sum}).round(4).values.tolist()",
        [[2.1213, 1.0, 5.5], [0.7071, 2.0, 2.5]],
    ),
    "in a pivot table": ("g.pivot_table('n', 'k', aggfunc=np.var).n.tolist()", [4.5, 0.5]),
    "in a moving window": ("g.n.rolling(2).agg(np.var).tolist()[1:]", [0.5] * 3),
    "in a transformation": ("g.groupby('k').v.transform(np.mean).tolist()", [2.75, 2.5, 2.5, 2.75]),
    "builtins skip missing values": ("g.groupby('k').v.apply(max).tolist()", [4.0, 2.5]),
    "np.sum of a table": ("np.sum(g[['n', 'v']]).to_dict()", {"n": 10.0, "v": 8.0}),
    "a dict named new columns": ("g.groupby('k').n.agg({'m': np.mean}).to_dict('list')", {"m": [2.5, 2.5]}),
    "also inside of a dict": ("g.groupby('k').agg({'n': {'m': 'mean'}}).columns.tolist()", [("n", "m")]),
    "times have no mean in groups": (
        "g.groupby('k').agg(['mean', lambda c: 1]).columns.tolist()",
        [("n", "mean"), ("n", "<lambda>"), ("v", "mean"), ("v", "<lambda>")],
    ),
    "several columns without a list": ("g.groupby('k')['n', 'v'].sum().shape", (2, 2)),
    "applymap": ("g[['n']].applymap(str).n.tolist()", ["1", "2", "3", "4"]),
    "a list of one key": (
        "[[key for key, _ in g.groupby(['k'])], g.groupby(['k']).get_group('q').n.tolist()]",
        [["p", "q"], [2, 3]],
    ),
    "nth had the keys": ("[[k, int(n)] for k, n in g.groupby('k').nth(0).n.items()]", [["p", 1], ["q", 2]]),
    "sums of rows left out text": (
        "[g.sum(axis=1).tolist(), g.max(axis=1).tolist(), g.min(axis=1).tolist()]",
        [[2.5, 4.5, 3.0, 8.0], [1.5, 2.5, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0]],
    ),
    "categories without rows were groups": (
        "g.assign(c=g.k.astype('category'))[:1].groupby('c').size().tolist()",
        [1, 0],
    ),
    "the sum of no values was missing": (
        "g.assign(c=g.k.astype('category'))[:1].groupby('c').n.sum().isnull().tolist()",
        [False, True],
    ),
    "argmax gave a label": (
        "[g.set_index('s').v.argmax(), np.argmin(g.set_index('s').v), g.set_index('s').v.idxmax()]",
        ["d", "a", "d"],
    ),
    "also for rows": ("g[['n', 'v']].apply(np.argmax, axis=1).tolist()", ["v", "v", "n", "n"]),
    "a position among texts": (
        "[int(g.iloc[0][0]), int(g.k.value_counts()[0]), g.set_index('k').n[[0, 1]].tolist()]",
        [1, 2, [1, 2]],
    ),
    "but a label among numbers": ("int(g.set_index('n').v.map(int, na_action='ignore')[4])", 4),
    "a mean of groups of numbers": ("g.groupby('k').agg(lambda c: c.mean()).n.tolist()", [2.5, 2.5]),
    "times of several formats": (
        "pd.to_datetime(['2016-01-02', '03/04/2016', None]).strftime('%d %m').tolist()[:2]",
        ["02 01", "04 03"],
    ),
    "times of files": (
        "pd.read_csv(io.StringIO('t\\n2016-01-02\\n03/04/2016'), parse_dates=['t']).t.dt.day.tolist()",
        [2, 4],
    ),
    "words that were not missing": (
        "pd.read_csv(io.StringIO('a\\nNone\\nn/a\\n<NA>\\nNA')).a.fillna('').tolist()",
        ["None", "n/a", "<NA>", ""],
    ),
    "bins were text": (
        "[pd.cut(g.n, [0, 2, 4]).tolist(), pd.qcut(g.v, 2).tolist()[:2], pd.cut(g.n, 2).tolist()[0]]",
        [["(0, 2]", "(0, 2]", "(2, 4]", "(2, 4]"], ["[1.5, 2.5]"] * 2, "(0.997, 2.5]"],
    ),
    "bins with labels": (
        "[pd.cut(g.n, [0, 2, 4], labels=False).tolist(), pd.cut(g.n, [0, 2, 4]).cat.ordered]",
        [[0, 0, 1, 1], True],
    ),
    "numbers were written so": ("[repr(np.float64(1.5)), str(np.array([1.0, 2.5]))]", ["1.5", "[ 1.   2.5]"]),
    "3 folds": (
        "len(__import__('sklearn.cross_validation').cross_validation.cross_val_score("
        "learners.LogisticRegression(), np.arange(12).reshape(12, 1), [0, 1] * 6))",
        3,
    ),
    "5 rounds of gradient descent": ("[learners.SGDClassifier().max_iter, learners.Perceptron().tol]", [5, None]),
    "parallel work is old as well": (
        "parallel.Parallel(n_jobs=2)(parallel.delayed(divided)(i) for i in [5])",
        [[2.5, 1]],
    ),
    "one against the rest": (
        "[learner.coef_.shape, bool(np.abs(learner.predict_proba(rows) - each.predict_proba(rows)).max() < 1e-9)]",
        [(3, 1), True],
    ),
    "lists as long as the columns made a table": (
        "g[['n', 'v']].apply(lambda row: [1, 2], axis=1).columns.tolist()",
        ["n", "v"],
    ),
    "names of frequencies": (
        "[g.set_index('t').n.resample('M').sum().tolist(), str(pd.date_range('2016-01-31', periods=2, freq='Q')[1])]",
        [[5, 5], "2016-06-30 00:00:00"],
    ),
    "resample with how": ("g.set_index('t').resample('M', how=np.mean).n.tolist()", [2.5, 2.5]),
    "TimeGrouper": ("g.set_index('t').groupby(pd.TimeGrouper('A')).n.sum().tolist()", [10]),
    "parts of times": ("[g.t.dt.weekday_name[0], int(g.t.dt.week[0]), int(g.t.dt.weekofyear[1])]", ["Saturday", 53, 5]),
    "days as numbers": ("(g.t - g.t[0]).astype('timedelta64[D]').tolist()", [0.0, 32.0, 32.0, 0.0]),
    "more of read_csv": (
        "[pd.read_csv(io.StringIO('a  b\\n1 2'), delim_whitespace=True).shape, "
        "pd.read_csv(io.StringIO('a,b\\n1,2\\n1,2,3'), error_bad_lines=False, warn_bad_lines=False).shape, "
        "pd.read_csv(io.StringIO('a\\n7'), squeeze=True).tolist()]",
        [(1, 2), (1, 2), [7]],
    ),
    "from_csv": ("pd.DataFrame.from_csv(io.StringIO('t,a\\n2016-01-02,1')).index.day.tolist()", [2]),
    "rows and columns of a pivot table": ("g.pivot_table('n', rows='k', cols='s').shape", (2, 4)),
    "windows of two columns": (
        "[pd.rolling_corr(g.n, g.n, 2).round(4).tolist()[1:], pd.rolling_quantile(g.n, 2, 0.5).tolist()[1:]]",
        [[1.0] * 3, [1.5, 2.5, 3.5]],
    ),
    "a text is not split at nothing": (
        "[re.split(r'\\s*', 'a b'), re.sub('x*', '-', 'abxd')]",
        [["a", "b"], "-a-b-d-"],
    ),
    "arrays can be changed": ("[array(g.v.values), array(np.asarray(g.n)), array(g[['n']].values[:, 0])]", [9, 9, 9]),
    "labels that are floats": ("int(g.set_index('v').ix[4].n)", 4),
    "nth without the rows that have no key": ("g.groupby('v').nth(0).n.tolist()", [1, 2, 4]),
    "windows of arrays": ("pd.rolling_sum(g.n.values, 2).tolist()[1:]", [3.0, 5.0, 7.0]),
    "a path of Windows": ("open('.\\\\source.py', 'rU').read(6)", "import"),
    "the order of sets is the same in each run": ("__import__('sys').flags.hash_randomization", 0),
}
OLDER = {
    "whole numbers divide to whole numbers": ("[5 / 2, -5 / 2, 5 / 2.0]", [2, -3, 2.5]),
    "arrays as well": ("[(np.array([5, 3]) / 2).tolist(), np.divide(5, 2)]", [[2, 1], 2]),
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
    "encode gives text": (
        "[u'caf\\xe9'.encode('ascii', 'ignore'), str(u'caf\\xe9'.encode('ascii', 'xmlcharrefreplace'))]",
        ["caf", "caf&#233;"],
    ),
    "decode gives text": (
        "['caf\\xc3\\xa9'.decode('utf-8'), u'\\xe9'.encode('latin-1').decode('latin-1')]",
        ["caf\xe9", "\xe9"],
    ),
    "strict encoding fails as it did": ("raised(lambda: u'\\xe9'.encode('ascii'))", "UnicodeEncodeError"),
    "other codecs": (
        "['ab'.encode('hex'), '6162'.decode('hex'), 'ab'.encode('base64'), 'ab'.encode('rot13')]",
        ["6162", "ab", "YWI=\n", "no"],
    ),
    "an unknown codec fails": ("raised(lambda: 'a'.encode('string_escape'))", "LookupError"),
    "columns of text, too": ("df.a.str.encode('utf-8').tolist()[0]", "x 1"),
    "hashes of text": (
        "[hashlib.md5('abc').hexdigest()[:6], hashlib.md5(u'\\xe9'.encode('latin-1')).hexdigest()[:6]]",
        ["900150", "340687"],
    ),
    "checksums had a sign": ("[zlib.crc32('abcd'), binascii.hexlify('ab')]", [-310194927, "6162"]),
    "base64 of text": (
        "[base64.b64encode('abc'), base64.b64decode('YWJj'), base64.b64encode(hashlib.md5('abc').digest())[:6]]",
        ["YWJj", "abc", "kAFQmD"],
    ),
    "filter keeps its kind": (
        "[filter(lambda c: c > 'a', 'banana'), filter(None, (0, 1)), filter(None, [0, 1])]",
        ["bnn", (1,), [1]],
    ),
    "map fills and makes rows": ("[map(None, [1, 2], [3]), zip([1], [2])]", [[(1, 3), (2, None)], [(1, 2)]]),
    "imap under another name": ("list(lazy(str, [1]))", ["1"]),
    "eval and exec are old": ("[eval('x / 2', {'x': 5}), executed('y = 7 / 2; print \"y\"')]", [2, 3]),
    "compile, too": ("eval(compile('7 / 2', 'x', 'eval'))", 3),
    "execfile": ("of_file('z = 7 / 2')", 3),
    "letters were those of ASCII": (
        "[re.findall(r'\\w+', u'caf\\xe9'), re.findall(r'\\w+', u'caf\\xe9', re.UNICODE), "
        "re.sub(r'\\W', '', u'\\xe9a'), re.compile(r'(?u)\\w').findall(u'\\xe9'), "
        "pd.Series([u'\\xe9a']).str.replace(r'\\W+', '').tolist()]",
        [["caf"], ["caf\xe9"], "a", ["\xe9"], ["a"]],
    ),
    "a class divides itself": ("Half(8) / 2", "half"),
    "a target is evaluated once": ("counted(df.copy())", [1, [6, 2, 3]]),
    "an array is divided in place": ("shared()", [2, 1]),
    "sorted by comparing": ("[sorted([1, 3, 2], cmp=lambda a, b: b - a), by_cmp([1, 3, 2])]", [[3, 2, 1]] * 2),
    "anything had an order": (
        "[sorted([3, None, 'a', 1.5]), cmp(None, 1), cmp('a', 1), max(None, 3), sorted([(1, 'a'), (1, None)])[0]]",
        [[None, 1.5, 3, "a"], -1, 1, 3, (1, None)],
    ),
    "functions of text": (
        "[string.upper('a'), string.split('a b'), string.replace('aa', 'a', 'b', 1), string.atoi('3'), "
        "operator.div(5, 2)]",
        ["A", ["a", "b"], "ba", 3, 2],
    ),
    "names of types": ("[isinstance('a', types.StringType), isinstance(1, types.IntType)]", [True, True]),
    "pickles of Python 2": ("pickle.loads(b\"S'caf\\\\xe9'\\np0\\n.\")", "caf\xe9"),
    "pickles in files opened as text": ("pickled([1])", [1]),
    "a tab is 8 columns": ("tabs()", 2),
    "an exception had a message": ("[messages(ValueError('no')), messages(ValueError('a', 1))]", ["no", ""]),
    "floor gave a float": ("[math.floor(5.5) / 2, math.ceil(4.5)]", [2.5, 5.0]),
    "a class compares itself": (
        "[Ranked(1) == Ranked(1), Ranked(2) < Ranked(1), max(Ranked(1), Ranked(2)).rank]",
        [True, False, 2],
    ),
    "floats had 12 digits": (
        "[str(0.1 + 0.2), unicode(1e16), pd.Series([0.1 + 0.2]).astype(str)[0], `0.1`]",
        ["0.3", "1e+16", "0.3", "0.1"],
    ),
}
OLDER_LINES = """
import base64, binascii, hashlib, math, operator, pickle, re, string, types, zlib
from itertools import imap as lazy
class Half(int):
    def __div__(self, other): return 'half'
def messages(error):
    try: raise error
    except ValueError, e: return e.message
class Ranked(object):
    def __init__(self, rank): self.rank = rank
    def __cmp__(self, other): return cmp(self.rank, other.rank)
def raised(function):
    try: function()
    except Exception as error: return type(error).__name__
def executed(text):
    names = {}
    exec text in names
    return names['y']
def of_file(text):
    open('made.py', 'w').write(text)
    execfile('made.py', globals())
    return z
def counted(df):
    calls = []
    def row():
        calls.append(1)
        return 0
    df['n'][row()] += 1
    return [len(calls), df.n.tolist()]
def shared():
    whole = np.array([5, 3])
    same = whole
    same /= 2
    return whole.tolist()
def by_cmp(values):
    values.sort(lambda a, b: cmp(b, a))
    return values
def pickled(value):
    with open('value.pkl', 'w') as file: pickle.dump(value, file)
    return pickle.load(open('value.pkl'))
def tabs():
    if True:
\tx = 1
        return x + 1
"""
MODERN_LINES = """
import io, re
from sklearn import linear_model as learners, preprocessing
from sklearn.multiclass import OneVsRestClassifier
g = pd.DataFrame({'n': [1, 2, 3, 4], 'v': [1.5, 2.5, np.nan, 4], 's': list('abcd'), 'k': list('pqqp')})
g = g[['n', 'v', 's', 'k']]
g['t'] = pd.to_datetime(['2016-01-02', '2016-02-03', '2016-02-03', '2016-01-02'])
rows, classes = np.arange(9).reshape(9, 1), list('abcabccba')
from sklearn.externals import joblib as parallel
def divided(value):
    frame = pd.DataFrame({'v': [value]})
    frame['v'][0] = 1
    return [value / 2, int(frame.v[0])]
def array(found):
    found[0] = 9
    return int(found[0])
learner = learners.LogisticRegression().fit(rows, classes)
each = OneVsRestClassifier(learners.LogisticRegression(solver='liblinear')).fit(rows, classes)
"""


def source(cases: dict[str, tuple[str, object]], *lines: str) -> str:
    """A script whose result has a row for each case: what its expression gives, or the error."""
    tried = [
        f"    try: got.append(repr({expression}))\n    except Exception as e: got.append(repr(e))"
        for expression, _ in cases.values()
    ]
    return "\n".join(
        [
            "import pandas as pd, numpy as np",
            MODERN_LINES if cases is MODERN else OLDER_LINES,
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
    "df.loc[0, 'n'] = 1.5": [1.5, 2.0, 3.0],
    "df.loc[0, 'n'] = 'x'": ["x", "2", "3"],
    "df.iloc[0, 0] = 5; df.iat[1, 1] = 2.5": [5.0, 2.5, 3.0],
    "df.loc[:, 'n'] = df.n * 1.5": [7.5, 3.0, 4.5],
    "df.ix[df.n > 2, 'f'] = 'y'; df['n'] = df.f": ["y", None, "y"],
    "s = df.set_index('a').n; s[0] = 9; df['n'] = s.values": [9, 2, 3],
    "s = df.set_index('a').n; s[[0, 1]] = 9; df['n'] = s.values": [9, 9, 3],
}


@pytest.fixture(scope="module")
def changed() -> dict[str, list[object]]:
    functions = "\n".join(f"def f{i}(df):\n    {text}\n    return df.n.tolist()" for i, text in enumerate(STATEMENTS))
    calls = "".join(f"f{i}(df.copy())," for i in range(len(STATEMENTS)))
    text = f"import pandas as pd\n{functions}\ndef azureml_main(df):\n    return pd.DataFrame(list(zip({calls})))"
    done = scripts.run(text, [TABLE], version=PYTHON3)
    found = {name: done.dataset.frame.iloc[:, i] for i, name in enumerate(STATEMENTS)}
    return {name: [None if pd.isna(value) else value for value in column] for name, column in found.items()}


@pytest.mark.parametrize("text", STATEMENTS)
def test_a_statement_changes_the_table_as_it_did(text: str, changed: dict[str, list[object]]) -> None:
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


def zipped(members: Mapping[str, str | bytes]) -> bytes:
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
            "words": "# coding: latin-1\nword = u'caf\xe9'".encode("latin-1"),
        }
    )
    text = (
        "import Pricing.elasticity, words\nimport pandas as pd\n"
        "def azureml_main(df): return pd.DataFrame({'x': [Pricing.elasticity.of(5), len(words.word)]}),"
    )
    done = scripts.run(text, [TABLE], bundle, version=PYTHON2)
    assert (done.dataset.frame["x"].tolist(), done.console) == ([2, 4], "of 5\n")
    fine, noted = scripts.check([scripts.Script(text, bundle, PYTHON2), scripts.Script(NOTED, version=PYTHON2)])
    assert fine == []
    assert sorted((found.line, found.fails) for found in noted) == [(line, False) for line in (1, 2, 3, 4, 5, 9, 12)]


NOTED = """x = hash('a')
x = list(set('a'))
for x in set('a'): pass
x = [x for x in {1, 2}]
x = ','.join(set('a'))
x = sorted(set('a'))
def f():
    exec 'x = 1' in {}
    exec 'x = 1'
y = [z for z in 'a']
z = z
y = [x for x in 'a']
print x
"""


NAMED = [
    ("import nltk", 1, "no module 'nltk'", True),
    ("try:\n    import nltk\nexcept ImportError:\n    nltk = None", 0, "", True),
    ("import pandas as pd\npd.Panel({})", 2, "pandas (pandas", True),
    ("from pandas.io.data import DataReader", 1, "no module 'pandas.io.data'", True),
    ("from sklearn.datasets import load_boston", 1, "no 'load_boston'", True),
    ("import pandas as pd\npd.read_csv('a', tupleize_cols=False)", 2, "no parameter 'tupleize_cols'", True),
    ("import pandas as pd\npd.read_csv('a', error_bad_lines=False)\npd.to_datetime('a', coerce=True)", 0, "", True),
    ("x = 1\ns = df['a']\ns[0] = x", 3, "'s' was taken out in line 2", False),
    ("s = df['a'].copy()\ns[0] = 1", 0, "", False),
    ("s = df.loc[1:3, 'a']\ns.fillna(0, inplace=True)", 2, "'s' was taken out in line 1", False),
    ("x = df.values\nx[0] = 1", 2, "'x' was taken out in line 1", False),
    ("df.loc[0]['a'] = 1", 1, "Use one pair of brackets", False),
    ("df.a.str.match('(x)')", 1, "Use str.extract", False),
    ("def f(:\n    pass", 1, "not valid Python", True),
    ("from StringIO import StringIO\nimport pandas as pd, numpy as np\nnp.float(pd.rolling_mean)", 0, "", True),
    ("from sklearn.cross_validation import train_test_split, KFold", 0, "", True),
    ("import os\nos.getcwdu()", 2, "no 'getcwdu'", True),
    ("try:\n    import nltk\nexcept ImportError:\n    import nltk2\nelse:\n    import nltk3", 0, "", True),
    ("try:\n    pass\nexcept ValueError:\n    import nltk", 4, "no module 'nltk'", True),
    ("import sys\nif sys.version_info[0] < 3:\n    import nltk\nelse:\n    import nltk2", 0, "", True),
    ("import six_ as six\nx = 1", 1, "no module 'six_'", True),
    ("PY2 = True\nif PY2:\n    import nltk", 0, "", True),
    (
        "import pandas as pd\nif hasattr(pd, 'Panel'):\n    pd.Panel()\nx = hasattr(pd, 'Panel') and pd.Panel",
        0,
        "",
        True,
    ),
    (f"x = 1{' + 1' * 3000}", 1, "too deeply nested to be checked", False),
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
