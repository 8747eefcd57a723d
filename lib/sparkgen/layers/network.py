"""A network is layers in sequence that give float32, also in mixed precision.

Under a mixed policy every Keras layer casts what it is given to half precision, and gives that back,
unless it was made for float32. So what follows a float32 head, be it a mere reshape, would round the
head's values again. One rule keeps that from happening: after the first layer of a network that is
made for float32, all layers compute in float32, and what a network gives is always float32.

What stands in a network can be asked for in its middle: see `block_ends`.

`KEEPS_DTYPE` is the rule for layers of our own: they cast neither what they are given nor their
weights, but compute in the dtype that their code chooses.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import keras
from keras import ops

from sparkgen.layers.residual import NormalisedResidual

Tensor = Any
KEEPS_DTYPE: dict[str, Any] = {"dtype": "float32", "autocast": False}


class Composite(keras.layers.Layer):
    """A layer made of others, which make their variables when it is first called.

    Keras would first trace `call` for that, and the layers inside once more for every layer around them.
    """

    def build(self, input_shape: Any) -> None:
        pass


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


def block_ends(layers: Sequence[keras.layers.Layer]) -> dict[str, int]:
    """The blocks of layers in sequence: the number of the last layer of each, by the block's name.

    A block is a convolution, a residual block or a dense layer, with what follows it up to the next one
    or to where the picture is made flat. They are `conv1`, `conv2`, ..., `block1`, ... and `dense1`, ...
    """
    ends: dict[str, int] = {}
    counts = {"conv": 0, "block": 0, "dense": 0}
    inside = ""
    for number, layer in enumerate(layers):
        kind = _kind(layer)
        if kind:
            counts[kind] += 1
            inside = f"{kind}{counts[kind]}"
        elif isinstance(layer, (keras.layers.Flatten, keras.layers.GlobalAveragePooling2D)):
            inside = ""
        if inside:
            ends[inside] = number
    return ends


def outputs(
    layers: Sequence[keras.layers.Layer], x: Tensor, ends: Mapping[str, int]
) -> dict[str, Tensor]:
    """What some of the layers in sequence give, outside training.

    Args:
        layers: in order.
        x: the input of the first one.
        ends: their numbers, by names.

    Returns:
        By name, float32.
    """
    found: dict[int, Tensor] = {}
    for number, layer in enumerate(layers[: max(ends.values(), default=-1) + 1]):
        x = layer(x, training=False)
        found[number] = x
    return {name: ops.cast(found[number], "float32") for name, number in ends.items()}


def _kind(layer: keras.layers.Layer) -> str:
    if isinstance(layer, keras.layers.Conv2D):
        return "conv"
    if isinstance(layer, NormalisedResidual):
        return "block"
    return "dense" if isinstance(layer, keras.layers.Dense) else ""
