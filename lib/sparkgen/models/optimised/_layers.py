"""Which layers of a network the models of this family look at."""

from collections.abc import Mapping, Sequence

from sparkgen.config.nearest import choose
from sparkgen.errors import RequestError
from sparkgen.models.contract import GenerativeModel


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
        RequestError: a layer that the network does not have.
    """
    names = network.activation_names
    if not stated:
        return {names[int(depth * len(names))]: 1.0 for depth in depths}
    for name in stated:
        if name not in names:
            raise RequestError(
                f"layers of {network.name} in {key}", found=name, mend=choose(name, names)
            )
    return dict(stated)
