"""A network of keras.applications, such as VGG16, is used with its own preprocessing of pictures.

https://keras.io/api/applications says which networks there are, and names the paper of each. Without its
top a network takes pictures of any height and width. With its top it tells the 1,000 classes of ImageNet
apart, and pictures are first made as large as those that it was trained on.

Its activations are those of all its layers but the input, by the names that Keras gave them.
"""

import importlib
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import keras
from keras import ops
from pydantic import Field

from sparkgen.config.strict import Strict
from sparkgen.datasets.records import DataSpec
from sparkgen.models.contract import GenerativeModel, Tensor
from sparkgen.models.pretrained._base import IMAGENET, Pretrained


class Config(Strict):
    """Which network it is."""

    network: str
    """Its name in keras.applications, such as `VGG16`."""
    include_top: bool = False
    """Whether it has the layers that tell the classes."""
    layers: tuple[str, ...] = Field(strict=False)
    """The names of its layers."""


class KerasApplication(Pretrained):
    """The network without its top."""

    include_top: ClassVar[bool] = False

    def __init__(self, config: Config, **kwargs: Any) -> None:
        super().__init__(IMAGENET, **kwargs)
        self.application, self.layer_names = config.network, config.layers
        self.pieces = Pieces()

    def build(self, batch_shape: Any = None) -> None:
        self.network = make_network(self.application, include_top=self.include_top, weights=None)
        self.built = True

    @property
    def activation_names(self) -> tuple[str, ...]:
        return self.layer_names

    def answers(self, x: Tensor, names: Sequence[str]) -> dict[str, Tensor]:
        layers = inner_layers(self.network)
        ends = [layers[self.layer_names.index(name)].output for name in names]
        piece = self.pieces.between(self.network.inputs, ends)
        found = piece(self.preprocessed(x), training=False)
        return {name: ops.cast(a, "float32") for name, a in zip(names, found, strict=True)}

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
        piece = self.pieces.between(self.network.inputs, [self._last().input])
        return ops.reshape(piece(self.preprocessed(x), training=False)[0], (len(x), -1))

    def head(self, features: Tensor) -> Tensor:
        """Unnormalised log-probabilities of the classes: float32 (B, 1000)."""
        start = self._last().input
        piece = self.pieces.between([start], self.network.outputs)
        x = ops.reshape(features, (-1, *start.shape[1:]))
        return ops.cast(piece(x, training=False)[0], "float32")

    def _last(self) -> keras.layers.Layer:
        return [layer for layer in self.network.layers if layer.weights][-1]


class Pieces:
    """Parts of one network, each made once. Keras does not look in here, so it saves no weights twice."""

    def __init__(self) -> None:
        self.made: dict[tuple[int, ...], keras.Model] = {}

    def between(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> keras.Model:
        """The layers of a network that lie between some of its symbolic tensors."""
        key = tuple(map(id, (*inputs, *outputs)))
        if key not in self.made:
            self.made[key] = keras.Model(list(inputs), list(outputs))
        return self.made[key]


def network_names() -> list[str]:
    """The networks of keras.applications."""
    return [name for name in dir(keras.applications) if name[0].isupper()]


def make_network(name: str, *, include_top: bool, weights: str | None) -> keras.Model:
    """A network of keras.applications, which gives logits if it has its top.

    Args:
        name: of the network.
        include_top: whether it has its top; it then takes pictures of one size.
        weights: `imagenet`, which Keras fetches; None: as they are before training.
    """
    make = getattr(keras.applications, name)
    if include_top:
        return make(include_top=True, weights=weights, classifier_activation=None)
    return make(include_top=False, weights=weights, input_shape=(None, None, 3))


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
