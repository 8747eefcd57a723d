"""The yardstick applied: a model version's own samples, judged by a registered classifier."""

from typing import TYPE_CHECKING

from sparkgen.config.experiment import SamplingConfig
from sparkgen.config.request import ExperimentConfig
from sparkgen.evaluation.figures import Figure
from sparkgen.evaluation.yardstick import appraise
from sparkgen.models.portable import PortableModel
from sparkgen.pipeline.model import fetch
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
    return appraise(
        spark,
        made.files,
        judge,
        config,
        version_uri=dataset.uri,
        manifest=dataset.manifest,
    )


def _judge(experiment: ExperimentConfig) -> PortableModel | None:
    if experiment.evaluation.judge is None:
        return None
    judge = experiment.model_copy(update={"name": experiment.evaluation.judge})
    return fetch(judge, registry.require(judge, CHAMPION))
