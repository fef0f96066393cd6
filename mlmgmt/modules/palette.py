"""The modules of Studio's palette that do not run here, so that a graph that needs them is refused by their names.

An experiment names a module by its GUID alone.
"""

from __future__ import annotations

from typing import NamedTuple


class Absent(NamedTuple):
    """A module of the palette that does not run here, and why."""

    name: str
    reason: str


_NONE = "Nothing in this version does its work."
_R = "Scripts in R are not run."
_ENTITIES = (
    "No local library does its work as well. An Execute Python Script in its place must return the columns Article, "
    "Mention, Offset, Length and Type."
)
_PHRASES = (
    "No local library does its work as well. An Execute Python Script in its place must return one column, Key Phrases."
)
_LANGUAGES = (
    "No local library does its work as well. An Execute Python Script in its place must add the columns <Column> "
    "Language, <Column> Iso6391 Language and <Column> Iso6391 Language Score."
)
_FILTERS = "Filters of signals are not computed."
_COUNTS = "Learning with counts is not supported."
_VOWPAL = "Vowpal Wabbit is not run."
_IMAGES = "Images are not read."
_SCRUBBER = "It was deprecated. Use Clean Missing Data."
_BINS = "It was deprecated, and nothing in this version does its work."
_CLUSTERS = "It was deprecated. Use Assign Data to Clusters."

