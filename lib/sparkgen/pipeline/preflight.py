"""Checks a request before any expensive work begins.

`check` looks at the request alone, before Spark is waited for; `check_rows` and `check_held_out` look at
the dataset version as well, as soon as it is known.
"""

from typing import TYPE_CHECKING

from sparkgen.config.dataset import DatasetConfig
from sparkgen.config.experiment import LEAST_JUDGED
from sparkgen.config.nearest import choose
from sparkgen.config.request import DatasetRequest, ExperimentConfig
from sparkgen.datasets.manifest import Manifest
from sparkgen.datasets.storage import check_answers, is_remote
from sparkgen.errors import RequestError
from sparkgen.ingest.source import Source
from sparkgen.ingest.sources import source_of
from sparkgen.pipeline.learning import check_learning, check_workable
from sparkgen.pipeline.outlook import spec_to_come
from sparkgen.pipeline.parts import Parts, blueprints, parts_at_hand, parts_of
from sparkgen.pipeline.pictures import pictures_of
from sparkgen.pipeline.places import check_places
from sparkgen.pipeline.start import model_to_start_from
from sparkgen.pipeline.weights import check_taken, pretrained_of
from sparkgen.sampling.check import check as check_samples
from sparkgen.sampling.check import check_sampling
from sparkgen.sampling.given import check_given_rows, needed_splits, parse_source
from sparkgen.tracking.server import check_artifacts, connect, tracking_uri

if TYPE_CHECKING:
    from sparkgen.datasets.records import DataSpec
    from sparkgen.models.contract import GenerativeModel

WRITTEN = {
    "ingest": ["datasets"],
    "train": ["checkpoints", "artifacts"],
    "evaluate": ["samples"],
    "promote": ["samples"],
    "sample": ["samples"],
    "run": ["datasets", "checkpoints", "samples", "artifacts"],
}
"""The places that a step writes to, besides `root`."""


def check(
    step: str,
    request: DatasetRequest | ExperimentConfig,
    *,
    resume: bool = False,
    pretrained: bool = False,
    weights: str | None = None,
) -> None:
    """Refuses a request that a step cannot do, whatever the rows of the dataset are.

    Args:
        step: its name.
        request: what is asked for.
        resume: a training goes on, which has the models that it began with.
        pretrained: samples are made with pretrained weights.
        weights: the path of a weights file that takes the place of training.

    Raises:
        RequestError: it names the first thing that is wrong.
    """
    if isinstance(request, ExperimentConfig) and not pretrained:
        tracking_uri(request.environment)  # a database file on remote storage is refused first
    check_places(request.environment, ("root", *WRITTEN[step]))
    source = source_of(request.dataset)
    if step in ("ingest", "run"):
        _check_sources(source)
    if not isinstance(request, ExperimentConfig):
        return
    for name, entry in request.sampling.given.items():
        parse_source(name, entry)
    if pretrained:
        check_samples(pretrained_of(request).packed, request.sampling)
    if step in ("train", "run"):
        model = _check_training(request, resume=resume, weights=weights)
        if step == "run":
            _check_evaluation(request, model)


def check_rows(
    experiment: ExperimentConfig,
    manifest: Manifest,
    parts: Parts | None = None,
    *,
    trains: bool = True,
) -> "GenerativeModel":
    """Refuses a training that is impossible with the rows of its dataset version.

    Args:
        experiment: the request.
        manifest: of the dataset version.
        parts: of its model; None: those that the request names.
        trains: whether it is trained; else it takes the weights of a file.

    Returns:
        An outline of the model.

    Raises:
        RequestError: fewer rows than a batch, the density or `sampling.given` needs, a label that no
            row has, a model that learns otherwise, or early stopping by a figure that there is none of.
        ManifestError: a split that is named has no rows.
    """
    from sparkgen.feed.plan import plan_of
    from sparkgen.training.setting import check_monitor

    train = manifest.split("train")
    model = _outline(experiment, manifest.spec, parts_of(experiment) if parts is None else parts)
    check_learning(experiment, model)
    _check_sampling(experiment, model)
    check_given_rows(experiment.sampling, model.given, model.spec, manifest)
    _check_density(experiment, train.rows)
    config = experiment.training
    if trains and model.learns == "gradient":
        plan_of(manifest, batch_size=config.batch_size, seed=config.seed)
        check_monitor(config, model, manifest)
    return model


def check_held_out(experiment: ExperimentConfig, manifest: Manifest) -> None:
    """Refuses an evaluation on a split without rows, or with too few rows for a judge or for probes.

    Raises:
        RequestError: it says which splits there are.
    """
    from sparkgen.evaluation.probes import check_labels

    config = experiment.evaluation
    rows = manifest.split(config.split).rows
    check_labels(config, manifest)
    judges = [key for key in ("judge", "inception") if getattr(config, key) is not None]
    if config.samples and judges and rows < LEAST_JUDGED:
        raise RequestError(
            f"{LEAST_JUDGED} rows or more in the split {config.split}, to judge samples by",
            found=str(rows),
            mend=f"choose another evaluation.split, or remove evaluation.{judges[0]}",
        )


