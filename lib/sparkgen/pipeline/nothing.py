"""Builds a model that learns nothing, and leaves what any training leaves."""

import time
from typing import Any

from sparkgen.config.request import ExperimentConfig
from sparkgen.datasets.manifest import DatasetVersion
from sparkgen.pipeline.journal import checkpoint_uri
from sparkgen.tracking.run_logger import RunLogger


def build_untrained(
    experiment: ExperimentConfig, version: DatasetVersion, logger: RunLogger
) -> dict[str, Any]:
    """Saves the model of an experiment as it is built.

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
    saved = save_trained(model, TrainRequest(experiment, version.uri, folder), version.manifest)
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