_GROUPS: dict[str, dict[str, str]] = {
    _FILTERS: {
        "278e11eccb1649d4a13c54b2c9f5ce88": "Apply Filter",
        "5bcfd02be3594289b75c3aa9f3e4479f": "FIR Filter",
        "1c22cafc1da04dc59336831ee3f2860b": "IIR Filter",
        "a7974d98616d4a788966cad384b41886": "Median Filter",
        "1889e4ca7bf7494db2ccda9940468b9e": "Moving Average Filter",
        "11fbc6ba3a9f4492b7898ef8a9320306": "Threshold Filter",
        "53f113fe2e9d45dda421cdd7ada0567b": "User-Defined Filter",
    },
    _NONE: {
        "6bd12c13d9c3452294d34aa44513af57": "Apply Math Operation",
        "ee12de502b344145aec023e0485da308": "Bayesian Linear Regression",
        "cdc62e1db64f424cac09bb050918a668": "Clip Values",
        "3086b8d4c89545ba8aa934f0c944d4d3": "Compute Elementary Statistics",
        "72a2eeb273fe43848a8b5478aba2ffb3": "Compute Linear Correlation",
        "62d2ceced8324a7aa0bdf01f03af0960": "Convert to ARFF",
        "faa6ba63383c4086ba587abf26b85814": "Convert to CSV",
        "72bf58e0fc874bb19704f1805003b975": "Convert to Dataset",
        "8d44b92397df4dd5a6d4173bb89c7441": "Convert to SVMLight",
        "1cdbcda42ece49088b87e6b636258d3d": "Convert to TSV",
        "0de80e22f74e4e51a080e73806a6e00c": "Evaluate Probability Function",
        "e9ad68a7e91b4ae6800eb5ee7e22cd17": "Evaluate Recommender",
        "b9064dc32d694e06b3076cebf324686a": "Fast Forest Quantile Regression",
        "818b356b045c412baa1294a1d2dad90f": "Filter Based Feature Selection",
        "dcaab0b259ca4becbb6679fd23540080": "Fisher Linear Discriminant Analysis",
        "cd7343261fc7480fb5f62e9a50694c96": "Group Categorical Values",
        "61dd433aee804ac387f0b54708644d93": "Group Data into Bins",
        "e35a5905bd5741f4957682bfcb92f837": "Latent Dirichlet Allocation",
        "f83ba3fb6680442c89b6db418b53264c": "Linear Discriminant Analysis",
        "204f6baac5f34748844b1d122a76792e": "Load Trained Model",
        "5780aca0de564e839db006e97d03eb4e": "Multiclass Decision Jungle",
        "62839cbe2ae34b64ada4ad6eba89444a": "One-Class Support Vector Machine",
        "7191efaeb4b14d03a6f87205f87be664": "One-vs-All Multiclass",
        "ffb557f8dc7f44bd8fd0b25666dd23f1": "Ordinal Regression",
        "c3822fa510954c72bd1efd43d285153a": "PCA-Based Anomaly Detection",
        "a8726e341b3e4515b59a3e4a475654b8": "Partition and Sample",
        "2e010ee4714e44e9933e62d8c41818a9": "Permutation Feature Importance",
        "8be18eb5ddd84d1285737ae10d5f72fb": "Principal Component Analysis",
        "0de80e22f74e4e51a080e73806a6e00d": "Replace Discrete Values",
        "9f3fe1c4520e49aca1522e104169912a": "SMOTE",
        "555445229a1044bd884f9a91a9cec2cd": "Score Matchbox Recommender",
        "aa517da1497843ed960ff26cf55bfa95": "Select Columns Transform",
        "2c57074f674f45dead85d84e4726f04e": "Summarize Data",
        "a5cf55b243ed4989a0f4e74e866279d7": "Sweep Clustering",
        "d15ec08c2af64437be3170262ec70806": "Test Hypothesis Using T-Test",
        "96b98cc050df46ffbc18c0665d69f3e3": "Time Series Anomaly Detection",
        "d6acbacea72d44b99878869115e02458": "Train Anomaly Detection Model",
        "fa4aa69d2f1c4ba4ad5f90ea3a515b4c": "Train Matchbox Recommender",
        "a1acf84ea4d042ab99d6a4f4616b92cf": "Two-Class Bayes Point Machine",
        "563cdba2de6c4082b8f818f56ffa147c": "Two-Class Decision Jungle",
        "449602816126457a9411b0bc9ffd128f": "Two-Class Locally Deep Support Vector Machine",
        "6003605189544cdf972f2d9196ce1328": "Unpack Zipped Datasets",
    },
    _COUNTS: {
        "166586ff5bba46a9b46920179f179b6c": "Build Count Table",
        "00e34943499642e58bd46fb3e3f0906e": "Build Counting Transform",
        "217741b5730a4c4b839c93c9cbb80ae7": "Count Featurizer",
        "dfe3241804e8407d88fceadbc78e3148": "Export Count Table",
        "db5468547d3f40da99608b56ba03ada0": "Import Count Table",
        "85150a298e574c03a9e0e49e5876f9b7": "Merge Count Transform",
        "7f7c68b0e0a4443da396b2346acc5683": "Modify Count Table Parameters",
    },
    _R: {
        "314e34a8b24c4870afe62649b6fc7476": "Create R Model",
        "30806023392b42e094d66b775a6e0fd5": "Execute R Script",
    },
    _LANGUAGES: {
        "489238da680648a0a2f312ce2cfe0851": "Detect Languages",
    },
    _PHRASES: {
        "c08afa3658ac4a2bbc59f2a16bb4c2f3": "Extract Key Phrases from Text",
    },
    _IMAGES: {
        "893f8c571d36456da47bd29ae67f5d84": "Import Images",
        "403eb35a83b24191a2127716292c7a5b": "Pretrained Cascade Image Classification",
    },
    _ENTITIES: {
        "50b91b4f9c9840d698142d945c0bb3f1": "Named Entity Recognition",
    },
    _VOWPAL: {
        "e3a0906aa5ba4721b0de885c31abd676": "Score Vowpal Wabbit 7-10 Model",
        "6a8e06c3851b49c0b350a6af93755f31": "Score Vowpal Wabbit 7-4 Model",
        "43d255dcc03d4dceacc4884e660210d9": "Score Vowpal Wabbit 8 Model",
        "207a28dcf9344ec0a51f926446352eb9": "Train Vowpal Wabbit 7-10 Model",
        "8383eb49c0a345db95c8eb56a1fef5bf": "Train Vowpal Wabbit 7-4 Model",
        "86f666bbd4594117bbb04edfd566c3a9": "Train Vowpal Wabbit 8 Model",
    },
    _BINS: {
        "77443f05e1c347fc9167963b2703936d": "Apply Quantization Function",
        "08550dd9c5d34538818896a9024ed92d": "Quantize",
    },
    _CLUSTERS: {
        "eed3ee76e8aa46e6907c9ca767f5c114": "Assign to Clusters",
    },
    _SCRUBBER: {
        "ba668ff587204676a0a5ff14f5133da7": "Missing Values Scrubber",
    },
}
ABSENT = {guid: Absent(name, reason) for reason, names in _GROUPS.items() for guid, name in names.items()}
"""By GUID, without dashes."""
