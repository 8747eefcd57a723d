"""Computes figures of samples from the class probabilities that a classifier, the judge, gives them."""

from typing import NamedTuple

import numpy as np

from sparkgen.evaluation.distances import Features

CONFIDENT = 0.9


class Judgement(NamedTuple):
    """The judge's three figures of a set of samples, each in [0, 1]."""

    confident: float
    """Samples given one class with a probability over 0.9."""
    classes_present: float
    """Of the classes of the training set, those that are the likeliest of at least one sample."""
    imbalance: float
    """Total variation between the samples' classes and the training set's, 0 for the same."""


def judge(probabilities_NK: Features, expected_K: Features) -> Judgement:
    """The judge's figures, computed from the class probabilities of samples.

    Args:
        probabilities_NK: float (N, K), rows summing to 1.
        expected_K: float (K,), the training set's share of each class.
    """
    classes = probabilities_NK.shape[1]
    share_K = np.bincount(probabilities_NK.argmax(1), minlength=classes) / len(probabilities_NK)
    return Judgement(
        confident=float((probabilities_NK.max(1) > CONFIDENT).mean()),
        classes_present=float((share_K > 0)[expected_K > 0].mean()),
        imbalance=float(np.abs(share_K - expected_K).sum() / 2),
    )
