"""The decoder-only transformer: blocks of attention and of dense layers on a stream of residuals.

    x ← x + attention(norm(x)),    x ← x + dense(norm(x)),

which begins with embeddings of tokens and ends with logits of the next token. With learned positions,
layer normalisation, GELU, biases and tied embeddings it is GPT-2 (Radford et al., "Language Models are
Unsupervised Multitask Learners", 2019); with rotary positions, root mean square normalisation, SwiGLU and
shared heads of keys and values it is Llama (Touvron et al., 2023).

Shape suffixes: B rows, T positions, C positions of a chunk, W width, V tokens of the vocabulary.
"""

from typing import Any, Literal, NamedTuple

import keras
from keras import ops

from sparkgen.layers.attention import BLOCK, Attention, Cache, Product
from sparkgen.layers.network import KEEPS_DTYPE
from sparkgen.layers.row_dropout import dropped

Tensor = Any
State = tuple[Cache, ...]
CHUNK = 64
"""Positions of a prompt that are computed at once."""


class Form(NamedTuple):
    """The sizes and kinds of a transformer's parts."""

    vocabulary: int
    context: int
    """Positions that it sees at most."""
    layers: int
    heads: int
    kv_heads: int
    width: int
    feed_forward: int
    """Width inside the dense layers."""
    head_width: int
    positions: Literal["learned", "rotary"] = "learned"
    norm: Literal["layer", "rms"] = "layer"
    activation: Literal["gelu_tanh", "gelu", "swiglu"] = "gelu_tanh"
    biases: bool = False
    tied: bool = True
    """Whether the logits are products with the embeddings."""
    dropout: float = 0.0
    rotary_base: float = 10000.0
    epsilon: float = 1e-5
    """Of the normalisations."""


class Norm(keras.layers.Layer):
    """Normalises the last axis, in float32, and scales it: (..., W) → (..., W).

    Args:
        width: W.
        kind: `layer` (Ba et al., 2016), or `rms` (Zhang and Sennrich, 2019), which does not centre.
        biases: whether `layer` adds a bias.
        epsilon: added to the mean square.
    """

    def __init__(
        self, width: int, *, kind: str, biases: bool, epsilon: float, **kwargs: Any
    ) -> None:
        super().__init__(**KEEPS_DTYPE, **kwargs)
        self.width, self.kind, self.epsilon = width, kind, epsilon
        self.biases = biases and kind == "layer"

    def build(self, input_shape: Any = None) -> None:
        self.scale = self.add_weight(shape=(self.width,), initializer="ones", name="scale")
        if self.biases:
            self.bias = self.add_weight(shape=(self.width,), initializer="zeros", name="bias")
        self.built = True

    def call(self, x: Tensor) -> Tensor:
        y = ops.cast(x, "float32")
        if self.kind == "layer":
            y = y - ops.mean(y, axis=-1, keepdims=True)
        y = y * ops.rsqrt(ops.mean(ops.square(y), axis=-1, keepdims=True) + self.epsilon)
        y = y * self.scale
        return ops.cast(y + self.bias if self.biases else y, x.dtype)


class FeedForward(keras.layers.Layer):
    """Two dense layers with a nonlinearity between them: (..., W) → (..., W).

    Args:
        width: W.
        inside: units between the layers.
        activation: `gelu` (Hendrycks and Gimpel, 2016), `gelu_tanh`, which approximates it, or `swiglu`
            (Shazeer, 2020), whose first layer has a gate for each unit.
        biases: whether the layers have them.
        deviation: of the initial weights of the last layer.
    """

    def __init__(
        self,
        width: int,
        inside: int,
        *,
        activation: str,
        biases: bool,
        deviation: float = 0.02,
        **kwargs: Any,
    ) -> None:
        super().__init__(**KEEPS_DTYPE, **kwargs)
        self.inside, self.activation = inside, activation
        first = 2 * inside if activation == "swiglu" else inside
        self.into = Product(width, first, biases=biases, name="into")
        self.out = Product(inside, width, biases=biases, deviation=deviation, name="out")

    def build(self, input_shape: Any = None) -> None:
        self.into.build()
        self.out.build()
        self.built = True

    def call(self, x: Tensor) -> Tensor:
        y = self.into(x)
        if self.activation == "swiglu":
            gate, y = ops.split(y, 2, axis=-1)
            return self.out(ops.silu(gate) * y)
        return self.out(ops.gelu(y, approximate=self.activation == "gelu_tanh"))


class Block(keras.layers.Layer):
    """Attention, then dense layers, each on the normalised stream and added to it."""

    def __init__(self, form: Form, **kwargs: Any) -> None:
        super().__init__(**KEEPS_DTYPE, **kwargs)
        self.form = form
        # GPT-2: the stream's variance does not grow with the number of layers that add to it.
        deviation = 0.02 / (2 * form.layers) ** 0.5
        self.attention = Attention(
            form.width,
            heads=form.heads,
            kv_heads=form.kv_heads,
            head_width=form.head_width,
            biases=form.biases,
            rotary_base=form.rotary_base if form.positions == "rotary" else None,
            dropout=form.dropout,
            deviation=deviation,
            name="attention",
        )
        self.dense = FeedForward(
            form.width,
            form.feed_forward,
            activation=form.activation,
            biases=form.biases,
            deviation=deviation,
            name="dense",
        )
        self.before_attention, self.before_dense = norm_of(form), norm_of(form)

    def build(self, input_shape: Any = None) -> None:
        for layer in (self.before_attention, self.attention, self.before_dense, self.dense):
            layer.build()
        self.built = True

    def call(self, x_BTW: Tensor, seeds_B: Tensor | None = None) -> Tensor:
        y = self.attention(self.before_attention(x_BTW), seeds_B)
        x_BTW = x_BTW + dropped(y, self.form.dropout, seeds_B, f"{self.name} attention")
        y = self.dense(self.before_dense(x_BTW))
        return x_BTW + dropped(y, self.form.dropout, seeds_B, f"{self.name} dense")

    def after(
        self, x_BCW: Tensor, cache: Cache, at: Tensor, keep_B: Tensor | None = None
    ) -> tuple[Tensor, Cache]:
        """As `Attention.after`, of the whole block."""
        y, cache = self.attention.after(self.before_attention(x_BCW), cache, at, keep_B)
        x_BCW = x_BCW + y
        return x_BCW + self.dense(self.before_dense(x_BCW)), cache


