"""Attention: every position takes up what earlier positions hold, by how well its query fits their keys.

Vaswani et al., "Attention Is All You Need", 2017:

    attention(Q, K, V) = softmax(Q Kᵀ / √D) V,

causal: a position sees itself and earlier ones. Several heads may share keys and values (Ainslie et al.,
"GQA", 2023). Positions may be rotations of queries and keys (Su et al., "RoFormer", 2021).

A cache holds the keys and values of positions that were seen. It has a fixed number of slots, and is
updated in place, so that one compiled function serves every length. Slots beyond a position are not
looked at, whatever they hold.

Shape suffixes: B rows, T positions, C positions of a chunk, S slots, W width, K heads of keys and values,
G heads of queries for each of these, D width of a head.
"""

import math
from typing import Any, NamedTuple

import keras
from keras import ops

from sparkgen.layers.network import KEEPS_DTYPE
from sparkgen.layers.row_dropout import dropped

Tensor = Any
BLOCK = 256
"""Slots that are looked at at once. Of a longer cache only the blocks that hold something are read."""
UNSEEN = -1e30
"""The score of what a position does not see: its share is exactly 0."""


class Cache(NamedTuple):
    """Keys and values of seen positions, (B, K, S, D) each."""

    keys: Tensor
    values: Tensor


