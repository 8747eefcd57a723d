"""A decoder-only transformer: each token attends to those before it.

Vaswani et al., "Attention Is All You Need", 2017; Radford et al., "Language Models are Unsupervised
Multitask Learners", 2019 (GPT-2). On a stream of residuals that begins with the embeddings of tokens
and positions, each layer adds

    x ← x + attention(norm(x)),    attention = softmax(Q Kᵀ / √D) V,
    x ← x + W₂ gelu(W₁ norm(x)),

and the logits of the next token are norm(x) Eᵀ with the embeddings E. With rotary positions (Su et al.,
2021), root mean square normalisation, SwiGLU (Shazeer, 2020) and fewer heads of keys and values than of
queries it is Llama (Touvron et al., 2023). What differs: units are dropped by the noise of each row, so
that a training does not depend on the number of workers.

A text longer than the context is continued from its end: where the context is full it moves on by half.
"""

from typing import Any, Literal

import keras
from pydantic import Field, model_validator

from sparkgen.config.strict import Strict
from sparkgen.datasets.records import DataSpec
from sparkgen.layers.transformer import Form, Transformer
from sparkgen.models.contract import GenerativeModel
from sparkgen.models.language._base import NetworkModel


class Config(Strict):
    """Options of the transformer. The defaults are a small GPT-2 without biases."""

    layers: int = Field(4, gt=0)
    """Layers of attention, each followed by dense ones."""
    heads: int = Field(4, gt=0)
    """Heads of queries."""
    kv_heads: int | None = Field(None, gt=0)
    """Heads of keys and values, each shared by as many heads of queries; null: as many as those."""
    width: int = Field(128, gt=0)
    """Of the stream."""
    head_width: int | None = Field(None, gt=0)
    """Of a head; null: the stream's width over the heads."""
    feed_forward: int | None = Field(None, gt=0)
    """Units inside the dense layers; null: four times the width."""
    context: int | None = Field(None, ge=2)
    """Tokens that it sees at most; null: those of a block but one, as many as it is trained on."""
    positions: Literal["learned", "rotary"] = "learned"
    """How it knows the order of tokens."""
    rotary_base: float = Field(10000.0, gt=1)
    """The longest wavelength of rotary positions, about, in units of 2π tokens."""
    norm: Literal["layer", "rms"] = "layer"
    """The normalisation."""
    epsilon: float = Field(1e-5, gt=0)
    """Added to the mean square in it."""
    activation: Literal["gelu_tanh", "gelu", "swiglu"] = "gelu_tanh"
    """Inside the dense layers; `gelu_tanh` is the approximation that GPT-2 has."""
    biases: bool = False
    """Whether products and layer normalisations have biases."""
    tied: bool = True
    """Whether the logits are products with the embeddings; else they have a table of their own."""
    dropout: float = Field(0.0, ge=0, lt=1)
    """The share of the embeddings, of what attention weighs and of what layers add that is dropped in
    training."""

    @model_validator(mode="after")
    def _fit(self) -> "Config":
        if self.heads % (self.kv_heads or self.heads):
            raise ValueError(f"heads must be a multiple of kv_heads, found {self.heads}")
        if self.head_width is None and self.width % self.heads:
            raise ValueError(f"width must be a multiple of heads, found {self.width}")
        if self.positions == "rotary" and (self.head_width or self.width // self.heads) % 2:
            raise ValueError("heads must have an even width with rotary positions")
        return self

    def form(self, spec: DataSpec) -> Form:
        """The sizes of the network for such records."""
        return Form(
            vocabulary=spec.record.values,
            context=self.context or max(spec.shape[0] - 1, 2),
            layers=self.layers,
            heads=self.heads,
            kv_heads=self.kv_heads or self.heads,
            width=self.width,
            feed_forward=self.feed_forward or 4 * self.width,
            head_width=self.head_width or self.width // self.heads,
            **self.model_dump(
                include={
                    "positions",
                    "rotary_base",
                    "norm",
                    "epsilon",
                    "activation",
                    "biases",
                    "tied",
                    "dropout",
                }
            ),
        )


class TransformerModel(NetworkModel):
    """Tokens → logits of the next ones, by `layers.transformer`."""

    def __init__(self, config: Config, spec: DataSpec, **kwargs: Any) -> None:
        super().__init__(spec, dropout=config.dropout, **kwargs)
        self.network = Transformer(
            config.form(spec), dtype=keras.config.dtype_policy().compute_dtype, name="network"
        )


def build(config: Config, spec: DataSpec) -> GenerativeModel:
    """A transformer for tokens of `spec.record`."""
    return TransformerModel(config, spec, name="transformer")
