"""Reads a prompt, which is a sequence of words, and lets the pixels of an image attend to it.

Vaswani et al., "Attention Is All You Need", 2017: embeddings of words and of their places, and blocks of
self-attention and a network, each with a layer normalisation before it. A learnt word stands before all
others, so that an empty prompt is a prompt like any other; padding is attended to by nobody. As in
Rombach et al., "High-Resolution Image Synthesis with Latent Diffusion Models", 2022, an image sees the
words by cross-attention: queries are of its pixels, keys and values of the words.
"""

import math
from typing import Any, NamedTuple

import keras
from keras import ops

from sparkgen.layers.attention import shares_of
from sparkgen.layers.network import Composite

Tensor = Any
HEADS = 4  # fewer where they do not divide the channels


class Prompt(NamedTuple):
    """The words of B prompts as vectors."""

    words: Tensor
    """(B, T + 1, E); the first one is the learnt word, which has seen all others."""
    known: Tensor
    """bool (B, T + 1): what is no padding."""


class WordAttention(keras.layers.Layer):
    """Queries (B, N, C) attend to words (B, M, E) with up to `HEADS` heads: (B, N, C).

    Unlike `attention.Attention` it looks at another sequence, each side with a product of its own.
    """

    def __init__(self, *, output: str = "glorot_uniform", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.output_initializer = output

    def build(self, input_shape: Any) -> None:
        channels = input_shape[-1]
        self.heads = math.gcd(HEADS, channels)
        self.query, self.key, self.value = (keras.layers.Dense(channels) for _ in range(3))
        self.out = keras.layers.Dense(channels, kernel_initializer=self.output_initializer)

    def call(self, x_BNC: Tensor, words_BME: Tensor, known_BM: Tensor) -> Tensor:
        _, count, channels = x_BNC.shape
        size = channels // self.heads

        def by_head(y_BLC: Tensor) -> Tensor:
            split_BLHS = ops.reshape(y_BLC, (-1, y_BLC.shape[1], self.heads, size))
            return ops.transpose(split_BLHS, (0, 2, 1, 3))

        query, key = by_head(self.query(x_BNC)), by_head(self.key(words_BME))
        scores_BHNM = ops.matmul(query, ops.transpose(key, (0, 1, 3, 2))) / math.sqrt(size)
        share_BHNM = shares_of(scores_BHNM, known_BM[:, None, None])
        value_BHMS = by_head(self.value(words_BME))
        mixed_BHNS = ops.matmul(ops.cast(share_BHNM, value_BHMS.dtype), value_BHMS)
        mixed_BNC = ops.reshape(ops.transpose(mixed_BHNS, (0, 2, 1, 3)), (-1, count, channels))
        return self.out(mixed_BNC)


class CrossAttention(Composite):
    """x + what its pixels find in the words; at first x."""

    def __init__(self, groups: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.norm = keras.layers.GroupNormalization(groups)
        self.attention = WordAttention(output="zeros")

    def call(self, x_BHWC: Tensor, words_BME: Tensor, known_BM: Tensor) -> Tensor:
        _, height, width, channels = x_BHWC.shape
        flat_BNC = ops.reshape(self.norm(x_BHWC), (-1, height * width, channels))
        found_BNC = self.attention(flat_BNC, words_BME, known_BM)
        return x_BHWC + ops.reshape(found_BNC, (-1, height, width, channels))


class Block(keras.layers.Layer):
    """A transformer block that sees all words, (B, M, E)."""

    def build(self, input_shape: Any) -> None:
        size = input_shape[-1]
        self.first_norm, self.second_norm = (keras.layers.LayerNormalization() for _ in range(2))
        self.attention = WordAttention()
        self.widen = keras.layers.Dense(4 * size, "gelu")
        self.narrow = keras.layers.Dense(size)

    def call(self, words_BME: Tensor, known_BM: Tensor) -> Tensor:
        seen_BME = self.first_norm(words_BME)
        words_BME += self.attention(seen_BME, seen_BME, known_BM)
        return words_BME + self.narrow(self.widen(self.second_norm(words_BME)))


class PromptEncoder(Composite):
    """Tokens (B, T), below `vocabulary` or else padding, → a `Prompt` of vectors of `size` numbers."""

    def __init__(self, vocabulary: int, length: int, size: int, blocks: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.vocabulary = vocabulary
        # The last row is the learnt word; padding has its vector, too, which nobody sees.
        self.words = keras.layers.Embedding(vocabulary + 1, size)
        self.places = keras.layers.Embedding(length + 1, size)
        self.blocks = [Block() for _ in range(blocks)]
        self.norm = keras.layers.LayerNormalization()

    def call(self, tokens_BT: Tensor) -> Prompt:
        start_B1 = ops.full_like(tokens_BT[:, :1], self.vocabulary)
        tokens_BM = ops.concatenate([start_B1, ops.minimum(tokens_BT, self.vocabulary)], axis=1)
        length = tokens_BM.shape[1]
        known_BM = ops.logical_or(tokens_BM < self.vocabulary, ops.arange(length) == 0)
        words_BME = self.words(tokens_BM) + self.places(ops.arange(length))
        for block in self.blocks:
            words_BME = block(words_BME, known_BM)
        return Prompt(self.norm(words_BME), known_BM)
