"""Computes the figures of a model on one batch of rows: one number per figure and row."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sparkgen.config.experiment import EvaluationConfig
from sparkgen.datasets.records import Record
from sparkgen.datasets.rows import Rows, make_batch, pad
from sparkgen.evaluation.metrics import ERRORS
from sparkgen.evaluation.text_nats import text_names
from sparkgen.models.contract import EXACT, Batch, GenerativeModel, Likelihood, Protocol
from sparkgen.noise import Stream, row_noises

TERM = "term of the loss"


class Measured(NamedTuple):
    """The numbers of one figure on a batch: float64 (rows,)."""

    name: str
    protocol: str
    values: npt.NDArray[np.float64]


def measure(
    model: GenerativeModel, rows: Rows, config: EvaluationConfig, *, class_names: Sequence[str]
) -> Iterator[Measured]:
    """All figures of at most `batch_rows` rows, which are padded to a batch of exactly this size.

    Terms of the loss come under their own names, likelihoods as `<name>_nats` (minus the
    log-likelihood: lower is better), reconstructions under the names of the record's `errors`, such
    as `mse`; terms that the model declares `by_class` also as `<name>_<class name>`.
    """
    count, batch = len(rows.id), _batch(model, rows, config)
    errors = error_names(model)
    names = {*model.loss_names, *model.metric_names} - set(errors)
    terms = model.loss_terms(batch, training=False) if names else {}
    for name in sorted(names):
        counted = ~np.isin(rows.label, model.left_out.get(name, ()))
        yield Measured(name, _protocol(model, name), _numbers(terms[name], count)[counted])
    for name in model.by_class:
        measured = Measured(name, _protocol(model, name), _numbers(terms[name], count))
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


def exact_nats(
    model: GenerativeModel, rows: Rows, config: EvaluationConfig
) -> npt.NDArray[np.float64]:
    """Minus the exact log-likelihood of at most `batch_rows` rows: (rows,)."""
    likelihood = model.likelihoods(samples=config.likelihood_samples)[EXACT]
    return -_log_likelihood(likelihood, _batch(model, rows, config), rows, config)


def error_names(model: GenerativeModel) -> tuple[str, ...]:
    """The names of the reconstruction errors of a model; empty for a model that does not reconstruct."""
    return model.spec.record.errors if model.reconstructs else ()


def measured_names(
    model: GenerativeModel, class_names: Sequence[str], *, stride: int | None = None
) -> set[str]:
    """The names of all figures that an evaluation can compute of a model, which may be an outline.

    Args:
        model: the model.
        class_names: of the dataset.
        stride: of the windows of texts; None: there are none.
    """
    names = {*model.loss_names, *model.metric_names, *error_names(model)}
    for figure in model.by_class:
        names |= {f"{figure}_{name}" for name in figure_names(class_names)}
    for name in model.likelihoods(samples=1):
        names |= {f"{name}_nats", f"{name}_bits_per_dim"}
        if name == EXACT:
            names |= text_names(model, stride=stride)
    return names


def by_class(
    measured: Measured, labels: npt.NDArray[np.int32], class_names: Sequence[str]
) -> Iterator[Measured]:
    """The numbers of one figure, separately for the rows of each class in the batch."""
    names = figure_names(class_names)
    for label in np.unique(labels):
        yield Measured(
            f"{measured.name}_{names[label]}",
            f"{measured.protocol}, rows of one class",
            measured.values[labels == label],
        )


def figure_names(class_names: Sequence[str]) -> list[str]:
    """Class names for use in names of figures; `_` replaces letters that tracking servers refuse.

    Where two would become the same, each has its label's number before it.
    """
    names = [re.sub(r"[^0-9A-Za-z_.-]+", "_", name) for name in class_names]
    if len(set(names)) == len(names):
        return names
    return [f"{label}_{name}" for label, name in enumerate(names)]


def protocol_text(protocol: Protocol, record: Record) -> str:
    """The text that describes how a likelihood of such records was computed."""
    return (
        f"-log p in nats, {protocol.kind}, {protocol.estimator}, "
        f"{record.entries} {protocol.binarisation}, {protocol.samples} samples a row"
    )


def reconstruction_text(record: Record) -> str:
    """The text that describes how reconstruction errors of such records were computed."""
    seen = "" if record.unit is None else " in [0, 1]"
    return f"reconstruction, mean over {record.entries}{seen}"


def _protocol(model: GenerativeModel, term: str) -> str:
    return model.protocols.get(term, TERM)


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