def check_gates(experiment: ExperimentConfig, model: "GenerativeModel") -> None:
    """Refuses a gate on a figure that the evaluation of a model does not give.

    Args:
        experiment: the request, whose dataset has class names.
        model: its model, which may be an outline.

    Raises:
        RequestError: it names the first such gate.
    """
    from sparkgen.evaluation.measure import measured_names
    from sparkgen.evaluation.probes import probe_figure_names
    from sparkgen.evaluation.sample_figures import sample_figure_names
    from sparkgen.evaluation.text_nats import check_stride

    stride = experiment.evaluation.stride
    check_stride(model, stride)
    known = measured_names(model, experiment.dataset.class_names or (), stride=stride)
    known |= sample_figure_names(experiment.evaluation, model.makes, labelled=model.conditional)
    known |= probe_figure_names(experiment.evaluation, model.spec.record)
    for number, gate in enumerate(experiment.all_gates):
        if gate.metric not in known:
            raise RequestError(
                f"a figure of {experiment.model.name} in gates[{number}].metric",
                found=gate.metric,
                mend=choose(gate.metric, sorted(known)),
            )


def _check_sources(source: Source) -> None:
    for value in source.model_dump().values():
        if isinstance(value, str) and is_remote(value):
            check_answers(value)


def _check_training(
    experiment: ExperimentConfig, *, resume: bool, weights: str | None
) -> "GenerativeModel":
    """Refuses a training, or weights in its place; gives an outline of the model."""
    if weights is not None and resume:
        raise RequestError(
            "--weights or --resume", found="both", mend="weights need no training that could go on"
        )
    model = _check_model(experiment, resume=resume)
    if weights is not None:
        check_taken(experiment, weights, model)
    else:
        check_workable(experiment, model)
        if not resume:
            model_to_start_from(experiment)
    if not resume:
        pictures_of(model)
    return model


def _check_model(experiment: ExperimentConfig, *, resume: bool) -> "GenerativeModel":
    dataset = experiment.dataset
    names, parts = dataset.class_names, parts_at_hand(experiment, resume=resume)
    model = _outline(experiment, spec_to_come(dataset, parts), parts)
    check_learning(experiment, model)
    if names is not None:  # else as soon as the version is there
        _check_sampling(experiment, model)
    for key, split in needed_splits(experiment.sampling).items():
        _check_split_to_come(experiment, key, split)
    _check_density(experiment, experiment.density.rows)
    return model


def _outline(experiment: ExperimentConfig, spec: "DataSpec", parts: Parts) -> "GenerativeModel":
    from sparkgen.models.discovery import outline

    config = experiment.model
    return outline(config.name, config.options, spec, experiment.density, blueprints(parts))


def _check_sampling(experiment: ExperimentConfig, model: "GenerativeModel") -> None:
    name, config = experiment.model.name, experiment.sampling
    check_sampling(
        config,
        model.given,
        model.spec,
        makes=model.makes,
        options=model.generate_options,
        ranges=model.generate_ranges,
        model=name,
    )


def _check_density(experiment: ExperimentConfig, rows: int) -> None:
    density = experiment.density
    needed = {"prior": 0, "mixture": density.components}.get(density.kind, 2)
    encoded = min(rows, density.rows)
    if encoded < needed:
        raise RequestError(
            f"{needed} encoded training rows or more for the density {density.kind}",
            found=str(encoded),
            mend="set density.components lower, or density.rows higher where there are more"
            if density.kind == "mixture"
            else "set density.kind to prior",
        )


def _check_evaluation(experiment: ExperimentConfig, model: "GenerativeModel") -> None:
    from sparkgen.datasets.records import ImageRecord
    from sparkgen.evaluation.probes import check_probed
    from sparkgen.pipeline.judging import check_makes_rows, inception_of, judge_of

    check_makes_rows(experiment, model.makes, model.spec)
    if experiment.evaluation.probe is not None:
        check_probed(model)
    connect(experiment.environment)
    check_artifacts(experiment.environment)
    _check_split_to_come(experiment, "evaluation.split", experiment.evaluation.split)
    if experiment.dataset.class_names is not None:  # else as soon as the version is there
        check_gates(experiment, model)
    judge_of(experiment)
    if experiment.evaluation.inception is not None and model.makes.kind != ImageRecord.kind:
        raise RequestError(
            "a model that makes pictures with evaluation.inception",
            found=f"{experiment.model.name}, which makes {model.makes.kind}",
            mend="remove evaluation.inception",
        )
    inception_of(experiment)


def _test_to_come(experiment: ExperimentConfig) -> bool:
    """Whether the dataset will have a test split; of files that are yet to be fetched it may have one."""
    from sparkgen.ingest.fetching.download import files_to_fetch

    dataset, source = experiment.dataset, source_of(experiment.dataset)
    if dataset.test_fraction or files_to_fetch(dataset, source, experiment.environment.data):
        return True
    return "test" in source.splits


def _validation_to_come(dataset: DatasetConfig) -> bool:
    return dataset.validation_fraction > 0 or "validation" in source_of(dataset).splits


def _check_split_to_come(experiment: ExperimentConfig, key: str, split: str) -> None:
    dataset = experiment.dataset
    if split == "validation" and not _validation_to_come(dataset):
        mend = "set dataset.validation_fraction"
    elif split == "test" and not _test_to_come(experiment):
        mend = "name a test split in dataset.source, or set dataset.test_fraction"
    else:
        return
    raise RequestError(
        f"a split as {key} that dataset {dataset.name} has",
        found=split,
        mend=f"choose another, or {mend}",
    )
