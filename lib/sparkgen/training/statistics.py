"""Batch normalisation needs new statistics for averaged weights, with which no step was taken.

Averaged weights give other activations than the weights of any step, so the statistics of the steps
do not fit them, nor do averages of those. They are taken anew, as the mean of the moments of some
batches, each of which is normalised by its own moments (Izmailov et al., "Averaging Weights Leads to
Wider Optima and Better Generalization", 2018, section 3.2).
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import tensorflow as tf

from sparkgen.distribution.heartbeat import heartbeat
from sparkgen.layers.batch_norm import batch_norms, gathered_moments
from sparkgen.models.contract import Batch, GenerativeModel

BATCHES = 20
"""The first ones of the training, or all of an epoch that has fewer."""


def make_statistics(model: GenerativeModel, batches: Iterable[Batch]) -> Callable[[], None]:
    """Gives a function that computes the batch-normalisation statistics of the current weights anew.

    Args:
        model: whose moments are averaged over the ring, if there is one; then it is collective.
        batches: this rank's, as many on every rank; gone over at each call.
    """
    norms = batch_norms(model)

    def moments(batch: Batch) -> list[Any]:
        with gathered_moments(norms) as found:
            model(batch, training=False)
        # A discriminator is called on real and on generated images.
        return [tf.reduce_mean(tf.stack(calls), axis=0) for calls in found]

    compiled = tf.function(moments, autograph=False)

    def fit() -> None:
        found = [
            [moment.numpy() for moment in compiled(batch)] for batch in heartbeat.each(batches)
        ]
        for norm, moments_of_norm in zip(norms, zip(*found, strict=True), strict=True):
            mean, variance = np.mean(moments_of_norm, axis=0, dtype=np.float64)
            norm.moving_mean.assign(mean)
            norm.moving_variance.assign(variance)

    return fit
