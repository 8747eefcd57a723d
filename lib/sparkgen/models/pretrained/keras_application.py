"""A network of keras.applications, such as VGG16, is used with its own preprocessing of pictures.

https://keras.io/api/applications says which networks there are, and names the paper of each. Without its
top a network takes pictures of any height and width. With its top it tells the 1,000 classes of ImageNet
apart, and pictures are first made as large as those that it was trained on.

Its activations are those of all its layers but the input, by the names that Keras gave them.
"""

import importlib
import math
import re
from collections.abc import Callable, Sequence
from typing import Annotated, Any, ClassVar

import keras
import numpy as np
from keras import ops
from pydantic import BeforeValidator, Field

from sparkgen.config.strict import Strict
from sparkgen.datasets.records import DataSpec
from sparkgen.models.contract import GenerativeModel, Tensor
from sparkgen.models.pretrained._base import IMAGENET, Pretrained

RESCALED = re.compile("EfficientNetB[0-7]")
"""Networks that divide pictures by the square root of `DEVIATION` if they have ImageNet's weights."""
DEVIATION = (0.229, 0.224, 0.225)
"""Of the pixels of ImageNet in each channel, of pictures in [0, 1]."""


def _as_tuples(value: Any) -> Any:
    """A layer's name and shape as JSON has them."""
    if isinstance(value, list) and len(value) == 2 and isinstance(value[1], list):
        return value[0], tuple(value[1])
    return value


Answer = Annotated[tuple[str, tuple[int | None, ...]], BeforeValidator(_as_tuples)]


class Config(Strict):
    """Which network it is."""

    network: str
    """Its name in keras.applications, such as `VGG16`."""
    include_top: bool = False
    """Whether it has the layers that tell the classes."""
    layers: tuple[Answer, ...] = Field(strict=False)
    """The name of each of its layers, and the shape of what it answers to a picture, such as
    `[block1_conv1, [null, null, 64]]`."""


class KerasApplication(Pretrained):
    """The network without its top."""

    include_top: ClassVar[bool] = False

    def __init__(self, config: Config, **kwargs: Any) -> None:
        super().__init__(IMAGENET, **kwargs)
        self.application, self.shapes = config.network, dict(config.layers)
        self.pieces = Pieces()

    def build(self, batch_shape: Any = None) -> None:
        self.network = make_network(self.application, include_top=self.include_top, weights=None)
        self.built = True

    @property
    def activation_names(self) -> tuple[str, ...]:
        return tuple(self.shapes)

    def answers(self, x: Tensor, names: Sequence[str]) -> dict[str, Tensor]:
        if not self.built:  # an outline, which is asked for shapes
            return {name: keras.KerasTensor((x.shape[0], *self.shapes[name])) for name in names}
        # By number: some names that Keras gives depend on the networks that were made before.
        layers = dict(zip(self.shapes, inner_layers(self.network), strict=True))
        ends = [layers[name].output for name in names]
        found = self.pieces.run(self.network.inputs, ends, self.preprocessed(x))
        return dict(zip(names, found, strict=True))

    def preprocessed(self, x: Tensor) -> Tensor:
        """Pictures (B, H, W, 1 or 3) in [0, 1] as the network takes them."""
        x = self.in_colour(x)
        size = self.network.input_shape[1:3]
        if None not in size:
            x = ops.image.resize(x, size, antialias=True)
        return preprocessing(self.application)(255.0 * x)


class ClassifyingApplication(KerasApplication):
    """The network with its top."""

    classifies = True
    include_top = True

    def features(self, x: Tensor) -> Tensor:
        """The input of the last layer with weights for pictures in [0, 1]: float32 (B, F)."""
        end, x = self._last().input, self.preprocessed(x)
        (found,) = self.pieces.run(self.network.inputs, [end], x)
        return ops.reshape(found, (-1, math.prod(end.shape[1:])))

    def head(self, features: Tensor) -> Tensor:
        """Unnormalised log-probabilities of the classes: float32 (B, 1000)."""
        start = self._last().input
        x = ops.reshape(features, (-1, *start.shape[1:]))
        (logits,) = self.pieces.run([start], self.network.outputs, x)
        return logits

    def _last(self) -> keras.layers.Layer:
        return [layer for layer in self.network.layers if layer.weights][-1]


