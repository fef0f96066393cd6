"""The tags that link a web service to the experiment and the service that train its model."""

from __future__ import annotations

EXPERIMENT_TAG, TRAINING_TAG, SERVICE_TAG = "experiment", "trainingExperiment", "trainingService"
"""Tags of a definition: the experiment it comes from, and the experiment and the web service that train its model."""
