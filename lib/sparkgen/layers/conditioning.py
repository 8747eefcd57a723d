"""A label enters a network as a one-hot vector beside the features.

Mirza and Osindero, "Conditional Generative Adversarial Nets", 2014, for generators; Sohn et al.,
"Learning Structured Output Representation using Deep Conditional Generative Models", 2015, for
variational autoencoders.
"""

from typing import Any

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
