"""DistilBERT reads a question and a text, and says where the answer begins and ends.

Sanh et al., "DistilBERT, a distilled version of BERT", 2019. Every token sees all others; each layer is

    x ← norm(x + attention(x)),    x ← norm(x + W₂ gelu(W₁ x)),

and a last product gives each token two logits: that the answer begins there, and that it ends there.
"""

from typing import Any

import keras
from keras import ops
from pydantic import Field

from sparkgen.config.strict import Strict
from sparkgen.datasets.records import DataSpec
from sparkgen.layers.attention import Attention, Product
from sparkgen.layers.compiled import compiled
from sparkgen.layers.network import KEEPS_DTYPE
from sparkgen.layers.transformer import FeedForward, Norm
from sparkgen.models.contract import GenerativeModel, Tensor

EPSILON = 1e-12


class Config(Strict):
    """Sizes of the network, which its files say. The defaults are small."""

    layers: int = Field(2, gt=0)
    """Layers."""
    heads: int = Field(4, gt=0)
    """Heads of attention."""
    width: int = Field(64, gt=0)
    """Of the stream."""
    feed_forward: int = Field(256, gt=0)
    """Units inside the dense layers."""
    context: int = Field(128, gt=0)
    """Tokens that it sees at most."""


class DistilBert(GenerativeModel):
    """Tokens → the logits of the beginning and of the end of an answer."""

    learns = "nothing"
    answers_questions = True
    records = ("tokens",)

    def __init__(self, config: Config, spec: DataSpec, **kwargs: Any) -> None:
        super().__init__(spec, **kwargs)
        self.config = config
        self.blocks = [EncoderBlock(config, name=f"block_{i}") for i in range(config.layers)]
        self.first = _norm(config)
        self.spans = Product(config.width, 2, biases=True, name="spans")
        self.compiled_logits = compiled(self._logits)

    @property
    def context(self) -> int:
        """Tokens that it sees at most."""
        return self.config.context

    def build(self, batch_shape: Any = None) -> None:
        for name, rows in (("embedding", self.spec.record.values), ("position", self.context)):
            weight = self.add_weight(shape=(rows, self.config.width), name=name)
            setattr(self, name, weight)
        for block in self.blocks:
            block.build()
        self.first.build()
        self.spans.build()
        self.built = True

    def call(self, batch: Any, training: bool = False) -> dict[str, Tensor]:
        """No terms: there is nothing to learn."""
        return {}

    def span_logits(self, tokens_BT: Tensor, seen_BT: Tensor) -> Tensor:
        """The logits of the beginning and of the end: float32 (B, T, 2).

        Args:
            tokens_BT: int32.
            seen_BT: bool, False for padding.
        """
        return self.compiled_logits(tokens_BT, seen_BT)

    def _logits(self, tokens_BT: Tensor, seen_BT: Tensor) -> Tensor:
        x = ops.take(self.embedding, tokens_BT, axis=0) + self.position[: tokens_BT.shape[1]]
        x = self.first(x)
        for block in self.blocks:
            x = block(x, seen_BT)
        return self.spans(x)


class EncoderBlock(keras.layers.Layer):
    """Attention to all tokens, then dense layers; the stream is normalised after each."""

    def __init__(self, config: Config, **kwargs: Any) -> None:
        super().__init__(**KEEPS_DTYPE, **kwargs)
        self.attention = Attention(
            config.width,
            heads=config.heads,
            kv_heads=config.heads,
            head_width=config.width // config.heads,
            biases=True,
            name="attention",
        )
        self.dense = FeedForward(
            config.width, config.feed_forward, activation="gelu", biases=True, name="dense"
        )
        self.after_attention, self.after_dense = _norm(config), _norm(config)

    def build(self, input_shape: Any = None) -> None:
        for layer in (self.attention, self.after_attention, self.dense, self.after_dense):
            layer.build()
        self.built = True

    def call(self, x_BTW: Tensor, seen_BT: Tensor) -> Tensor:
        x_BTW = self.after_attention(x_BTW + self.attention(x_BTW, seen_BS=seen_BT))
        return self.after_dense(x_BTW + self.dense(x_BTW))


def _norm(config: Config) -> Norm:
    return Norm(config.width, kind="layer", biases=True, epsilon=EPSILON)


def build(config: Config, spec: DataSpec) -> GenerativeModel:
    """DistilBERT for tokens of `spec.record`."""
    return DistilBert(config, spec, name="distilbert")
