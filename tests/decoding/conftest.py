"""Networks that texts are drawn from: a tiny transformer, and a table of what follows two tokens."""

from typing import Any, NamedTuple

import numpy as np
import pytest
from keras import ops

from sparkgen.decoding.loop import Decoder
from sparkgen.layers.transformer import Form, Transformer

FORM = Form(
    vocabulary=11, context=8, layers=2, heads=4, kv_heads=2, width=16, feed_forward=32, head_width=4
)


def shaken(form: Form) -> Transformer:
    """A transformer none of whose weights is zero or like another."""
    network = Transformer(form)
    network.build()
    random = np.random.default_rng(0)
    for variable in network.variables:
        noise = random.normal(size=variable.shape)
        variable.assign_add(0.3 * noise)
    return network


class Table(NamedTuple):
    """Logits by the last two tokens; before the first one stands token 0."""

    logits: np.ndarray
    context: int | None = None
    chunk: int = 0

    @property
    def vocabulary(self) -> int:
        return self.logits.shape[-1]

    def start(self, rows: int) -> Any:
        return (ops.zeros((rows,), "int32"),)

    def prefill(self, state: Any, tokens_BC: Any, at: Any) -> Any:
        raise AssertionError("it has none")

    def step(self, state: Any, tokens_B: Any, at: Any, keep_B: Any) -> Any:
        table = ops.reshape(ops.convert_to_tensor(self.logits), (-1, self.vocabulary))
        return ops.take(table, state[0] * self.vocabulary + tokens_B, axis=0), (tokens_B,)


@pytest.fixture(scope="session")
def network() -> Transformer:
    return shaken(FORM)


@pytest.fixture(scope="session")
def prompts() -> list[np.ndarray]:
    """Prompts shorter and longer than the context."""
    random = np.random.default_rng(0)
    return [
        random.integers(0, 11, length).astype(np.int32) for length in (1, 3, 5, 8, 9, 12, 13, 20)
    ]


@pytest.fixture(scope="session")
def decoder(network: Transformer) -> Decoder:
    return Decoder(network, most=24, prompt=20)


@pytest.fixture(scope="session")
def table_of() -> type[Table]:
    return Table


@pytest.fixture(scope="session")
def table() -> Table:
    return Table(np.random.default_rng(1).normal(size=(5, 5, 5)).astype(np.float32))
