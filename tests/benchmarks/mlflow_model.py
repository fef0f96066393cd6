"""Save the pipeline of a web service as an MLflow model. Run as: python mlflow_model.py LEARNER CSV FOLDER

It runs in the environment with MLflow, in which mlmgmt is not installed.
"""

from __future__ import annotations

import sys
from typing import Any

import mlflow.sklearn
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, MinMaxScaler, OneHotEncoder

LABEL, HOURS = "income", 40


def binned() -> list[Any]:
    bins = KBinsDiscretizer(
        n_bins=10, encode="ordinal", strategy="quantile", quantile_method="averaged_inverted_cdf", subsample=None
    )
    return [bins, MinMaxScaler()]


SCALED = {"linear": lambda: [MinMaxScaler()], "trees": list, "binned network": binned}
ESTIMATORS = {
    "linear": lambda: LogisticRegression(C=1.0, tol=1e-7, max_iter=5_000),
    "trees": lambda: HistGradientBoostingClassifier(
        max_iter=100, max_leaf_nodes=20, min_samples_leaf=10, learning_rate=0.2, early_stopping=False, random_state=0
    ),
    "binned network": lambda: MLPClassifier(
        hidden_layer_sizes=(100,),
        activation="logistic",
        solver="sgd",
        learning_rate="constant",
        learning_rate_init=0.1,
        momentum=0,
        batch_size=20,
        max_iter=20,
        n_iter_no_change=20,
        random_state=0,
    ),
}

if __name__ == "__main__":
    learner, data, folder = sys.argv[1:]
    frame = pd.read_csv(data, keep_default_na=False, na_values={"hours-per-week": [""]})
    features = frame.drop(columns=LABEL)
    numbers = list(features.select_dtypes("number").columns)
    words = [name for name in features.columns if name not in numbers]
    prepare = ColumnTransformer(
        [
            (
                "numbers",
                make_pipeline(SimpleImputer(strategy="constant", fill_value=HOURS), *SCALED[learner]()),
                numbers,
            ),
            ("words", OneHotEncoder(handle_unknown="ignore", sparse_output=False), words),
        ]
    )
    pipeline = make_pipeline(prepare, ESTIMATORS[learner]()).fit(features, frame[LABEL])
    # Use a pickle, since MLflow's default format refuses trees.
    mlflow.sklearn.save_model(pipeline, folder, serialization_format="cloudpickle")
