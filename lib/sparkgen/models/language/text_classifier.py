"""The text classifier has convolutions over the vectors of tokens, and takes the maximum over the text.

Kim, "Convolutional Neural Networks for Sentence Classification", 2014, CNN-rand: tokens x_1 .. x_n have
vectors e_1 .. e_n, which are learnt. A filter of width h gives for each window of h tokens

    c_i = relu(w · [e_i; ...; e_{i+h-1}] + b),

and the feature is max_i c_i. There are 100 filters of each of the widths 3, 4 and 5, dropout 0.5, and a
softmax. Zeros stand before and after a text, so that a filter sees its ends. Windows without a token do
not count: a text has the same features at any length of the records.

What differs: the weights of the softmax have no bound on their norm. Whole tokens may be dropped in
training (Iyyer et al., "Deep Unordered Composition Rivals Syntactic Methods for Text Classification",
2015): they become the unknown token, which so gets a vector that means nothing in particular.

`generate` takes texts and gives them back with the class that it finds, and its probability.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import keras
import numpy as np
import numpy.typing as npt
from keras import ops
from pydantic import Field

from sparkgen.config.strict import Positive, Strict
from sparkgen.datasets.records import DataSpec, Record, TextRecord
from sparkgen.datasets.tokenizer import Tokenizer
from sparkgen.layers.compiled import compiled
from sparkgen.layers.labels import accuracy, cross_entropy
from sparkgen.models.contract import (
    Batch,
    Direction,
    GenerativeModel,
    Given,
    Measured,
    Tensor,
)
from sparkgen.models.language._prompts import tokenizer_of
from sparkgen.noise import NoiseSpec


class Config(Strict):
    """Options of the text classifier."""

    embedding: int = Field(300, gt=0)
    """Numbers of a token's vector."""
    windows: tuple[Positive, ...] = Field((3, 4, 5), strict=False, min_length=1)
    """The widths of filters, in tokens."""
    filters: int = Field(100, gt=0)
    """Filters of each width."""
    dropout: float = Field(0.5, ge=0, lt=1)
    """Share of the features that are dropped in training."""
    token_dropout: float = Field(0.0, ge=0, lt=1)
    """Share of the tokens that become the unknown token in training, or nothing where there is none."""
    ignore_space: bool = False
    """Whether a word has the same vector with and without a space before it."""


