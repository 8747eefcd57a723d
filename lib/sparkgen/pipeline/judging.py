"""Figures of a model version's own samples, which a registered classifier judges."""

from typing import TYPE_CHECKING, NamedTuple

from sparkgen.config.experiment import SamplingConfig
from sparkgen.config.request import ExperimentConfig
from sparkgen.datasets.manifest import DatasetVersion
from sparkgen.datasets.records import record_of
from sparkgen.errors import RequestError
from sparkgen.evaluation.figures import Figure
from sparkgen.evaluation.sample_figures import appraise
from sparkgen.models.portable import PortableModel
from sparkgen.pipeline.model import champion_of, fetch, naming
from sparkgen.pipeline.sample import sample_version
from sparkgen.tracking.registry import ModelVersion

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


class Judge(NamedTuple):
    """A registered classifier, and which version it is."""

    version: ModelVersion
    packed: PortableModel


def sample_figures(
    experiment: ExperimentConfig,
    version: ModelVersion,
    spark: "SparkSession",
    *,
    dataset: DatasetVersion,
    judge: Judge | None,
) -> dict[str, Figure]:
    """The figures of `evaluation.samples` samples of a model version; none where that is 0."""
    config = experiment.evaluation
    if not config.samples:
        return {}
    made = sample_version(experiment, version, appraised(experiment), spark)
    with naming(judge.version if judge else version):
        return appraise(
            spark,
            made.files,
            judge.packed if judge else None,
            config,
            version_uri=dataset.uri,
            manifest=dataset.manifest,
        )


def appraised(experiment: ExperimentConfig) -> SamplingConfig:
    """The samples that are judged."""
    return SamplingConfig(
        count=experiment.evaluation.samples,
        seed=experiment.evaluation.seed,
        options=experiment.sampling.options,
        batch_rows=experiment.sampling.batch_rows,
    )


def judge_of(experiment: ExperimentConfig) -> Judge | None:
    """The judge of an experiment's samples; None where none is asked for.

    Raises:
        RequestError: `evaluation.judge` names a model that has no champion, or no classifier of such
            records.
    """
    config = experiment.evaluation
    if config.judge is None or not config.samples:
        return None
    environment = experiment.environment
    champion = champion_of(environment, config.judge, key="evaluation.judge")
    packed = fetch(environment, champion)
    check_judge(experiment, packed)
    return Judge(champion, packed)


def check_judge(experiment: ExperimentConfig, packed: PortableModel) -> None:
    """Refuses a judge that is no classifier of the experiment's records.

    Raises:
        RequestError: it says of what it is one, and of what it should be.
    """
    name, spec = packed.description["name"], packed.spec
    dataset = experiment.dataset
    record, classes = record_of(dataset), len(dataset.class_names)
    if (packed.classifies, spec.record, spec.classes) != (True, record, classes):
        raise RequestError(
            f"a classifier of {dataset.name} as evaluation.judge: {record} in {classes} classes",
            found=f"{experiment.evaluation.judge}, a {name} of {spec.record} in {spec.classes} classes",
            mend="name the experiment of a classifier",
        )
