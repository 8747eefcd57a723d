"""What a model says of one batch of rows: every figure's number for every row."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sparkgen.config.experiment import EvaluationConfig
from sparkgen.datasets.records import Record
from sparkgen.datasets.rows import Rows, make_batch, pad
from sparkgen.evaluation.metrics import ERRORS
from sparkgen.models.contract import Batch, GenerativeModel, Likelihood, Protocol
from sparkgen.noise import Stream, row_noises

TERM = "term of the loss"


class Measured(NamedTuple):
    """One figure's numbers on a batch: float64 (rows,)."""

    name: str
    protocol: str
    values: npt.NDArray[np.float64]


def measure(
    model: GenerativeModel, rows: Rows, config: EvaluationConfig, *, class_names: Sequence[str]
) -> Iterator[Measured]:
    """Every figure of up to `batch_rows` rows, which are computed in a batch of just that many.

    Terms of the loss come under their own names, likelihoods as `<name>_nats` (minus the
    log-likelihood: lower is better), reconstructions under the names of the record's `errors`, such
    as `mse`; terms that the model declares `by_class` also as `<name>_<class name>`.
    """
    count, batch = len(rows.id), _batch(model, rows, config)
    errors = error_names(model)
    names = {*model.loss_names, *model.metric_names} - set(errors)
    terms = model.loss_terms(batch, training=False) if names else {}
    for name in sorted(names):
        yield Measured(name, TERM, _numbers(terms[name], count))
    for name in model.by_class:
        measured = Measured(name, TERM, _numbers(terms[name], count))
        yield from by_class(measured, rows.label, class_names)
    for name, likelihood in sorted(model.likelihoods(samples=config.likelihood_samples).items()):
        nats = -_log_likelihood(likelihood, batch, rows, config)
        protocol = protocol_text(likelihood.protocol, model.spec.record)
        yield Measured(f"{name}_nats", protocol, nats)
    if errors:
        x = batch[model.spec.record.kind]
        x_hat = model.reconstruct(x, batch)
        for name in errors:
            values = ERRORS[name](_array(x), _array(x_hat))[:count]
            yield Measured(name, reconstruction_text(model.spec.record), values)


def error_names(model: GenerativeModel) -> tuple[str, ...]:
    """The errors of a model's reconstructions; none where it does not reconstruct."""
    return model.spec.record.errors if model.reconstructs else ()


def measured_names(model: GenerativeModel, class_names: Sequence[str]) -> set[str]:
    """The figures that there can be of a model, which may be an outline; see `measure`."""
    names = {*model.loss_names, *model.metric_names, *error_names(model)}
    for figure in model.by_class:
        names |= {f"{figure}_{name}" for name in figure_names(class_names)}
    for name in model.likelihoods(samples=1):
        names |= {f"{name}_nats", f"{name}_bits_per_dim"}
    return names


def by_class(
    measured: Measured, labels: npt.NDArray[np.int32], class_names: Sequence[str]
) -> Iterator[Measured]:
    """A figure's numbers on the rows of each class that is there."""
    names = figure_names(class_names)
    for label in np.unique(labels):
        yield Measured(
            f"{measured.name}_{names[label]}",
            f"{measured.protocol}, rows of one class",
            measured.values[labels == label],
        )


def figure_names(class_names: Sequence[str]) -> list[str]:
    """Class names as parts of names of figures: with `_` for what a tracking server refuses.

    Where two would become the same, each has its label's number before it.
    """
    names = [re.sub(r"[^0-9A-Za-z_.-]+", "_", name) for name in class_names]
    if len(set(names)) == len(names):
        return names
    return [f"{label}_{name}" for label, name in enumerate(names)]


def protocol_text(protocol: Protocol, record: Record) -> str:
    """The protocol of a likelihood of such records, in words."""
    return (
        f"-log p in nats, {protocol.kind}, {protocol.estimator}, "
        f"{record.entries} {protocol.binarisation}, {protocol.samples} samples a row"
    )


def reconstruction_text(record: Record) -> str:
    """The protocol of the errors of reconstructions, in words."""
    seen = "" if record.unit is None else " in [0, 1]"
    return f"reconstruction, mean over {record.entries}{seen}"


def _batch(model: GenerativeModel, rows: Rows, config: EvaluationConfig) -> Batch:
    batch = make_batch(
        rows, model.spec.record, model.training_noise, seed=config.seed, size=config.batch_rows
    )
    return _tensors(batch)


def _log_likelihood(
    likelihood: Likelihood, batch: Batch, rows: Rows, config: EvaluationConfig
) -> npt.NDArray[np.float64]:
    ids, size = rows.id.tolist(), config.batch_rows
    drawn = row_noises(likelihood.noise, ids, seed=config.seed, stream=Stream.EVALUATE)
    noise = {name: _tensor(pad(values, size)) for name, values in drawn.items()}
    return _numbers(likelihood.function({**batch, "noise": noise}), len(ids))


def _tensors(batch: Batch) -> Batch:
    noise = {name: _tensor(values) for name, values in batch["noise"].items()}
    rest = {name: _tensor(batch[name]) for name in batch if name not in ("id", "noise")}
    return {**rest, "id": batch["id"], "noise": noise}


def _numbers(values_B: Any, count: int) -> npt.NDArray[np.float64]:
    return _array(values_B).astype(np.float64)[:count]


def _tensor(array: npt.NDArray[Any]) -> Any:
    import keras

    return keras.ops.convert_to_tensor(array)


def _array(tensor: Any) -> npt.NDArray[Any]:
    import keras

    return np.asarray(keras.ops.convert_to_numpy(tensor))
