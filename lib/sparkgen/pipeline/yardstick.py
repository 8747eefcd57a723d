"""The yardstick applied: a model version's own samples, judged by a registered classifier."""

from typing import TYPE_CHECKING

from sparkgen.config.experiment import SamplingConfig
from sparkgen.config.request import ExperimentConfig
from sparkgen.evaluation.figures import Figure
from sparkgen.evaluation.yardstick import appraise
from sparkgen.pipeline.model import fetch, naming
from sparkgen.pipeline.sample import sample_version
from sparkgen.pipeline.version import DatasetVersion
from sparkgen.tracking import registry
from sparkgen.tracking.registry import CHAMPION, ModelVersion

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def sample_figures(
    experiment: ExperimentConfig,
    version: ModelVersion,
    spark: "SparkSession",
    *,
    dataset: DatasetVersion,
) -> dict[str, Figure]:
    """The figures of `evaluation.samples` samples of a model version; none where that is 0.

    Raises:
        RequestError: `evaluation.judge` names a model that has no champion.
    """
    config = experiment.evaluation
    if not config.samples:
        return {}
    judge = _judge(experiment)
    packed = fetch(experiment, judge) if judge else None
    made = sample_version(
        experiment,
        version,
        SamplingConfig(
            count=config.samples,
            seed=config.seed,
            options=experiment.sampling.options,
            batch_rows=experiment.sampling.batch_rows,
        ),
        spark,
    )
    with naming(judge or version):
        return appraise(
            spark,
            made.files,
            packed,
            config,
            version_uri=dataset.uri,
            manifest=dataset.manifest,
        )


def _judge(experiment: ExperimentConfig) -> ModelVersion | None:
    if experiment.evaluation.judge is None:
        return None
    judge = experiment.model_copy(update={"name": experiment.evaluation.judge})
    return registry.require(judge, CHAMPION)
