"""Runs the evaluate step: it computes the challenger's figures and logs them."""

from typing import TYPE_CHECKING, Any

from sparkgen.config.request import ExperimentConfig
from sparkgen.datasets.manifest import DatasetVersion
from sparkgen.evaluation.evaluate import evaluate
from sparkgen.evaluation.figures import Figure
from sparkgen.evaluation.probe_figures import probe_figures
from sparkgen.pipeline.card import renew_card
from sparkgen.pipeline.figures import log_figures
from sparkgen.pipeline.judging import (
    appraised,
    check_appraised,
    check_makes_rows,
    judge_of,
    sample_figures,
)
from sparkgen.pipeline.model import fetch, naming, trained_on
from sparkgen.pipeline.preflight import check_held_out
from sparkgen.pipeline.version import with_classes
from sparkgen.sampling.check import check
from sparkgen.sampling.given import filled_in
from sparkgen.tracking import registry
from sparkgen.tracking.registry import CHALLENGER, ModelVersion

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def run(experiment: ExperimentConfig, spark: "SparkSession") -> dict[str, Any]:
    """Evaluates the challenger on the dataset version that it was trained on.

    Returns:
        `model_uri`, and `metrics` by figure.

    Raises:
        RequestError: no challenger, or its dataset version is gone.
    """
    version = registry.require(experiment.environment, experiment.name, CHALLENGER)
    figures = figures_of(experiment, version, spark, dataset=trained_on(experiment, version))
    log_figures(experiment, version, figures)
    renew_card(experiment, version)
    return {
        "model_uri": version.uri,
        "metrics": {name: figure.value for name, figure in figures.items()},
    }


def figures_of(
    experiment: ExperimentConfig,
    version: ModelVersion,
    spark: "SparkSession",
    *,
    dataset: DatasetVersion,
) -> dict[str, Figure]:
    """The figures of a model version on a dataset version, and of its samples."""
    check_held_out(experiment, dataset.manifest)
    judge = judge_of(with_classes(experiment, dataset.manifest), dataset.manifest.spec.record)
    packed = fetch(experiment.environment, version)
    check_makes_rows(experiment, packed.makes, packed.spec)
    wanted = appraised(experiment, packed.given)
    if wanted is not None:
        check(packed, wanted)
        check_appraised(experiment, packed.given, packed.spec, dataset.manifest)
    config, (uri, manifest) = experiment.evaluation, dataset
    with naming(version):
        figures = probe_figures(spark, packed, config, version_uri=uri, manifest=manifest)
        figures |= evaluate(spark, packed, config, version_uri=uri, manifest=manifest)
    if wanted is None:
        return figures
    return figures | sample_figures(
        experiment,
        version,
        wanted,
        spark,
        dataset=dataset,
        judge=judge,
        labelled="label" in {*filled_in(packed.given), *wanted.given},
    )
