import numpy as np
import pytest

from sparkgen.layers.network import Network
from sparkgen.layers.resizing import (
    coarse_sides,
    dense_map,
    enlarged_logits,
    halving_convolutions,
)


@pytest.mark.parametrize(
    ("shape", "halvings", "sides"),
    [
        ((28, 28, 1), 2, (7, 7)),
        ((7, 5, 3), 2, (2, 2)),
        ((8, 9, 1), 1, (4, 5)),
        ((3, 4, 1), 0, (3, 4)),
    ],
)
def test_halved_pictures_have_the_coarse_sides_and_come_back_to_their_shape(
    shape: tuple[int, int, int], halvings: int, sides: tuple[int, int]
) -> None:
    assert coarse_sides(shape, halvings) == sides
    filters = [2] * halvings
    x = np.ones((2, *shape), np.float32)
    for layer in halving_convolutions(filters):
        x = layer(x)
    assert tuple(x.shape[1:3]) == sides
    for layer in enlarged_logits(shape, filters):
        x = layer(x)
    assert tuple(x.shape) == (2, *shape)


def test_a_dense_map_lays_its_units_out_row_by_row() -> None:
    network = Network(dense_map((2, 3), 4))
    features = np.random.default_rng(0).random((5, 7), np.float32)
    laid = np.asarray(network(features))
    flat = np.asarray(network.layers[0](features))
    np.testing.assert_array_equal(laid, flat.reshape(5, 2, 3, 4))
    assert laid.min() == 0 < laid.max()