class Pieces:
    """Parts of one network, each made once. Keras does not look in here, so it saves no weights twice."""

    def __init__(self) -> None:
        self.made: dict[tuple[int, ...], keras.Model] = {}

    def run(self, start: Sequence[Tensor], ends: Sequence[Tensor], x: Tensor) -> list[Tensor]:
        """What the layers between symbolic tensors of a network make of `x`, float32."""
        key = tuple(map(id, (*start, *ends)))
        if key not in self.made:
            self.made[key] = keras.Model(list(start), list(ends))
        found = keras.tree.flatten(self.made[key](x, training=False))
        return [ops.cast(one, "float32") for one in found]


def network_names() -> list[str]:
    """The networks of keras.applications."""
    return [name for name in dir(keras.applications) if name[0].isupper()]


def make_network(name: str, *, include_top: bool, weights: str | None) -> keras.Model:
    """A network of keras.applications, which gives logits if it has its top.

    Args:
        name: of the network.
        include_top: whether it has its top; it then takes pictures of one size.
        weights: `imagenet`, which Keras fetches; None: as they are before training, in the layers that
            those of ImageNet belong to.
    """
    make = getattr(keras.applications, name)
    options = {"classifier_activation": None} if include_top else {"input_shape": (None, None, 3)}
    made = make(include_top=include_top, weights=weights, **options)
    return _divided(made) if RESCALED.fullmatch(name) and weights is None else made


def _divided(network: keras.Model) -> keras.Model:
    """An EfficientNet with the layer that Keras gives it only together with the weights of ImageNet."""

    def call(layer: keras.layers.Layer, *args: Any, **kwargs: Any) -> Tensor:
        x = layer(*args, **kwargs)
        if isinstance(layer, keras.layers.Normalization):
            return keras.layers.Rescaling([1 / math.sqrt(one) for one in DEVIATION])(x)
        return x

    return keras.models.clone_model(network, call_function=call)


def check_same(network: keras.Model, source: keras.Model, x: Tensor) -> None:
    """Compares what two networks answer to pictures in their middle and at their end.

    Args:
        network: one.
        source: the other, which is right.
        x: pictures as they take them.

    Raises:
        ValueError: they do not have as many layers, or their answers differ.
    """
    sides = [inner_layers(one) for one in (network, source)]
    if len(sides[0]) != len(sides[1]):
        raise ValueError(f"{len(sides[0])} layers in place of {len(sides[1])}")
    for number in (len(sides[1]) // 2, -1):
        found, right = (
            np.asarray(keras.Model(one.inputs, layers[number].output)([x], training=False))
            for one, layers in zip((network, source), sides, strict=True)
        )
        if not np.abs(found - right).max() <= 1e-3 * np.abs(right).max():
            raise ValueError(f"other answers of the layer {sides[1][number].name}")


def inner_layers(network: keras.Model) -> list[keras.layers.Layer]:
    """The layers of a network without its input."""
    return [one for one in network.layers if not isinstance(one, keras.layers.InputLayer)]


def preprocessing(name: str) -> Callable[[Tensor], Tensor]:
    """What makes the input of a network from pictures (B, H, W, 3) in [0, 255]."""
    module = importlib.import_module(getattr(keras.applications, name).__module__)
    function: Callable[[Tensor], Tensor] = module.preprocess_input
    return function


def build(config: Config, spec: DataSpec) -> GenerativeModel:
    """The network, for pictures of any size."""
    kind = ClassifyingApplication if config.include_top else KerasApplication
    return kind(config, name="keras_application")
