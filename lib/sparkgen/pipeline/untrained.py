"""Builds a model that learns nothing here, and leaves what any training leaves."""

import time
from typing import TYPE_CHECKING, Any

from sparkgen.config.request import ExperimentConfig
from sparkgen.datasets.manifest import DatasetVersion
from sparkgen.pipeline.journal import checkpoint_uri
from sparkgen.tracking.run_logger import RunLogger
from sparkgen.training.weights import Weights, put

if TYPE_CHECKING:
    from sparkgen.models.contract import GenerativeModel


def build_untrained(
    experiment: ExperimentConfig,
    version: DatasetVersion,
    logger: RunLogger,
    weights: Weights | None = None,
) -> dict[str, Any]:
    """Saves the model of an experiment as it is built, or with weights that it learnt elsewhere.

    A density on latents that the weights do not have is fitted to the training rows.

    Args:
        experiment: the request.
        version: the dataset version.
        logger: of the run.
        weights: those of a file; None: the model learns nothing.

    Returns:
        As `training.worker.train`; there are no steps and no epochs.
    """
    from sparkgen.training.run_log import upload_report

    start = time.monotonic()
    model, saved = _save(experiment, version, checkpoint_uri(experiment, logger.run_id), weights)
    seconds = time.monotonic() - start
    upload_report(
        logger,
        model,
        [],
        experiment=experiment,
        manifest=version.manifest,
        version_uri=version.uri,
    )
    return {
        "metrics": {},
        "history": [],
        "epoch": 0,
        "model": saved,
        "checkpoint": saved,
        "steps": 0,
        "seconds": seconds,
    }


def _save(
    experiment: ExperimentConfig, version: DatasetVersion, folder: str, weights: Weights | None
) -> tuple["GenerativeModel", str]:
    import keras

    from sparkgen.training.artifact import save_trained
    from sparkgen.training.building import build
    from sparkgen.training.request import TrainRequest

    keras.utils.set_random_seed(experiment.training.seed)
    model = build(experiment, folder, version.manifest.spec)
    if weights is not None:
        put(weights, model)
    request = TrainRequest(experiment, version.uri, folder)
    fitted = weights is not None and weights.have_density
    return model, save_trained(model, request, version.manifest, fitted=fitted)
