"""All steps in a row, from the source to a sample set."""

from typing import TYPE_CHECKING, Any

from sparkgen.config.request import DatasetRequest, ExperimentConfig
from sparkgen.pipeline import evaluate, ingest, promote, sample, train

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def run(
    experiment: ExperimentConfig, spark: "SparkSession", *, resume: bool = False
) -> dict[str, Any]:
    """Ingests, trains, evaluates, promotes and samples.

    Again with the same request it reuses the dataset version, adds a model version, and keeps or
    moves the champion as the gates say.

    Args:
        experiment: the request.
        spark: the session.
        resume: go on with the training that did not finish.

    Returns:
        The results of `ingest`, `train`, `evaluate`, `promote` and `sample`, by step.
    """
    request = DatasetRequest(dataset=experiment.dataset, environment=experiment.environment)
    return {
        "ingest": ingest.run(request, spark),
        "train": train.run(experiment, spark, resume=resume),
        "evaluate": evaluate.run(experiment, spark),
        "promote": promote.run(experiment, spark),
        "sample": sample.run(experiment, spark),
    }
