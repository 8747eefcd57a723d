"""Which layers of a network the models of this family look at."""

from collections.abc import Mapping, Sequence
from typing import Annotated

import keras
from pydantic import Field

from sparkgen.config.nearest import choose
from sparkgen.errors import RequestError
from sparkgen.models.contract import GenerativeModel

LayerWeights = dict[str, Annotated[float, Field(gt=0)]]
"""Weights of layers by their names."""
ASKED = 256
"""Pixels of the sides of pictures by which networks of any size are asked what their layers answer."""


def weights_of_layers(
    stated: Mapping[str, float], network: GenerativeModel, depths: Sequence[float], *, key: str
) -> dict[str, float]:
    """Layers with their weights, those that are stated, or else some at given depths.

    Args:
        stated: weights by the names of layers; empty: none are stated.
        network: whose layers they are.
        depths: of the layers that are taken where none are stated, in [0, 1) from input to output. Each
            has the weight 1.
        key: of the request.

    Raises:
        RequestError: a layer that the network does not have, or that does not answer at each place.
    """
    names = network.activation_names
    if not stated:
        stated = {names[int(depth * len(names))]: 1.0 for depth in depths}
    for name in stated:
        if name not in names:
            raise RequestError(
                f"layers of {network.name} in {key}", found=name, mend=choose(name, names)
            )
    _check_maps(network, list(stated), key=key)
    return dict(stated)


def shapes_of_answers(
    network: GenerativeModel, names: Sequence[str], shape: Sequence[int]
) -> dict[str, tuple[int | None, ...]]:
    """What layers answer to a picture (H, W, C), by name: (h, w, c) or (c,). Nothing is computed.

    Raises:
        RequestError: the picture is too small for the network.
    """
    try:
        found = network.activations(keras.KerasTensor((1, *shape)), names)
    except ValueError as error:
        raise RequestError(
            f"pictures that are large enough for {', '.join(names)} of {network.name}",
            found=" x ".join(map(str, shape[:2])),
            mend="take larger pictures, or earlier layers",
        ) from error
    return {name: tuple(answer.shape[1:]) for name, answer in found.items()}


def _check_maps(network: GenerativeModel, names: Sequence[str], *, key: str) -> None:
    *sides, channels = network.spec.shape
    shape = (*(sides or (ASKED, ASKED)), channels)
    for name, answer in shapes_of_answers(network, names, shape).items():
        if len(answer) != 3:
            every = shapes_of_answers(network, network.activation_names, shape)
            maps = [one for one, answer in every.items() if len(answer) == 3]
            raise RequestError(
                f"layers of {network.name} that answer at each place of a picture in {key}",
                found=f"{name}, which gives {answer[0]} numbers a picture",
                mend=f"name some of {', '.join(maps)}" if maps else "choose another model.parts",
            )
