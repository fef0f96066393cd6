"""The tags that tie a web service to what trains it."""

from __future__ import annotations

EXPERIMENT_TAG, TRAINING_TAG, SERVICE_TAG = "experiment", "trainingExperiment", "trainingService"
"""Tags of a definition: the experiment it was exported from, the one that trains its model, and the web service."""
