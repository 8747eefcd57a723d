"""Runs the train step: it trains a model on a dataset version and registers it as challenger."""

import logging
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparkgen.config.request import ExperimentConfig
from sparkgen.datasets.manifest import DatasetVersion
from sparkgen.datasets.storage import read_bytes, write_bytes
from sparkgen.distribution.backends import choose_backend
from sparkgen.distribution.cluster import await_slots
from sparkgen.distribution.launcher import launch
from sparkgen.feed.feeds import choose_feed
from sparkgen.models.package import PackageSource
from sparkgen.models.portable import PACKAGE_FILE, lay_out, pack
from sparkgen.pipeline.card import renew_card
from sparkgen.pipeline.counting import count
from sparkgen.pipeline.journal import Journal, checkpoint_uri, unfinished, write_journal
from sparkgen.pipeline.named import NamedModel
from sparkgen.pipeline.parts import Parts, leave_parts, parts_of
from sparkgen.pipeline.pictures import Picture, leave_pictures, pictures_of
from sparkgen.pipeline.preflight import check_rows
from sparkgen.pipeline.presence import presence
from sparkgen.pipeline.start import VERSION, leave_start, model_to_start_from
from sparkgen.pipeline.untrained import build_untrained
from sparkgen.pipeline.version import newest_version, version_by_id
from sparkgen.pipeline.weights import TakenWeights, check_weights, weights_to_take
from sparkgen.tracking import registry
from sparkgen.tracking.registry import Candidate
from sparkgen.tracking.run_logger import RunLogger
from sparkgen.tracking.runs import Subject, open_run
from sparkgen.tracking.server import tracking_uri
from sparkgen.training.request import identity
from sparkgen.training.worker import train

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

log = logging.getLogger(__name__)

# MLflow runs this file by its path; it is not imported here.
SAMPLER = Path(__file__).parents[1] / "sampling" / "sampler.py"


def run(
    experiment: ExperimentConfig,
    spark: "SparkSession | None",
    *,
    resume: bool = False,
    weights: str | None = None,
) -> dict[str, Any]:
    """Trains, logs and registers a model.

    Args:
        experiment: the request.
        spark: the session; needed by the launcher `spark`, and for training by counting.
        resume: go on with the newest run of this experiment that did not finish.
        weights: the path of a weights file that takes the place of training.

    Returns:
        `run_id`, `model_uri`, `metrics` of the epoch whose weights are kept with `parameters` and
        `training_seconds`, and the `checkpoint` it ended with.

    Raises:
        RequestError: no dataset version, one that does not fit the request, nothing to resume,
            another process that trains the run, no tracking server.
    """
    journal = unfinished(experiment) if resume else None
    version = _version(experiment, journal)
    parts = parts_of(experiment, journal)
    model = check_rows(experiment, version.manifest, parts, trains=weights is None)
    taken = None if weights is None else _taken(weights, experiment, version, parts)
    start = None if journal or taken else model_to_start_from(experiment)
    pictures = {} if journal else pictures_of(model)
    if taken is None and model.learns == "gradient":
        _await_workers(experiment, spark)
    with _claimed_run(experiment, version, journal) as logger:
        lineage = journal.lineage if journal else _leave(experiment, logger, start, parts, pictures)
        journal = _begin(experiment, version, logger, lineage, taken)
        if model.source is not None:
            leave_source(model.source, checkpoint_uri(experiment, logger.run_id))
        if taken is None:
            result = _learn(model.learns, experiment, version, logger, spark, journal.lineage)
        else:
            result = build_untrained(experiment, version, logger, taken.weights)
        made = _register(experiment, version, logger, result, lineage=journal.lineage)
        write_journal(experiment, journal._replace(finished=True))
    return made


def _taken(
    path: str, experiment: ExperimentConfig, version: DatasetVersion, parts: Parts
) -> TakenWeights:
    """The weights that take the place of a training; a `RequestError` where they do not fit the model."""
    taken = weights_to_take(path, experiment)
    check_weights(experiment, version.manifest.spec, parts, taken.weights)
    return taken


def _version(experiment: ExperimentConfig, journal: Journal | None) -> DatasetVersion:
    """The dataset version of a run that goes on, or else the newest one."""
    if journal is None:
        return newest_version(experiment)
    return version_by_id(experiment, journal.dataset_version)


def subject(experiment: ExperimentConfig, version: DatasetVersion) -> Subject:
    """The description of a training that is logged to its run."""
    return Subject(
        experiment.name,
        experiment.model.name,
        experiment.model_dump(mode="json"),
        version.manifest,
        version.uri,
    )


@contextmanager
def _claimed_run(
    experiment: ExperimentConfig, version: DatasetVersion, begun: Journal | None
) -> Iterator[RunLogger]:
    """Opens a run and locks it for this process; a resumed run is locked before it is opened."""
    run_id = begun.run_id if begun else None
    opened = open_run(experiment.environment, subject(experiment, version), run_id=run_id)
    with ExitStack() as stack:
        if run_id is not None:
            stack.enter_context(presence(checkpoint_uri(experiment, run_id), taken_up=True))
        logger = stack.enter_context(opened)
        if run_id is None:
            folder = checkpoint_uri(experiment, logger.run_id)
            stack.enter_context(presence(folder, taken_up=False))
        yield logger