class Attention(keras.layers.Layer):
    """Causal self-attention. It computes in the dtype of what it is given, the softmax in float32.

    Args:
        width: W.
        heads: of queries, K * G.
        kv_heads: K.
        head_width: D.
        biases: whether its two products have biases.
        rotary_base: of the rotations' wavelengths; None: positions are not marked here.
        dropout: the rate at which shares are dropped in training.
        deviation: of the initial weights of its last product.
    """

    def __init__(
        self,
        width: int,
        *,
        heads: int,
        kv_heads: int,
        head_width: int,
        biases: bool,
        rotary_base: float | None = None,
        dropout: float = 0.0,
        deviation: float = 0.02,
        **kwargs: Any,
    ) -> None:
        super().__init__(**KEEPS_DTYPE, **kwargs)
        self.width, self.heads, self.kv_heads, self.head_width = width, heads, kv_heads, head_width
        self.groups = heads // kv_heads
        self.biases, self.rotary_base, self.dropout = biases, rotary_base, dropout
        self.deviation = deviation

    def build(self, input_shape: Any = None) -> None:
        inside = self.heads * self.head_width
        both = inside + 2 * self.kv_heads * self.head_width
        self.into = Product(self.width, both, biases=self.biases, name="into")
        self.out = Product(
            inside, self.width, biases=self.biases, deviation=self.deviation, name="out"
        )
        self.into.build()
        self.out.build()
        self.built = True

    def call(
        self, x_BTW: Tensor, seeds_B: Tensor | None = None, seen_BS: Tensor | None = None
    ) -> Tensor:
        """(B, T, W) → (B, T, W). `seen_BS`: bool, what every position sees; None: what is earlier."""
        share, v = self.shares(x_BTW, seen_BS)
        share = dropped(ops.cast(share, v.dtype), self.dropout, seeds_B, f"{self.name} shares")
        return self._joined(ops.einsum("bkgts,bksd->bkgtd", share, v))

    def shares(self, x_BTW: Tensor, seen_BS: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """How much each position takes of each: float32 (B, K, G, T, T), and of what: (B, K, T, D)."""
        at_T = ops.arange(x_BTW.shape[1])
        q, k, v = self._projected(x_BTW, at_T)
        seen = at_T[None] <= at_T[:, None] if seen_BS is None else seen_BS[:, None, None, None]
        return shares_of(self._scores(q, k), seen), v

    def start(self, rows: int, slots: int) -> Cache:
        """An empty cache, float32."""
        shape = (rows, self.kv_heads, slots, self.head_width)
        return Cache(ops.zeros(shape), ops.zeros(shape))

    def after(
        self, x_BCW: Tensor, cache: Cache, at: Tensor, keep_B: Tensor | None = None
    ) -> tuple[Tensor, Cache]:
        """What `call` gives at the positions at .. at + C - 1, of what earlier calls left in the cache.

        Args:
            x_BCW: the input at these positions.
            cache: of the positions before them.
            at: int32 ().
            keep_B: bool, rows whose slots in the cache stay as they are; None: none does.
        """
        at_C = at + ops.arange(x_BCW.shape[1])
        q, k, v = self._projected(x_BCW, at_C)
        cache = Cache(
            _put(cache.keys, k, at, keep_B),
            _put(cache.values, v, at, keep_B),
        )
        return self._joined(self._looked_up(q, cache, at_C)), cache

    def _projected(self, x_BTW: Tensor, at_T: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries (B, K, G, T, D), keys and values (B, K, T, D)."""
        length, width = x_BTW.shape[1], self.head_width
        own, shared = self.heads * width, self.kv_heads * width
        # TensorFlow computes the gradient of Python's own slices far more slowly.
        q, k, v = ops.split(self.into(x_BTW), [own, own + shared], axis=-1)
        q = ops.reshape(q, (-1, length, self.kv_heads, self.groups, width))
        k, v = (ops.reshape(z, (-1, length, self.kv_heads, width)) for z in (k, v))
        q, k = ops.transpose(q, (0, 2, 3, 1, 4)), ops.transpose(k, (0, 2, 1, 3))
        if self.rotary_base is not None:
            turn = angles(at_T, width, self.rotary_base)
            q, k = rotated(q, turn), rotated(k, turn)
        return q, k, ops.transpose(v, (0, 2, 1, 3))

    def _scores(self, q_BKGTD: Tensor, k_BKSD: Tensor) -> Tensor:
        """How well queries fit keys: float32 (B, K, G, T, S)."""
        q = q_BKGTD / math.sqrt(self.head_width)
        return ops.cast(ops.einsum("bkgtd,bksd->bkgts", q, k_BKSD), "float32")

    def _joined(self, y_BKGTD: Tensor) -> Tensor:
        y = ops.transpose(y_BKGTD, (0, 3, 1, 2, 4))
        return self.out(ops.reshape(y, (-1, y.shape[1], self.heads * self.head_width)))

    def _looked_up(self, q: Tensor, cache: Cache, at_C: Tensor) -> Tensor:
        """The shares of the cache's values that queries at positions `at_C` take: (B, K, G, C, D)."""
        slots = cache.keys.shape[2]
        if slots <= BLOCK:
            seen = ops.arange(slots)[None] <= at_C[:, None]
            share = shares_of(self._scores(q, cache.keys), seen)
            return ops.einsum("bkgts,bksd->bkgtd", share, cache.values)
        return self._by_blocks(q, cache, at_C)

    def _by_blocks(self, q: Tensor, cache: Cache, at_C: Tensor) -> Tensor:
        """`_looked_up`, a block of slots after the other, as far as the last position.

        Milakov and Gimelshein, "Online normalizer calculation for softmax", 2018: sums are kept relative
        to the greatest score so far.
        """
        rows, heads, _, width = cache.keys.shape

        def look(number: Tensor, state: Any) -> Any:
            top, total, taken = state
            where, size = (0, 0, number * BLOCK, 0), (rows, heads, BLOCK, width)
            keys, values = ops.slice(cache.keys, where, size), ops.slice(cache.values, where, size)
            seen = number * BLOCK + ops.arange(BLOCK)[None] <= at_C[:, None]
            score = ops.where(seen, self._scores(q, keys), UNSEEN)
            higher = ops.maximum(top, ops.max(score, axis=-1, keepdims=True))
            share, fade = ops.exp(score - higher), ops.exp(top - higher)
            total = fade * total + ops.sum(share, axis=-1, keepdims=True)
            return higher, total, fade * taken + ops.einsum("bkgts,bksd->bkgtd", share, values)

        nothing = ops.zeros_like(q[..., :1])
        state = (nothing + UNSEEN, nothing, ops.zeros_like(q))
        _, total, taken = ops.fori_loop(0, at_C[-1] // BLOCK + 1, look, state)
        return taken / total


class Product(keras.layers.Layer):
    """A matrix product, in the dtype of what it is given.

    Args:
        inputs: entries in.
        outputs: entries out.
        biases: whether a bias is added.
        deviation: of the initial weights, which are normal.
    """

    def __init__(
        self, inputs: int, outputs: int, *, biases: bool, deviation: float = 0.02, **kwargs: Any
    ) -> None:
        super().__init__(**KEEPS_DTYPE, **kwargs)
        self.inputs, self.outputs, self.biases, self.deviation = inputs, outputs, biases, deviation

    def build(self, input_shape: Any = None) -> None:
        self.kernel = self.add_weight(
            shape=(self.inputs, self.outputs),
            initializer=keras.initializers.RandomNormal(0.0, self.deviation),
            name="kernel",
        )
        if self.biases:
            self.bias = self.add_weight(shape=(self.outputs,), initializer="zeros", name="bias")
        self.built = True

    def call(self, x: Tensor) -> Tensor:
        y = ops.matmul(x, ops.cast(self.kernel, x.dtype))
        return y + ops.cast(self.bias, x.dtype) if self.biases else y


def shares_of(scores: Tensor, seen: Tensor) -> Tensor:
    """How much is taken of each entry of the last axis: float32, exactly 0 of what is not seen.

    Args:
        scores: how well queries fit keys.
        seen: bool, which fits their shape.
    """
    return ops.softmax(ops.where(seen, ops.cast(scores, "float32"), UNSEEN))


def angles(at_T: Tensor, width: int, base: float) -> tuple[Tensor, Tensor]:
    """Cosines and sines of the rotations at positions: float32 (T, width / 2) each.

    The wavelengths of the pairs grow from 2π to almost 2π times `base`.
    """
    rate = base ** -(ops.arange(0, width, 2, dtype="float32") / width)
    turn = ops.cast(at_T, "float32")[:, None] * rate[None]
    return ops.cos(turn), ops.sin(turn)


def rotated(x: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
    """Pairs (i, i + D / 2) of the entries of (..., T, D), rotated."""
    cosine, sine = (ops.cast(z, x.dtype) for z in turn)
    a, b = ops.split(x, 2, axis=-1)
    return ops.concatenate([a * cosine - b * sine, b * cosine + a * sine], axis=-1)


def _put(cache: Tensor, new: Tensor, at: Tensor, keep_B: Tensor | None) -> Tensor:
    """A cache with new entries at its slots from `at`, but for rows that keep theirs."""
    where = (0, 0, at, 0)
    if keep_B is not None:
        old = ops.slice(cache, where, (cache.shape[0], *new.shape[1:]))
        new = ops.where(keep_B[:, None, None, None], old, new)
    return ops.slice_update(cache, where, new)
