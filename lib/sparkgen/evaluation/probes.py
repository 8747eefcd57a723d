"""Says which linear probes a request asks for, what their figures are called, and what they need."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple, cast

import numpy as np

from sparkgen.config.experiment import EvaluationConfig, ProbeConfig
from sparkgen.datasets.manifest import Manifest
from sparkgen.datasets.records import Record
from sparkgen.errors import RequestError
from sparkgen.evaluation.linear_probe import FEW, FOLDS, STRENGTHS, Labels

if TYPE_CHECKING:
    from sparkgen.models.contract import GenerativeModel
    from sparkgen.models.encoder_decoder import EncoderDecoder

Count = int | Literal["all"]
"""A number of labelled training rows."""

LATENTS, PCA = "latents or features", "pca"


class Trial(NamedTuple):
    """One probe: on which points, from how many labelled rows, and which draw of them."""

    points: str
    labelled: Count
    draw: int


def trials_of(probe: ProbeConfig, points: Sequence[str]) -> list[Trial]:
    """All probes, those that take longest first."""
    draws = {count: 1 if count == "all" else probe.draws for count in probe.labels}
    ordered = sorted(draws, key=lambda n: float("inf") if n == "all" else n, reverse=True)
    return [Trial(p, n, draw) for n in ordered for p in points for draw in range(draws[n])]


def figure_name(points: str, count: Count) -> str:
    """The name of the figure of probes on some points."""
    return f"probe_accuracy_{count}" if points == LATENTS else f"probe_{points}_accuracy_{count}"


def protocol_of(points: str, count: Count, rows: int, probe: ProbeConfig) -> str:
    """The text that describes how an accuracy was measured, with `rows` training rows there."""
    labelled = rows if count == "all" else count
    folds = FOLDS if labelled <= FEW else 1
    drawn = "" if count == "all" else f", classes in turn, mean of {probe.draws} draws"
    return (
        f"accuracy of a logistic regression on {points}, {labelled} labelled rows of {rows}{drawn}, "
        f"C of {STRENGTHS[0]:g} to {STRENGTHS[-1]:g} by cross-entropy of {folds} of {FOLDS} folds"
    )


def probe_figure_names(config: EvaluationConfig, record: Record) -> set[str]:
    """The names of the figures that `probe_figures` computes for a request."""
    if config.probe is None:
        return set()
    kinds = (LATENTS, record.entries, PCA)
    counts = config.probe.labels
    return {figure_name(kind, n) for kind in kinds for n in counts} | {
        f"probe_over_pca_{n}" for n in counts
    }


def check_probed(model: "GenerativeModel") -> None:
    """Refuses a model, or an outline of one, that makes nothing of a record which a probe could be given.

    Raises:
        RequestError: no latents and no features, or an encoder that is given the label.
    """
    coded = model.has_latents and not cast("EncoderDecoder", model).codes_by_label
    if not (model.classifies or coded):
        name = model.blueprint.name
        raise RequestError(
            "a model with latents or features for evaluation.probe",
            found=f"{name}, whose encoder is given the labels" if model.has_latents else name,
            mend="remove evaluation.probe, or choose an autoencoder or a classifier",
        )


def check_labels(config: EvaluationConfig, manifest: Manifest) -> None:
    """Refuses probes that a dataset version has too few labelled rows for.

    Raises:
        RequestError: it says how many there are.
    """
    probe = config.probe
    if probe is None:
        return
    if config.split == "train":
        raise RequestError(
            "rows that the probes do not learn from as evaluation.split",
            found="train",
            mend="choose another, or remove evaluation.probe",
        )
    train = manifest.split("train")
    there, least = min(train.rows, probe.rows), _least(train.label_counts.values())
    if not least:
        raise RequestError(
            "two classes or more of two training rows each for evaluation.probe",
            found="fewer",
            mend="remove evaluation.probe",
        )
    if there < least:
        raise RequestError(
            f"{least} rows or more in evaluation.probe.rows, two of each class",
            found=str(probe.rows),
            mend="choose a greater number",
        )
    for count in probe.labels:
        if count != "all" and not least <= count <= there:
            raise RequestError(
                f"{least} to {there} labelled rows in evaluation.probe.labels: two of each class, and "
                f"at most those that dataset {manifest.name} has for training",
                found=str(count),
                mend="leave it out, or choose another number",
            )


def check_drawn(labels: Labels) -> None:
    """Refuses training rows, drawn at random, that no probe can learn from.

    Raises:
        RequestError: it says how many were drawn.
    """
    if not _least(np.bincount(labels).tolist()):
        raise RequestError(
            "two classes or more of two rows each among the rows that evaluation.probe.rows draws",
            found=f"fewer among {len(labels)}",
            mend="choose a greater number",
        )


def _least(counts: Iterable[int]) -> int:
    """How many rows, drawn class by class, have two of each class that has two; 0 if fewer than two have.

    Args:
        counts: the rows of each class.
    """
    there = [count for count in counts if count]
    several = [count for count in there if count > 1]
    return len(there) + len(several) if len(several) > 1 else 0