class Transformer(keras.layers.Layer):
    """Tokens → logits of the token after each. It has the protocol of `sparkgen.decoding`.

    Args:
        form: its sizes and kinds.
        dtype: in which `call` computes; the logits and what follows from a cache are float32.
    """

    def __init__(self, form: Form, *, dtype: str = "float32", **kwargs: Any) -> None:
        super().__init__(**KEEPS_DTYPE, **kwargs)
        self.form, self.compute = form, dtype
        self.blocks = [Block(form, name=f"block_{i}") for i in range(form.layers)]
        self.last = norm_of(form)
        self.hold(form.context)

    def hold(self, context: int) -> None:
        """Sets how many positions a cache holds: at most those of the form, fewer to save memory."""
        self.context = min(context, self.form.context)
        self.chunk = min(CHUNK, -(-self.context // 2))

    @property
    def vocabulary(self) -> int:
        """V."""
        return self.form.vocabulary

    def build(self, input_shape: Any = None) -> None:
        form, normal = self.form, keras.initializers.RandomNormal
        for name, shape in embedding_shapes(form).items():
            weight = self.add_weight(shape=shape, initializer=normal(0.0, 0.02), name=name)
            setattr(self, name, weight)
        for block in self.blocks:
            block.build()
        self.last.build()
        self.built = True

    def call(self, tokens_BT: Tensor, seeds_B: Tensor | None = None) -> Tensor:
        """Logits (B, T, V) of the token after each of int32 (B, T), from it and those before it.

        Args:
            tokens_BT: at most `context` a row. A token V or more stands for none.
            seeds_B: of the rows' dropout (`layers.row_dropout`); None: there is none.
        """
        x = ops.cast(self._embedded(tokens_BT, ops.arange(tokens_BT.shape[1])), self.compute)
        x = dropped(x, self.form.dropout, seeds_B, "embeddings")
        for block in self.blocks:
            x = block(x, seeds_B)
        return self._logits(x)

    def shares(self, tokens_BT: Tensor) -> list[Tensor]:
        """How much each position takes of each, of every layer: float32 (B, heads, T, T)."""
        found, length = [], tokens_BT.shape[1]
        x = ops.cast(self._embedded(tokens_BT, ops.arange(length)), self.compute)
        for block in self.blocks:
            share, _ = block.attention.shares(block.before_attention(x))
            found.append(ops.reshape(share, (-1, self.form.heads, length, length)))
            x = block(x)
        return found

    # -- with a cache ----------------------------------------------------------------------------

    def start(self, rows: int) -> State:
        """Caches that hold nothing."""
        unit = BLOCK if self.context > BLOCK else self.chunk
        slots = -(-self.context // unit) * unit
        return tuple(block.attention.start(rows, slots) for block in self.blocks)

    def prefill(self, state: State, tokens_BC: Tensor, at: Tensor) -> tuple[Tensor, State]:
        """Logits (B, C, V) at the positions at .. at + C - 1 of what is given; C is `chunk`."""
        x, state = self._after(state, tokens_BC, at, None)
        return self._logits(x), state

    def step(
        self, state: State, tokens_B: Tensor, at: Tensor, keep_B: Tensor
    ) -> tuple[Tensor, State]:
        """Logits (B, V) at the position `at`; rows in `keep_B` keep what the cache has there."""
        x, state = self._after(state, tokens_B[:, None], at, keep_B)
        return self._logits(x[:, 0]), state

    def _after(
        self, state: State, tokens_BC: Tensor, at: Tensor, keep_B: Tensor | None
    ) -> tuple[Tensor, State]:
        x = self._embedded(tokens_BC, at + ops.arange(tokens_BC.shape[1]))
        caches = []
        for block, cache in zip(self.blocks, state, strict=True):
            x, cache = block.after(x, cache, at, keep_B)
            caches.append(cache)
        return x, tuple(caches)

    # -- both ------------------------------------------------------------------------------------

    def _embedded(self, tokens_BT: Tensor, at_T: Tensor) -> Tensor:
        x = ops.take(self.embedding, ops.minimum(tokens_BT, self.vocabulary - 1), axis=0)
        if self.form.positions == "learned":
            # The end of a chunk may lie beyond the context, where nothing looks at it.
            x = x + ops.take(self.position, ops.minimum(at_T, self.context - 1), axis=0)
        return x

    def _logits(self, x: Tensor) -> Tensor:
        x = ops.cast(self.last(x), "float32")
        return ops.matmul(x, ops.transpose(self.embedding if self.form.tied else self.head))


def norm_of(form: Form) -> Norm:
    """A normalisation of a transformer's stream."""
    return Norm(form.width, kind=form.norm, biases=form.biases, epsilon=form.epsilon)


def embedding_shapes(form: Form) -> dict[str, tuple[int, int]]:
    """The shapes of a transformer's tables by name."""
    shapes = {"embedding": (form.vocabulary, form.width)}
    if form.positions == "learned":
        shapes["position"] = (form.context, form.width)
    if not form.tied:
        shapes["head"] = (form.vocabulary, form.width)
    return shapes
