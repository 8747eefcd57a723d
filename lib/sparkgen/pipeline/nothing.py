"""Builds a model that learns nothing here, and leaves what any training leaves."""

import time
from typing import Any

from sparkgen.config.request import ExperimentConfig
from sparkgen.datasets.manifest import DatasetVersion
from sparkgen.pipeline.journal import checkpoint_uri
from sparkgen.tracking.run_logger import RunLogger
from sparkgen.training.weights import Weights, put


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
    import keras

    from sparkgen.training.artifact import save_trained
    from sparkgen.training.building import build
    from sparkgen.training.request import TrainRequest
    from sparkgen.training.run_log import upload_report

    folder, start = checkpoint_uri(experiment, logger.run_id), time.monotonic()
    keras.utils.set_random_seed(experiment.training.seed)
    model = build(experiment, folder, version.manifest.spec)
    if weights is not None:
        put(weights, model)
    saved = save_trained(
        model,
        TrainRequest(experiment, version.uri, folder),
        version.manifest,
        fitted=weights is not None and weights.have_density,
    )
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
