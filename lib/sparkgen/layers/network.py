"""A network is layers in sequence that give float32, also in mixed precision.

Under a mixed policy every Keras layer casts what it is given to half precision, and gives that back,
unless it was made for float32. So what follows a float32 head, be it a mere reshape, would round the
head's values again. One rule keeps that from happening: after the first layer of a network that is
made for float32, all layers compute in float32, and what a network gives is always float32.

`KEEPS_DTYPE` is the rule for layers of our own: they cast neither what they are given nor their
weights, but compute in the dtype that their code chooses.
"""

from collections.abc import Iterable
from typing import Any

import keras
from keras import ops

Tensor = Any
KEEPS_DTYPE: dict[str, Any] = {"dtype": "float32", "autocast": False}


class Network(keras.Sequential):
    """A sequence of layers that gives float32.

    Args:
        layers: in order; those after the first one made for float32 are made float32 as well.
        name: of the network.
    """

    def __init__(self, layers: Iterable[keras.layers.Layer], name: str | None = None) -> None:
        layers = list(layers)
        full = [layer.compute_dtype == "float32" for layer in layers]
        for layer in layers[full.index(True) :] if any(full) else ():
            layer.dtype_policy = keras.DTypePolicy("float32")
        super().__init__(layers, name=name)

    def call(self, inputs: Tensor, training: bool | None = None, mask: Any = None) -> Tensor:
        # Keras passes `training` on to layers that name it only.
        return ops.cast(super().call(inputs, training=training, mask=mask), "float32")
