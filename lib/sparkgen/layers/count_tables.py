"""Tables of numbers by key, which are looked up in compiled functions.

Keys are sorted; a key is found by bisection. The sizes of the tables come with the numbers: a model that
is loaded takes those of its file.
"""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from sparkgen.layers.network import KEEPS_DTYPE

Tensor = Any
Array = npt.NDArray[Any]


class CountTable(keras.layers.Layer):
    """Numbers by key: int64 keys, float32 numbers. It begins empty."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**KEEPS_DTYPE, **kwargs)
        self.built = True
        self.fill(np.zeros(0, np.int64), np.zeros(0, np.float32))

    def fill(self, keys: Array, numbers: Array) -> None:
        """Sets the table.

        Args:
            keys: int64 (N,), each once.
            numbers: (N,).
        """
        order = np.argsort(keys)
        self.arrays = {"keys": keys[order], "numbers": numbers[order].astype(np.float32)}
        # A last entry that no key fits keeps an empty table from having none.
        last = np.iinfo(np.int64).max
        self.keys = ops.convert_to_tensor(np.append(self.arrays["keys"], last), "int64")
        self.numbers = ops.convert_to_tensor(np.append(self.arrays["numbers"], np.float32(0)))
        self.steps = len(keys).bit_length()

    def call(self, keys: Tensor) -> tuple[Tensor, Tensor]:
        """The numbers of keys, 0 where there is none, and whether there is one; of the keys' shape."""
        low = ops.zeros_like(keys, dtype="int32")
        high = ops.full_like(low, self.keys.shape[0] - 1)
        for _ in range(self.steps):
            middle = (low + high) // 2
            above = ops.take(self.keys, middle) < keys
            low, high = ops.where(above, middle + 1, low), ops.where(above, high, middle)
        there = ops.take(self.keys, low) == keys
        return ops.where(there, ops.take(self.numbers, low), 0.0), there

    def save_own_variables(self, store: Any) -> None:
        for name, array in self.arrays.items():
            store[name] = array

    def load_own_variables(self, store: Mapping[str, Any]) -> None:
        self.fill(np.asarray(store["keys"]), np.asarray(store["numbers"]))
