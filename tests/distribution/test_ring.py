"""What a ring carries between two workers of each backend."""

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from ring_functions import CARRIED, FLOATS, SUMMED

from sparkgen.distribution.backends import tensorflow
from sparkgen.distribution.backends.tensorflow import TensorFlowRing
from sparkgen.distribution.slots import Place

GIVEN = {
    "sum": (SUMMED, [2, 0, 1]),
    "total": (SUMMED, [2, 0, 1]),
    "mean": (FLOATS, [1, 0, 0.5]),
    "average": (FLOATS, [1, 0, 0.5]),
    "gather": (CARRIED, [[1, 0, 0], [1, 0, 1]]),
    "broadcast": (CARRIED, [1, 0, 0]),
}


@pytest.mark.parametrize("exchange", GIVEN)
def test_each_exchange_carries_the_dtypes_that_a_ring_names(
    ring_of_two: dict[str, Any], exchange: str
) -> None:
    dtypes, values = GIVEN[exchange]
    assert ring_of_two["carried"][exchange] == [[dtype, values] for dtype in dtypes]


class Lone:
    """A group in which nobody adds anything; it keeps what it was given."""

    def __init__(self) -> None:
        self.given: list[Any] = []

    def sum(self, values: Any) -> Any:
        self.given.append(values)
        return tf.constant(values)


class Assigned:
    """A variable that keeps the array it is set to."""

    def __init__(self, values: Any) -> None:
        self.values = values

    def numpy(self) -> Any:
        return self.values

    def assign(self, values: Any) -> None:
        self.values = values


@pytest.fixture
def ring_at(monkeypatch: pytest.MonkeyPatch) -> Any:
    """`ring_at(rank)`: a ring of TensorFlow whose others are silent, with messages of two words."""
    monkeypatch.setattr(tensorflow, "PIECE", 2)
    monkeypatch.setattr(tensorflow, "_Group", lambda *_: Lone())
    return lambda rank: TensorFlowRing(Place(rank, 2, rank))


def test_variables_are_set_from_one_copy_of_what_was_broadcast(ring_at: Any) -> None:
    before = [
        np.arange(n, dtype=d) for n, d in ((3, "uint8"), (5, "float32"), (0, "int8"), (2, "i8"))
    ]
    variables = [Assigned(values) for values in before]
    ring_at(0).broadcast(variables)
    start = variables[0].values.ctypes.data
    for variable, values in zip(variables, before, strict=True):
        np.testing.assert_array_equal(variable.values, values)
        assert variable.values.dtype == values.dtype
        assert variable.values.ctypes.data == start or values.size == 0
        start += values.nbytes


def test_who_does_not_broadcast_gives_zeros_that_take_no_memory(ring_at: Any) -> None:
    ring = ring_at(1)
    given = ring._host.given
    given.clear()
    variables = [Assigned(np.ones(5, "float32"))]
    ring.broadcast(variables)
    assert variables[0].values.tolist() == [0.0] * 5  # rank 0 is silent here
    assert [words.tolist() for words in given] == [[0, 0], [0]]
    assert {words.strides for words in given} == {(0,)}
