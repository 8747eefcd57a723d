"""Validation gives the mean of every loss and metric over a whole split, whose rows the ranks share."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from sparkgen.datasets.manifest import Manifest
from sparkgen.distribution.heartbeat import heartbeat
from sparkgen.models.contract import GenerativeModel
from sparkgen.training.learner import Learner, averaged_weights
from sparkgen.training.state import EpochFigures


def validation_split(manifest: Manifest) -> str | None:
    """The name of the split to validate on: `validation`, else `test`, else None."""
    rows = {name: entry.rows for name, entry in manifest.splits.items()}
    return next((name for name in ("validation", "test") if rows.get(name)), None)


def validation_names(model: GenerativeModel) -> list[str]:
    """The names of the validation figures: `val_<term>` and `val_loss`."""
    names = (*model.loss_names, *model.metric_names)
    return [*(f"val_{name}" for name in names), "val_loss"]


def make_validation(learner: Learner, batches: Any) -> Callable[[], EpochFigures]:
    """Gives a function that returns the mean of all loss and metric terms over the split.

    The weights are those that training would end with. There is no figure of a term that no row of the
    split says anything of.

    Args:
        learner: what is validated.
        batches: tf.data of this rank's batches, in which padding weighs 0.
    """
    model = learner.model
    names = (*model.loss_names, *model.metric_names)

    def sums(batch: Any) -> Any:
        terms = model(batch, training=False)
        weights = [model.weights_of(name, batch) for name in names]
        totals = [
            tf.reduce_sum(tf.cast(terms[name], tf.float32) * weight_B)
            for name, weight_B in zip(names, weights, strict=True)
        ]
        return tf.stack([totals, [tf.reduce_sum(weight_B) for weight_B in weights]])

    compiled = tf.function(sums, autograph=False)

    def validate() -> EpochFigures:
        with averaged_weights(learner):
            own = [compiled(batch) for batch in heartbeat.each(batches)]
        # A rank may have no rows at all; it still takes part in the sum.
        total = np.sum([s.numpy() for s in own], axis=0, dtype=np.float64, initial=0.0)
        total, weight = learner.ring.sum(np.broadcast_to(total, (2, len(names))).copy())
        return _means(model, dict(zip(names, zip(total, weight, strict=True), strict=True)))

    return validate


def _means(model: GenerativeModel, sums: Mapping[str, tuple[float, float]]) -> EpochFigures:
    """The figures, of the sum and the weight of each term."""
    means = {name: float(total / weight) for name, (total, weight) in sums.items() if weight > 0}
    figures = {f"val_{name}": mean for name, mean in means.items()}
    if all(name in means for name in model.loss_names):
        figures["val_loss"] = sum(means[name] for name in model.loss_names)
    return figures
