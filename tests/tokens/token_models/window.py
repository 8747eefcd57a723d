"""A small model of tokens: each is predicted from the few before it.

p(x) = Π_t p(x_t | x_{t-c} .. x_{t-1}), a softmax over the vocabulary of one hidden layer that sees the
embeddings of the c tokens before (Bengio et al., "A Neural Probabilistic Language Model", 2003).
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import keras
from keras import ops
from pydantic import Field

from sparkgen.config.options import Range
from sparkgen.config.strict import Strict
from sparkgen.datasets.records import DataSpec
from sparkgen.layers.levels import draw_level, level_log_probability
from sparkgen.models.contract import Batch, GenerativeModel, Given, Likelihood, Protocol, Tensor
from sparkgen.noise import NoiseSpec


class Config(Strict):
    """Options of the window model."""

    context: int = Field(4, gt=0)
    """Tokens that a prediction sees."""
    units: int = Field(32, gt=0)
    """Of the hidden layer, and of an embedding."""


class Window(GenerativeModel):
    """Tokens (B, T) → logits (B, T, V), each of the tokens before it."""

    records = ("tokens",)
    loss_names = ("nll",)
    generate_options: ClassVar[dict[str, Any]] = {"temperature": 1.0}
    generate_ranges: ClassVar[dict[str, Range]] = {"temperature": Range(0.01)}

    def __init__(self, config: Config, spec: DataSpec, **kwargs: Any) -> None:
        super().__init__(spec, **kwargs)
        self.context, self.length, self.vocabulary = config.context, spec.size, spec.record.values
        self.noise = NoiseSpec(spec.shape, "uniform")
        self.given = {
            "tokens": Given("record", spec.record, required=False),
            "known": Given("record", spec.record, required=False),
        }
        # One more than there are tokens: what stands before the first.
        self.embedding = keras.layers.Embedding(self.vocabulary + 1, config.units)
        self.hidden = keras.layers.Dense(config.units, "tanh")
        self.head = keras.layers.Dense(self.vocabulary, dtype="float32")

    def logits(self, tokens_BT: Tensor) -> Tensor:
        """Unnormalised log-probabilities of each token: (B, T, V)."""
        before = ((0, 0), (self.context, 0))
        padded = ops.pad(tokens_BT, before, constant_values=self.vocabulary)
        seen = [padded[:, k : k + self.length] for k in range(self.context)]
        embedded_BTE = ops.concatenate([self.embedding(tokens) for tokens in seen], axis=-1)
        return self.head(self.hidden(embedded_BTE))

    def loss_terms(self, batch: Batch, *, training: bool) -> dict[str, Tensor]:
        tokens_BT = ops.convert_to_tensor(batch["tokens"])
        return {"nll": -ops.sum(level_log_probability(tokens_BT, self.logits(tokens_BT)), axis=-1)}

    def likelihoods(self, *, samples: int) -> dict[str, Likelihood]:
        exact = Protocol("exact", "sum", "none", 1)
        return {
            "exact": Likelihood(exact, {}, lambda b: -self.loss_terms(b, training=False)["nll"])
        }

    def make(
        self, noise: Tensor, given: Mapping[str, Tensor], *, temperature: float = 1.0
    ) -> Tensor:
        """Tokens drawn one after the other; where `known` is not 0, those that are given."""
        tokens_BT = ops.zeros(noise.shape, "int32")
        for t in range(self.length):
            drawn_B = draw_level(self.logits(tokens_BT)[:, t] / temperature, noise[:, t])
            if "known" in given:
                drawn_B = ops.where(given["known"][:, t] > 0, given["tokens"][:, t], drawn_B)
            tokens_BT = ops.slice_update(tokens_BT, (0, t), drawn_B[:, None])
        return tokens_BT


def build(config: Config, spec: DataSpec) -> GenerativeModel:
    """The window model for tokens of `spec.record`."""
    return Window(config, spec, name="window")
