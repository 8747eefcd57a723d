"""Runs the sample step: the champion makes a sample set."""

from typing import TYPE_CHECKING, Any

from sparkgen.config.experiment import SamplingConfig
from sparkgen.config.request import ExperimentConfig
from sparkgen.datasets.storage import absolute
from sparkgen.pipeline.card import log_sheet, renew_card
from sparkgen.pipeline.model import fetch, naming, trained_on
from sparkgen.sampling.sample import sample
from sparkgen.sampling.sample_set import Sampled
from sparkgen.tracking import registry
from sparkgen.tracking.registry import CHAMPION, ModelVersion

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def run(experiment: ExperimentConfig, spark: "SparkSession") -> dict[str, Any]:
    """Makes a sample set with the champion.

    Returns:
        The folder of the `samples`, their `count`, the `contact_sheet` and the `model_uri`.

    Raises:
        RequestError: no champion, or options that it does not take.
    """
    version = registry.require(experiment.environment, experiment.name, CHAMPION)
    made = sample_version(experiment, version, experiment.sampling, spark)
    renew_card(experiment, version)
    return {
        "samples": made.uri,
        "count": experiment.sampling.count,
        "contact_sheet": made.contact_sheet,
        "model_uri": version.uri,
    }


def sample_version(
    experiment: ExperimentConfig,
    version: ModelVersion,
    config: SamplingConfig,
    spark: "SparkSession",
) -> Sampled:
    """Makes a sample set with one model version, in the folder of its registered model."""
    environment = experiment.environment
    with naming(version):
        made = sample(
            spark,
            fetch(environment, version),
            config,
            model_uri=version.uri,
            samples_uri=f"{absolute(environment.path(environment.samples))}/{version.name}",
            version=lambda: trained_on(experiment, version),
        )
    log_sheet(experiment, version, made)
    return made
