"""The long short-term memory: a recurrent layer whose gates decide what its cells keep.

Hochreiter and Schmidhuber, "Long Short-Term Memory", 1997, with forget gates (Gers et al., 2000):

    i, f, o = σ(W x + U h + b),   g = tanh(W x + U h + b),   c ← f c + i g,   h ← o tanh(c).

The gates' products with the input are one for all positions; the forget gates begin nearly open
(Jozefowicz et al., 2015).

Shape suffixes: B rows, T positions, W width of the input, U units.
"""

from typing import Any

import keras
import numpy as np
from keras import ops

from sparkgen.layers.compiled import scan
from sparkgen.layers.network import KEEPS_DTYPE

Tensor = Any
State = tuple[Tensor, Tensor]
"""What the layer says, and its cells: float32 (B, U) each."""


class LSTM(keras.layers.Layer):
    """(B, T, W) → (B, T, U). Products are computed in the dtype of the input, cells in float32.

    Args:
        inputs: W.
        units: U.
    """

    def __init__(self, inputs: int, units: int, **kwargs: Any) -> None:
        super().__init__(**KEEPS_DTYPE, **kwargs)
        self.inputs, self.units = inputs, units

    def build(self, input_shape: Any = None) -> None:
        initial = keras.initializers
        self.kernel = self.add_weight(
            shape=(self.inputs, 4 * self.units), initializer=initial.GlorotUniform(), name="kernel"
        )
        self.recurrent = self.add_weight(
            shape=(self.units, 4 * self.units), initializer=initial.Orthogonal(), name="recurrent"
        )
        open_gates = np.repeat([0.0, 1.0, 0.0, 0.0], self.units).astype(np.float32)
        self.bias = self.add_weight(
            shape=(4 * self.units,), initializer=lambda *_, **__: open_gates, name="bias"
        )
        self.built = True

    def start(self, rows: int) -> State:
        """The state before the first position."""
        return ops.zeros((rows, self.units)), ops.zeros((rows, self.units))

    def call(self, x_BTW: Tensor) -> Tensor:
        z_TBU = ops.transpose(self._products(x_BTW), (1, 0, 2))
        said_TBU, _ = scan(
            lambda state, entries: self._next(state, entries[0], x_BTW.dtype),
            self.start(x_BTW.shape[0]),
            (z_TBU,),
        )
        return ops.cast(ops.transpose(said_TBU, (1, 0, 2)), x_BTW.dtype)

    def step(self, x_BW: Tensor, state: State) -> tuple[Tensor, State]:
        """What it says at the next position, (B, U), and its state there."""
        state = self._next(state, self._products(x_BW), x_BW.dtype)
        return state[0], state

    def _products(self, x: Tensor) -> Tensor:
        return ops.cast(ops.matmul(x, ops.cast(self.kernel, x.dtype)), "float32") + self.bias

    def _next(self, state: State, z_BU: Tensor, dtype: Any) -> State:
        said, cells = state
        before = ops.matmul(ops.cast(said, dtype), ops.cast(self.recurrent, dtype))
        i, f, g, o = ops.split(z_BU + ops.cast(before, "float32"), 4, axis=-1)
        cells = ops.sigmoid(f) * cells + ops.sigmoid(i) * ops.tanh(g)
        return ops.sigmoid(o) * ops.tanh(cells), cells
