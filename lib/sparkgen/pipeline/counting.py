"""Trains a model by counting: the model is set to statistics that Spark sums over all training rows.

An epoch is one pass over the Parquet, a task's unit a fixed share of the files, so that the sums do
not depend on the number of tasks. After each pass the model is left in the checkpoint folder, from
which an interrupted training goes on.
"""

import io
import logging
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sparkgen.config.experiment import EvaluationConfig
from sparkgen.config.request import ExperimentConfig
from sparkgen.datasets.files import StoredFile, check_sizes
from sparkgen.datasets.manifest import DatasetVersion
from sparkgen.datasets.rows import batches_of, make_batch, read_file
from sparkgen.datasets.sealed import seal, unseal
from sparkgen.datasets.storage import read_bytes, write_bytes
from sparkgen.errors import ModelError
from sparkgen.evaluation.evaluate import evaluate
from sparkgen.models.portable import WEIGHTS_FILE, PortableModel, lay_out, pack, store
from sparkgen.models.unpacking import unpack
from sparkgen.noise import Stream
from sparkgen.pipeline.journal import checkpoint_uri
from sparkgen.pipeline.session import spark_session
from sparkgen.tasks import run_each
from sparkgen.tracking.run_logger import RunLogger

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from sparkgen.models.contract import GenerativeModel, Statistics

log = logging.getLogger(__name__)

SHARES = 16  # of the files: what the driver sums, whatever the number of files
HISTORY = "history.json"


class _Pass(NamedTuple):
    """One pass over the training rows: the model at its start, the files, the epoch and the seed."""

    packed: PortableModel
    files: list[StoredFile]
    epoch: int
    seed: int
    batch_rows: int


def count(
    experiment: ExperimentConfig,
    version: DatasetVersion,
    logger: RunLogger,
    spark: "SparkSession | None",
) -> dict[str, Any]:
    """Trains a model that learns by counting; the result has the form of `training.worker.train`'s."""
    from sparkgen.training.run_log import patient_log, upload_report

    spark = spark or spark_session(experiment.environment)
    folder = checkpoint_uri(experiment, logger.run_id)
    model = _start(experiment, version, folder)
    history = _resume(model, folder)
    log_pass, start = patient_log(lambda: logger), time.monotonic()
    files = version.manifest.split_files(version.uri, "train")
    check_sizes(files)
    config = experiment.training
    for epoch in range(len(history), config.epochs):
        packed = _pack(model, experiment)
        model.fit_statistics(
            sum_over_files(spark, _Pass(packed, files, epoch, config.seed, config.batch_size))
        )
        history.append(_measure(spark, _pack(model, experiment), experiment, version))
        log_pass(history[-1], epoch + 1)
        _save(_pack(model, experiment), history, folder)
    upload_report(
        logger,
        model,
        history,
        experiment=experiment,
        manifest=version.manifest,
        version_uri=version.uri,
    )
    return {
        "metrics": history[-1],
        "history": history,
        "epoch": len(history),
        "model": _pass_folder(folder, config.epochs),
        "checkpoint": _pass_folder(folder, config.epochs),
        "steps": config.epochs,
        "seconds": time.monotonic() - start,
    }


def sum_over_files(spark: "SparkSession", work: _Pass) -> "Statistics":
    """The summed statistics of all rows of some files, computed by Spark."""
    from sparkgen.models.counted import sum_statistics

    shares = min(SHARES, len(work.files))
    broadcast = spark.sparkContext.broadcast(work)

    def count_share(share: int) -> Iterator[bytes]:
        yield count_files(broadcast.value, broadcast.value.files[share::shares])

    try:
        parts = run_each(spark, count_share, range(shares))
    finally:
        broadcast.unpersist()
    return sum_statistics(map(_unpack, parts))


def count_files(work: _Pass, files: list[StoredFile]) -> bytes:
    """The summed statistics of some files, as the bytes of an .npz file; called in an executor."""
    import numpy as np

    from sparkgen.models.counted import as_arrays, sum_statistics

    model: Any = unpack(work.packed)
    record = work.packed.spec.record
    parts = (
        model.statistics(
            make_batch(
                rows,
                record,
                model.training_noise,
                seed=work.seed,
                stream=Stream.TRAIN,
                epoch=work.epoch,
            )
        )
        for file in files
        for rows in batches_of(read_file(file, record), work.batch_rows)
    )
    buffer = io.BytesIO()
    np.savez(buffer, **as_arrays(sum_statistics(parts)))
    return buffer.getvalue()


def _unpack(data: bytes) -> "Statistics":
    import numpy as np

    from sparkgen.models.counted import from_arrays

    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        return from_arrays(arrays)


def _start(experiment: ExperimentConfig, version: DatasetVersion, folder: str) -> "GenerativeModel":
    import keras

    from sparkgen.training.building import build

    keras.utils.set_random_seed(experiment.training.seed)
    return build(experiment, folder, version.manifest.spec)


def _measure(
    spark: "SparkSession",
    packed: PortableModel,
    experiment: ExperimentConfig,
    version: DatasetVersion,
) -> dict[str, float]:
    """The model's figures on the split `validation`, else `test`; empty where neither has rows."""
    from sparkgen.training.validation import validation_split

    split = validation_split(version.manifest)
    if split is None:
        return {}
    config = EvaluationConfig.model_validate({"split": split, "seed": experiment.training.seed})
    figures = evaluate(spark, packed, config, version_uri=version.uri, manifest=version.manifest)
    return {f"val_{name}": figure.value for name, figure in figures.items()}


def _pack(model: Any, experiment: ExperimentConfig) -> PortableModel:
    from sparkgen.models.saving import save_model

    config = experiment.model
    with tempfile.TemporaryDirectory() as folder:
        save_model(
            folder, model, name=config.name, options=config.options, density=experiment.density
        )
        return pack(folder)


def _save(packed: PortableModel, history: list[dict[str, float]], folder: str) -> None:
    """Saves the model after a pass; the history is written last and marks the pass as complete."""
    store(packed, _pass_folder(folder, len(history)))
    write_bytes(f"{folder}/{HISTORY}", seal({"history": history}))


def _resume(model: Any, folder: str) -> list[dict[str, float]]:
    """The figures of the completed passes; the model gets the weights of the last undamaged one."""
    history = _history(folder)
    while history:
        try:
            packed = pack(_pass_folder(folder, len(history)))
        except ModelError as error:
            log.warning("going back one pass: %s", error)
            history.pop()
            continue
        with tempfile.TemporaryDirectory() as local:
            lay_out(packed, local)
            model.load_weights(Path(local, WEIGHTS_FILE))
        return history
    return []


def _history(folder: str) -> list[dict[str, float]]:
    uri = f"{folder}/{HISTORY}"
    try:
        return list(unseal(read_bytes(uri))["history"])
    except FileNotFoundError:
        return []
    except (OSError, KeyError, TypeError, ValueError) as error:
        log.warning("%s is damaged, and the training begins anew: %s", uri, error)
        return []


def _pass_folder(folder: str, number: int) -> str:
    return f"{folder}/pass-{number:05d}"
