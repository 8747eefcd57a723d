"""Makes samples of a model version, and computes their figures, with a classifier as judge."""

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from sparkgen.config.experiment import SamplingConfig
from sparkgen.config.request import ExperimentConfig
from sparkgen.datasets.manifest import DatasetVersion, Manifest
from sparkgen.datasets.records import DataSpec, Record, record_of
from sparkgen.errors import RequestError
from sparkgen.evaluation.figures import Figure
from sparkgen.evaluation.inception import INCEPTION
from sparkgen.evaluation.sample_figures import appraise
from sparkgen.evaluation.text_figures import Made, text_figures
from sparkgen.models.portable import PortableModel
from sparkgen.pipeline.model import champion_of, fetch, naming
from sparkgen.pipeline.named import named_part
from sparkgen.pipeline.parts import tokenizer_to_come
from sparkgen.pipeline.sample import sample_version
from sparkgen.sampling.columns import GIVEN
from sparkgen.sampling.given import check_given_rows, filled_in
from sparkgen.sampling.prompts import without_prompts
from sparkgen.sampling.sample_set import Sampled
from sparkgen.tracking.registry import ModelVersion

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


log = logging.getLogger(__name__)

PROMPT = f"{GIVEN}prompt"


class Judge(NamedTuple):
    """The judge: a registered classifier that rates samples, and its model version."""

    version: ModelVersion
    packed: PortableModel


def sample_figures(
    experiment: ExperimentConfig,
    version: ModelVersion,
    wanted: SamplingConfig,
    spark: "SparkSession",
    *,
    dataset: DatasetVersion,
    judge: Judge | None,
    labelled: bool,
) -> dict[str, Figure]:
    """The figures of samples of a model version.

    Args:
        experiment: the request.
        version: of the model.
        wanted: which samples are made.
        spark: the session.
        dataset: which they are held against.
        judge: rates them; None: only what needs no judge.
        labelled: whether labels are given to the model.
    """
    config = experiment.evaluation
    made = sample_version(experiment, version, wanted, spark)
    if made.sample_set.kind == "text":
        texts = _texts(made)
        return text_figures(
            spark, texts, config, version_uri=dataset.uri, manifest=dataset.manifest
        )
    with naming(judge.version if judge else version):
        return appraise(
            spark,
            made.files,
            judge.packed if judge else None,
            config,
            version_uri=dataset.uri,
            manifest=dataset.manifest,
            labelled=labelled,
            inception=inception_of(experiment),
        )


def _texts(made: Sampled) -> Made:
    """The texts of a sample set, without the prompts that they begin with."""
    texts = [text for file in made.files for text in file.table(["text"])["text"].to_pylist()]
    if "prompt" not in made.sample_set.config.given:
        return Made(texts, "without prompts")
    prompts = [p for file in made.files for p in file.table([PROMPT])[PROMPT].to_pylist()]
    return Made(
        without_prompts(made.sample_set, texts, prompts), f"after {len(set(prompts))} prompts"
    )


def appraised(experiment: ExperimentConfig, takes: Mapping[str, Any]) -> SamplingConfig | None:
    """The request of the samples that are evaluated; None where `evaluation.samples` is 0.

    They are of all labels, and are given texts, and what the model cannot do without, from where
    `sampling.given` says.

    Args:
        experiment: the request.
        takes: what the model takes, by name: `Given` or `GivenEntry`.
    """
    if not experiment.evaluation.samples:
        return None
    needed = {name for name, one in takes.items() if one.required or one.what == "text"}
    needed -= set(filled_in(takes))
    for name in list(needed):
        needed |= set(takes[name].needs)
    return SamplingConfig(
        given={name: v for name, v in experiment.sampling.given.items() if name in needed},
        count=experiment.evaluation.samples,
        seed=experiment.evaluation.seed,
        options=experiment.sampling.options,
        batch_rows=experiment.sampling.batch_rows,
    )


def check_makes_rows(experiment: ExperimentConfig, makes: Record, spec: DataSpec) -> None:
    """Refuses to measure samples by the rows of a data set where they are no such records.

    Args:
        experiment: the request.
        makes: what the model generates.
        spec: of the model.

    Raises:
        RequestError: `evaluation.samples` is not 0.
    """
    of_tokens = makes.kind == "text" and spec.record.kind == "tokens"
    if experiment.evaluation.samples and makes != spec.record.bare and not of_tokens:
        raise RequestError(
            f"evaluation.samples 0 for a model that makes {makes}, which are no rows to be held against",
            found=str(experiment.evaluation.samples),
            mend="set it to 0",
        )


def check_appraised(
    experiment: ExperimentConfig, takes: Mapping[str, Any], spec: DataSpec, manifest: Manifest
) -> None:
    """Refuses an evaluation whose samples need inputs that the dataset version cannot supply.

    Raises:
        RequestError: fewer rows than `evaluation.samples`, or rows that the model does not take.
        ManifestError: a split that has no rows.
    """
    config = appraised(experiment, takes)
    if config is not None:
        check_given_rows(config, takes, spec, manifest, counted="evaluation.samples")


def judge_of(experiment: ExperimentConfig, record: Record | None = None) -> Judge | None:
    """The judge of an experiment's samples; None where the experiment names no judge.

    Args:
        experiment: the experiment.
        record: of its dataset version; None: there is no version yet.

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
    check_judge(experiment, packed, record)
    return Judge(champion, packed)


def inception_of(experiment: ExperimentConfig) -> PortableModel | None:
    """Inception v3, of whose features figures are asked; None: none are, or Keras cannot fetch it.

    Raises:
        RequestError: `evaluation.inception` names a file that is not there, or not the network's.
    """
    named = experiment.evaluation.inception
    if named is None or not experiment.evaluation.samples:
        return None
    try:
        return named_part(experiment.environment, named, key="evaluation.inception").packed
    except RequestError as error:
        if "@" in named:
            raise
        log.warning("%s are left out: %s", " and ".join(INCEPTION), error)
        return None


def check_judge(
    experiment: ExperimentConfig, packed: PortableModel, record: Record | None = None
) -> None:
    """Refuses a judge that does not classify the records of the experiment.

    Args:
        experiment: the experiment.
        packed: the judge.
        record: of the experiment's dataset version. None: there is no version yet; then a tokenizer that
            is still to be made may be that of the judge.

    Raises:
        RequestError: it says of what it is one, and of what it should be.
    """
    name, spec = packed.description["name"], packed.spec
    dataset = experiment.dataset
    names = dataset.class_names
    if record is None:
        record = record_of(dataset, tokenizer_to_come(dataset, [packed]))
    classes = spec.classes if names is None else len(names)
    if (packed.classifies, spec.record.bare, spec.classes) != (True, record.bare, classes):
        raise RequestError(
            f"a classifier of {dataset.name} as evaluation.judge: {record} in {classes} classes",
            found=f"{experiment.evaluation.judge}, a {name} of {spec.record} in {spec.classes} classes",
            mend="name the experiment of a classifier",
        )