class TextClassifier(GenerativeModel):
    """Convolutions over tokens, trained by cross-entropy.

    Shape suffixes: B rows, T tokens, E numbers of a vector, F features, K classes, V vocabulary.
    """

    records = ("tokens",)
    classifies = True
    by_class = ("accuracy",)
    loss_names = ("cross_entropy",)
    metric_names = ("accuracy",)
    metric_directions: ClassVar[Mapping[str, Direction]] = {"accuracy": "higher"}
    figure_names = ("predicted", "confidence")
    given: Mapping[str, Given] = {"text": Given("text")}
    noise = NoiseSpec((0,))  # nothing is left to chance

    def __init__(self, config: Config, spec: DataSpec, **kwargs: Any) -> None:
        super().__init__(spec, **kwargs)
        self.config, self.tokenizer = config, tokenizer_of(spec)
        self.vector_of_V = _vector_numbers(self.tokenizer, ignore_space=config.ignore_space)
        self.vectors = keras.layers.Embedding(
            int(self.vector_of_V.max()) + 1,
            config.embedding,
            embeddings_initializer=keras.initializers.RandomUniform(-0.25, 0.25),
        )
        self.convolutions = [
            keras.layers.Conv1D(config.filters, width, activation="relu")
            for width in config.windows
        ]
        self.head = keras.layers.Dense(spec.classes, dtype="float32", name="logits")
        self.training_noise = {
            "dropout": NoiseSpec((config.filters * len(config.windows),), "uniform"),
            "token_dropout": NoiseSpec(spec.shape, "uniform"),
        }
        self.compiled_probabilities = compiled(self.probabilities, xla=False)

    @property
    def makes(self) -> Record:
        return TextRecord()

    def tokens_of(self, texts: Sequence[str]) -> npt.NDArray[np.int32]:
        """The tokens of texts, as far as records go: int32 (B, T), padded."""
        (length,) = self.spec.shape
        found = np.full((len(texts), length), self.tokenizer.size, np.int32)
        for row_T, tokens in zip(found, self.tokenizer.encode_all(texts), strict=True):
            row_T[: min(len(tokens), length)] = tokens[:length]
        return found

    def embedded(self, tokens_BT: Tensor) -> Tensor:
        """The vectors of tokens (B, T, E); those of padding are zeros."""
        there_BT = ops.less(tokens_BT, self.spec.record.values)
        x_BT = ops.where(there_BT, tokens_BT, 0)
        if self.config.ignore_space:
            x_BT = ops.take(self.vector_of_V, x_BT)
        e_BTE = self.vectors(x_BT)
        return e_BTE * ops.cast(there_BT, e_BTE.dtype)[..., None]

    def vectors_of_tokens(self) -> npt.NDArray[np.float32]:
        """The vector of each token: (V, E)."""
        return np.asarray(self.vectors.embeddings)[self.vector_of_V]

    def features_of(self, e_BTE: Tensor, tokens_BT: Tensor) -> Tensor:
        """The features of vectors in place of the tokens' own: float32 (B, F)."""
        there_BT = ops.less(tokens_BT, self.spec.record.values)
        return ops.cast(
            ops.concatenate([_greatest(c, e_BTE, there_BT) for c in self.convolutions], axis=-1),
            "float32",
        )

    def features(self, x: Tensor) -> Tensor:
        """The input of the last layer for tokens (B, T): float32 (B, F)."""
        return self.features_of(self.embedded(x), x)

    def probabilities(self, x: Tensor) -> Tensor:
        """Probabilities of the classes: float32 (B, K), rows summing to 1."""
        return ops.softmax(self.head(self.features(x)))

    def loss_terms(self, batch: Batch, *, training: bool) -> dict[str, Tensor]:
        x_BT, label_B = batch["tokens"], batch["label"]
        if training:
            x_BT = self._thinned(x_BT, batch["noise"]["token_dropout"])
        features_BF = self.features(x_BT)
        if training:
            kept_BF = batch["noise"]["dropout"] >= self.config.dropout
            features_BF = features_BF * ops.cast(kept_BF, "float32") / (1.0 - self.config.dropout)
        logits_BK = self.head(features_BF)
        return {
            "cross_entropy": cross_entropy(label_B, logits_BK),
            "accuracy": accuracy(label_B, logits_BK),
        }

    def _thinned(self, x_BT: Tensor, noise_BT: Tensor) -> Tensor:
        """Tokens of which some have become the unknown one, or padding."""
        padding, unknown = self.spec.record.values, self.tokenizer.unknown
        dropped_BT = ops.logical_and(noise_BT < self.config.token_dropout, x_BT < padding)
        return ops.where(dropped_BT, padding if unknown is None else unknown, x_BT)

    def make(self, noise: Tensor, given: Mapping[str, Any], **options: Any) -> Measured:
        texts = list(given["text"])
        p_BK = np.asarray(self.compiled_probabilities(self.tokens_of(texts)))
        return Measured(texts, {"predicted": p_BK.argmax(-1), "confidence": p_BK.max(-1)})


def _vector_numbers(tokenizer: Tokenizer, *, ignore_space: bool) -> npt.NDArray[np.int32]:
    """Which vector each token has: (V,)."""
    if not ignore_space:
        return np.arange(tokenizer.size, dtype=np.int32)
    written = [tokenizer.text_of(token) for token in range(tokenizer.size)]
    numbers: dict[str, int] = {}
    found = [numbers.setdefault(text.strip() or text, len(numbers)) for text in written]
    return np.array(found, np.int32)


def _greatest(convolution: keras.layers.Layer, e_BTE: Tensor, there_BT: Tensor) -> Tensor:
    """The greatest answer of each filter to a window with a token in it; 0 where there is none."""
    (width,) = convolution.kernel_size
    ends = (width - 1, width - 1)
    c_BWF = convolution(ops.pad(e_BTE, ((0, 0), ends, (0, 0))))
    there_BW = ops.pad(ops.cast(there_BT, c_BWF.dtype), ((0, 0), ends))
    windows_BW1 = ops.max_pool(there_BW[..., None], width, strides=1)
    return ops.max(c_BWF * windows_BW1, axis=1)  # after relu 0 is the least answer


def build(config: Config, spec: DataSpec) -> GenerativeModel:
    """The text classifier for records of tokens."""
    return TextClassifier(config, spec, name="text_classifier")
