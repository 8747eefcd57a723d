"""A recurrent network of long short-term memories, which reads a text from left to right.

Graves, "Generating Sequences With Recurrent Neural Networks", 2013; with dropout between the layers, and
none on what they keep (Zaremba et al., "Recurrent Neural Network Regularization", 2014):

    h_0 = embedding(x_t),   h_l = lstm_l(h_{l-1}),   p(x_{t+1} | x_1 .. x_t) = softmax(W h_L + b).

Characters or words, as the tokenizer has them. What differs: a block of tokens begins from an empty
state, as blocks are read in any order; and units are dropped by the noise of each row, so that a training
does not depend on the number of workers. A text that is generated has one state from its beginning to
its end.
"""

from typing import Any

import keras
from keras import ops
from pydantic import Field

from sparkgen.config.strict import Strict
from sparkgen.datasets.records import DataSpec
from sparkgen.layers.lstm import LSTM, State
from sparkgen.layers.network import KEEPS_DTYPE
from sparkgen.layers.row_dropout import dropped
from sparkgen.models.contract import GenerativeModel, Tensor
from sparkgen.models.language._base import NetworkModel


class Config(Strict):
    """Options of the recurrent network."""

    layers: int = Field(2, gt=0)
    """Recurrent layers."""
    units: int = Field(256, gt=0)
    """Of each layer."""
    embedding: int = Field(64, gt=0)
    """Width of the embeddings of tokens."""
    dropout: float = Field(0.2, ge=0, lt=1)
    """The share of what a layer is given, and of what the last one says, that is dropped in training."""


class Recurrent(keras.layers.Layer):
    """Tokens → logits of the token after each. It has the protocol of `sparkgen.decoding`."""

    context = None
    chunk = 0  # prompts are read token by token

    def __init__(self, config: Config, vocabulary: int, *, dtype: str, **kwargs: Any) -> None:
        super().__init__(**KEEPS_DTYPE, **kwargs)
        self.config, self.vocabulary, self.compute = config, vocabulary, dtype
        widths = [config.embedding] + [config.units] * config.layers
        self.cells = [LSTM(w, config.units, name=f"lstm_{i}") for i, w in enumerate(widths[:-1])]

    def build(self, input_shape: Any = None) -> None:
        shapes = {
            "embedding": (self.vocabulary, self.config.embedding),
            "head": (self.config.units, self.vocabulary),
        }
        for name, shape in shapes.items():
            normal = keras.initializers.RandomNormal(
                0.0, shape[0] ** -0.5 if name == "head" else 0.1
            )
            setattr(self, name, self.add_weight(shape=shape, initializer=normal, name=name))
        self.bias = self.add_weight(shape=(self.vocabulary,), initializer="zeros", name="bias")
        for layer in self.cells:
            layer.build()
        self.built = True

    def call(self, tokens_BT: Tensor, seeds_B: Tensor | None = None) -> Tensor:
        """Logits (B, T, V) of the token after each of int32 (B, T); V stands for none."""
        x = ops.cast(self._embedded(tokens_BT), self.compute)
        for layer in self.cells:
            x = layer(dropped(x, self.config.dropout, seeds_B, f"before {layer.name}"))
        return self._logits(dropped(x, self.config.dropout, seeds_B, "before the head"))

    def start(self, rows: int) -> tuple[State, ...]:
        """The states of all layers before the first token."""
        return tuple(layer.start(rows) for layer in self.cells)

    def step(
        self, state: tuple[State, ...], tokens_B: Tensor, at: Tensor, keep_B: Tensor
    ) -> tuple[Tensor, tuple[State, ...]]:
        """Logits (B, V) of the token after one more, and the states."""
        del at, keep_B
        x, after = self._embedded(tokens_B), []
        for layer, before in zip(self.cells, state, strict=True):
            x, now = layer.step(x, before)
            after.append(now)
        return self._logits(x), tuple(after)

    def prefill(self, state: Any, tokens_BC: Tensor, at: Tensor) -> tuple[Tensor, Any]:
        raise TypeError("a recurrent network reads prompts token by token")

    def _embedded(self, tokens: Tensor) -> Tensor:
        return ops.take(self.embedding, ops.minimum(tokens, self.vocabulary - 1), axis=0)

    def _logits(self, x: Tensor) -> Tensor:
        return ops.cast(ops.matmul(x, ops.cast(self.head, x.dtype)), "float32") + self.bias


class LSTMModel(NetworkModel):
    """Tokens → logits of the next ones, by recurrent layers."""

    def __init__(self, config: Config, spec: DataSpec, **kwargs: Any) -> None:
        super().__init__(spec, dropout=config.dropout, **kwargs)
        dtype = keras.config.dtype_policy().compute_dtype
        self.network = Recurrent(config, spec.record.values, dtype=dtype, name="network")


def build(config: Config, spec: DataSpec) -> GenerativeModel:
    """A recurrent network for tokens of `spec.record`."""
    return LSTMModel(config, spec, name="lstm")