def _leave(
    experiment: ExperimentConfig,
    logger: RunLogger,
    start: NamedModel | None,
    parts: Parts,
    pictures: Mapping[str, Picture],
) -> dict[str, str]:
    """Leaves what a run begins with for its workers, models and pictures, and gives the tags that say
    which they are.
    """
    lineage = leave_start(experiment, logger, start) | leave_parts(experiment, logger, parts)
    lineage |= leave_pictures(pictures, checkpoint_uri(experiment, logger.run_id))
    if lineage:
        logger.tags({f"sparkgen.{name}": value for name, value in lineage.items()})
    return lineage


def _begin(
    experiment: ExperimentConfig,
    version: DatasetVersion,
    logger: RunLogger,
    lineage: Mapping[str, str],
    taken: TakenWeights | None,
) -> Journal:
    """Writes the state of a run that begins, or goes on; none goes on that takes weights."""
    tags = {**lineage, **(taken.tags if taken is not None else {})}
    journal = Journal(
        logger.run_id,
        version.manifest.version,
        identity(experiment),
        finished=taken is not None,
        started_from=tags or None,
    )
    write_journal(experiment, journal)
    return journal


def _await_workers(experiment: ExperimentConfig, spark: "SparkSession | None") -> None:
    """Waits for the slots of workers on Spark, before there is a run, which could only fail."""
    environment = experiment.environment
    if spark is not None and environment.launcher == "spark":
        await_slots(spark, environment.workers, seconds=environment.slots_seconds)


def _learn(
    learns: str,
    experiment: ExperimentConfig,
    version: DatasetVersion,
    logger: RunLogger,
    spark: "SparkSession | None",
    lineage: Mapping[str, str],
) -> dict[str, Any]:
    """Trains in the way in which the model learns (`GenerativeModel.learns`)."""
    if learns == "counting":
        return count(experiment, version, logger, spark)
    if learns == "nothing":
        return build_untrained(experiment, version, logger)
    # One choice for all workers, whatever is installed where they run.
    environment = experiment.environment
    feed, backend = choose_feed(environment.feed), choose_backend(environment.backend)
    exchange = backend if environment.workers > 1 else "none"
    logger.tags({"sparkgen.feed": feed, "sparkgen.backend": exchange})
    return launch(
        train,
        _request(experiment, version, logger)
        | {"started_from": lineage.get(VERSION), "feed": feed},
        workers=environment.workers,
        where=environment.launcher,
        threads_per_worker=environment.threads_per_worker,
        max_restarts=environment.max_restarts,
        hang_seconds=environment.hang_seconds,
        slots_seconds=environment.slots_seconds,
        log_folder=checkpoint_uri(experiment, logger.run_id),
        backend=backend,
        spark=spark,
    )


def _request(
    experiment: ExperimentConfig, version: DatasetVersion, logger: RunLogger
) -> dict[str, Any]:
    """What every worker is told of a training, whatever it starts from."""
    return {
        "experiment": experiment.model_dump(mode="json"),
        "version_uri": version.uri,
        "checkpoint_uri": checkpoint_uri(experiment, logger.run_id),
        "run_id": logger.run_id,
        "tracking_uri": tracking_uri(experiment.environment),
    }


def leave_source(source: PackageSource, folder: str) -> None:
    """Copies the source code of a user's own model to the run's folder, from which workers load it."""
    uri = f"{folder}/{PACKAGE_FILE}"
    try:
        changed = read_bytes(uri) != source.archive
    except FileNotFoundError:
        changed = False
    if changed:
        log.warning("the source of the model is not that with which this training began")
    write_bytes(uri, source.archive)


def _register(
    experiment: ExperimentConfig,
    version: DatasetVersion,
    logger: RunLogger,
    result: Mapping[str, Any],
    *,
    lineage: Mapping[str, str],
) -> dict[str, Any]:
    """Registers the model of a training, and gives what `run` gives."""
    packed = pack(result["model"])
    count_learnt = packed.description["parameters"]
    totals = {"training_seconds": result["seconds"], "parameters": count_learnt}
    logger.metrics(totals)
    # The workers leave the model on shared storage, and MLflow takes a local folder.
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary, "model")
        lay_out(packed, folder)
        candidate = Candidate(
            folder, SAMPLER, experiment.sampling, version.manifest, lineage, result["epoch"]
        )
        registered = registry.register(experiment.environment, experiment.name, logger, candidate)
    renew_card(experiment, registered)
    return {
        "run_id": logger.run_id,
        "model_uri": registered.uri,
        "metrics": {**result["metrics"], **totals},
        "checkpoint": result["checkpoint"],
    }
