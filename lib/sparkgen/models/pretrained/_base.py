"""What pretrained networks share: they take pictures of any size, and hold their weights by name."""

import io
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from sparkgen.datasets.records import DataSpec, PictureRecord, Record
from sparkgen.layers.network import KEEPS_DTYPE
from sparkgen.models.contract import GenerativeModel, Tensor

Array = npt.NDArray[Any]

IMAGENET = DataSpec(PictureRecord((3,)), 1000)
"""What the networks were trained on: colour pictures of the 1,000 classes of ImageNet's challenge."""
WEIGHTS = "layers/tensors/vars"
"""Where Keras has the weights of `TensorNetwork.tensors` in a file."""
INITIAL = {"kernel": "he_normal", "gamma": "ones", "variance": "ones"}
"""What weights are before they are loaded, by the last word of their names; others are zeros."""


class Package(NamedTuple):
    """A package of Python's that holds the weights of a network."""

    distribution: str
    """Its name for pip."""
    module: str
    path: str
    """Of the file with the weights, in the module's folder."""
    sha256: str
    """Of that file."""


class Pretrained(GenerativeModel):
    """A network that was trained on ImageNet. Grey pictures are given to it in all three channels."""

    learns = "nothing"
    records = ("picture",)

    def sees(self, record: Record) -> bool:
        return record.pictures

    def call(self, batch: Any, training: bool = False) -> dict[str, Tensor]:
        """No terms: there is nothing to learn."""
        return {}

    def in_colour(self, x: Tensor) -> Tensor:
        """Pictures (B, H, W, 3) of those of 1 or 3 channels."""
        x = ops.cast(x, "float32")
        return ops.repeat(x, 3, axis=-1) if x.shape[-1] == 1 else x


class Tensors(keras.layers.Layer):
    """Weights by name, as `stem.kernel`, in the layer and in its file.

    Args:
        shapes: of each.
    """

    def __init__(self, shapes: Mapping[str, tuple[int, ...]], **kwargs: Any) -> None:
        super().__init__(**KEEPS_DTYPE, **kwargs)
        self.shapes = shapes

    def __getitem__(self, name: str) -> Tensor:
        """A weight; before there are any, a tensor without values."""
        return self.of_name[name] if self.built else keras.KerasTensor(self.shapes[name])

    def build(self, input_shape: Any = None) -> None:
        self.of_name = {
            name: self.add_weight(
                shape=shape,
                initializer=INITIAL.get(name.rpartition(".")[2], "zeros"),
                name=name.replace(".", "_"),
            )
            for name, shape in self.shapes.items()
        }
        self.built = True

    def save_own_variables(self, store: Any) -> None:
        for name, variable in self.of_name.items():
            store[name] = np.asarray(variable)

    def load_own_variables(self, store: Any) -> None:
        for name, variable in self.of_name.items():
            variable.assign(store[name])


class TensorNetwork(Pretrained):
    """A network written as a function of weights by name. Subclasses write `layers_of` and `shapes`."""

    def __init__(self, shapes: Mapping[str, tuple[int, ...]], **kwargs: Any) -> None:
        super().__init__(IMAGENET, **kwargs)
        self.tensors = Tensors(shapes, name="tensors")

    def build(self, batch_shape: Any = None) -> None:
        self.tensors.build()
        self.built = True

    def count_params(self) -> int:
        return sum(math.prod(shape) for shape in self.tensors.shapes.values())

    def answers_in_order(self, x: Tensor) -> Iterator[tuple[str, Tensor]]:
        """What each layer answers to pictures, by the names of `activation_names`."""
        raise TypeError(f"{type(self).__name__} does not tell what its layers answer")

    def answers(self, x: Tensor, names: Sequence[str]) -> dict[str, Tensor]:
        wanted, found = set(names), {}
        for name, answer in self.answers_in_order(x):
            if name in wanted:
                found[name] = answer
            if len(found) == len(wanted):  # no later layer is computed
                break
        return {name: found[name] for name in names}


def weights_file(tensors: Mapping[str, Array], shapes: Mapping[str, tuple[int, ...]]) -> bytes:
    """The weights file of a `TensorNetwork`, as Keras would write it, made without any device.

    Args:
        tensors: the weights by name.
        shapes: what each must have.

    Raises:
        ValueError: a weight is missing, or of another shape.
    """
    import h5py

    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.create_group("vars")  # of the model itself, which has none
        for name, shape in shapes.items():
            if name not in tensors or tensors[name].shape != shape:
                found = tensors[name].shape if name in tensors else "none"
                raise ValueError(f"{name} of shape {shape} is expected, found {found}")
            file[f"{WEIGHTS}/{name}"] = tensors[name].astype(np.float32)
    return buffer.getvalue()
