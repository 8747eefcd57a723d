"""Labels enter networks as one-hot vectors, and networks predict them by logits.

Mirza and Osindero, "Conditional Generative Adversarial Nets", 2014, give generators one-hot labels;
Sohn et al., "Learning Structured Output Representation using Deep Conditional Generative Models",
2015, variational autoencoders. Shape suffixes: B rows, F features, K classes.
"""

from typing import Any

import keras
import numpy as np
from keras import ops

Tensor = Any


def with_one_hot(features_BF: Tensor, label_B: Tensor | None, classes: int) -> Tensor:
    """The features with the labels behind them as one-hot vectors: (B, F + classes).

    Args:
        features_BF: float.
        label_B: int, 0 .. classes - 1.
        classes: how many labels there are.

    Raises:
        ValueError: there are no labels.
    """
    if label_B is None:
        raise ValueError("expected a label of every row, found none: give label, int32 (B,)")
    one_hot = ops.one_hot(label_B, classes, dtype=features_BF.dtype)
    return ops.concatenate([features_BF, one_hot], axis=-1)


def cross_entropy(label_B: Tensor, logits_BK: Tensor) -> Tensor:
    """-log p(label) of every row in nats, p being the softmax of the logits: float32 (B,)."""
    return keras.losses.sparse_categorical_crossentropy(label_B, logits_BK, from_logits=True)


def accuracy(label_B: Tensor, scores_BK: Tensor) -> Tensor:
    """1 for every row whose greatest score is that of its label, else 0: float32 (B,)."""
    guess_B = ops.cast(ops.argmax(scores_BK, axis=-1), "int32")
    return ops.cast(ops.equal(guess_B, label_B), "float32")


def margin(label_B: Tensor, logits_BK: Tensor) -> Tensor:
    """The greatest logit of another class minus that of the label: float32 (B,), above 0 where the label
    is not what the logits say.
    """
    own_BK = ops.one_hot(label_B, logits_BK.shape[-1], dtype=logits_BK.dtype)
    others_BK = ops.where(own_BK > 0, -np.inf, logits_BK)
    return ops.max(others_BK, axis=-1) - ops.sum(own_BK * logits_BK, axis=-1)
