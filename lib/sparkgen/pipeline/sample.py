"""Runs the sample step: the champion, or a model of pretrained weights, makes a sample set."""

from typing import TYPE_CHECKING, Any

from sparkgen.config.experiment import SamplingConfig
from sparkgen.config.request import ExperimentConfig
from sparkgen.datasets.storage import absolute
from sparkgen.pipeline import makers
from sparkgen.pipeline.makers import Maker
from sparkgen.sampling.sample import sample
from sparkgen.sampling.sample_set import Sampled
from sparkgen.tracking.registry import ModelVersion

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def run(
    experiment: ExperimentConfig, spark: "SparkSession", *, pretrained: bool = False
) -> dict[str, Any]:
    """Makes a sample set.

    Args:
        experiment: the request.
        spark: the session.
        pretrained: make it with the experiment's pretrained weights; else with the champion.

    Returns:
        The folder of the `samples`, their `count`, the `contact_sheet` and the `model_uri`.

    Raises:
        RequestError: no champion or no such weights, or options that the model does not take.
    """
    maker = (makers.pretrained if pretrained else makers.champion)(experiment)
    made = _make(experiment, maker, experiment.sampling, spark)
    maker.renew()
    return {
        "samples": made.uri,
        "count": experiment.sampling.count,
        "contact_sheet": made.contact_sheet,
        "model_uri": maker.uri,
    }


def sample_version(
    experiment: ExperimentConfig,
    version: ModelVersion,
    config: SamplingConfig,
    spark: "SparkSession",
) -> Sampled:
    """Makes a sample set with one model version, in the folder of its registered model."""
    return _make(experiment, makers.registered(experiment, version), config, spark)


def _make(
    experiment: ExperimentConfig, maker: Maker, config: SamplingConfig, spark: "SparkSession"
) -> Sampled:
    environment = experiment.environment
    with maker.naming():
        made = sample(
            spark,
            maker.load(),
            config,
            model_uri=maker.uri,
            samples_uri=f"{absolute(environment.path(environment.samples))}/{maker.name}",
            version=maker.dataset,
        )
    maker.keep(made)
    return made
