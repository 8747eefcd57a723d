"""N-grams: a token depends on the n - 1 before it, by how often it followed them in the training text.

Interpolated Kneser-Ney smoothing with three discounts (Kneser and Ney, "Improved backing-off for m-gram
language modeling", 1995; Chen and Goodman, "An Empirical Study of Smoothing Techniques for Language
Modeling", 1999):

    p_k(w | h) = max(c(hw) - D(c(hw)), 0) / c(h) + γ(h) p_{k-1}(w | h'),
    γ(h) = (D_1 N_1(h) + D_2 N_2(h) + D_3 N_3+(h)) / c(h),

where h are the k - 1 tokens before w and h' all of them but the first. Of the longest n-grams c counts
how often they occur, of shorter ones before how many different tokens; p_0 is uniform, and where h was
never seen p_k is p_{k-1}. N_i(h) tells how many tokens followed h i times, and with n_i, the number of
n-grams that occur i times, Y = n_1 / (n_1 + 2 n_2), D_i = i - (i + 1) Y n_{i+1} / n_i.

Spark counts, in one pass. Blocks are counted each by itself, so that an n-gram across two of them is not
seen, and the first tokens of a block are given shorter n-grams, in training as in evaluation.

Shape suffixes: B rows, T positions, V tokens of the vocabulary, K tokens before.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from keras import ops
from pydantic import Field

from sparkgen.config.strict import Strict
from sparkgen.datasets.records import DataSpec
from sparkgen.decoding.protocol import Stateful
from sparkgen.errors import RequestError
from sparkgen.layers.count_tables import CountTable
from sparkgen.models.contract import Batch, GenerativeModel, Statistics, Tensor
from sparkgen.models.counted import Counts
from sparkgen.models.language._base import LanguageModel

Array = npt.NDArray[Any]
LARGEST_KEY = 2**63 - 1
LEAST = 1e-30
"""Under this is no probability of the smoothing: its logarithm stays finite."""


class Config(Strict):
    """Options of the n-grams."""

    order: int = Field(5, ge=1, le=8)
    """n: a token depends on the n - 1 before it."""


class Steps:
    """N-grams token by token, as `sparkgen.decoding` reads them. The state are the tokens before."""

    context: int | None = None
    chunk = 0  # prompts are read token by token

    def __init__(self, model: "NGram") -> None:
        self.model, self.vocabulary = model, model.vocabulary

    def start(self, rows: int) -> Tensor:
        """The tokens before the first one: none."""
        return ops.full((rows, max(self.model.order - 1, 1)), self.vocabulary, "int32")

    def step(
        self, state: Tensor, tokens_B: Tensor, at: Tensor, keep_B: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Log p (B, V) of the tokens after one more, and the tokens before those."""
        del at, keep_B
        state = ops.concatenate([state[:, 1:], tokens_B[:, None]], axis=1)
        shape = (state.shape[0], self.vocabulary)
        every = ops.broadcast_to(ops.arange(self.vocabulary)[None], shape)
        return ops.log(ops.maximum(self.model.probability(state, every), LEAST)), state

    def prefill(self, state: Any, tokens_BC: Tensor, at: Tensor) -> tuple[Tensor, Any]:
        raise TypeError("n-grams read prompts token by token")


class NGram(LanguageModel):
    """Tokens → probabilities of the next ones."""

    learns: ClassVar[Any] = "counting"
    metric_names = ()

    def __init__(self, config: Config, spec: DataSpec, **kwargs: Any) -> None:
        super().__init__(spec, **kwargs)
        self.order, self.vocabulary = config.order, spec.record.values
        self.base = self.vocabulary + 1  # V stands for what is before a text
        if self.base**self.order > LARGEST_KEY:
            most = next(n for n in range(self.order, 0, -1) if self.base**n <= LARGEST_KEY)
            raise RequestError(
                f"model.options.order up to {most} for {self.vocabulary} tokens",
                found=str(self.order),
                mend="set it lower",
            )
        orders = range(1, self.order + 1)
        self.shares = [CountTable(name=f"shares_{k}") for k in orders]
        self.rests = [CountTable(name=f"rests_{k}") for k in orders]

    @property
    def network(self) -> Stateful:  # type: ignore[override]
        """Its probabilities token by token."""
        return Steps(self)

    def build(self, batch_shape: Any = None) -> None:
        self.built = True

    def count_learnt(self) -> int:
        return sum(len(table.arrays["keys"]) for table in (*self.shares, *self.rests))

    # -- counting --------------------------------------------------------------------------------

    def statistics(self, batch: Batch) -> Statistics:
        tokens = np.asarray(batch["tokens"])[np.asarray(batch["weight"]) > 0]
        # Of shorter n-grams it is enough to know the longer ones that they end.
        orders = range(min(2, self.order), self.order + 1)
        return {f"order_{k}": Counts.of(self._grams(tokens, k)) for k in orders}

    def _grams(self, tokens_BT: Array, size: int) -> Array:
        """The keys of all n-grams of a size that end after the first token of a block."""
        begins = max(0, 2 - size)
        keys = np.zeros((len(tokens_BT), tokens_BT.shape[1] - size + 1 - begins), np.int64)
        real = np.ones(keys.shape, bool)
        for place in range(size):
            column = tokens_BT[:, begins + place : begins + place + keys.shape[1]]
            keys = keys * self.base + column
            real &= column < self.vocabulary
        return keys[real]

    def fit_statistics(self, totals: Mapping[str, Any]) -> None:
        self._fit(self.order, *totals[f"order_{self.order}"])
        for k in range(self.order - 1, 0, -1):
            longer = totals[f"order_{k + 1}"].keys
            self._fit(k, *np.unique(longer % self.base**k, return_counts=True))

    def _fit(self, size: int, keys: Array, counts: Array) -> None:
        discounts = discounts_of(counts)
        before, place = np.unique(keys // self.base, return_inverse=True)
        total = np.bincount(place, counts)
        taken = discounts[np.minimum(counts, 3).astype(np.int64)]
        self.shares[size - 1].fill(keys, (counts - taken) / total[place])
        self.rests[size - 1].fill(before, np.bincount(place, taken) / total)

    # -- probabilities ---------------------------------------------------------------------------

    def probability(self, before_BK: Tensor, token: Tensor) -> Tensor:
        """p(token | the tokens before it): of the shape of `token`, (B,) or (B, V).

        Args:
            before_BK: int32, the n - 1 tokens before; V: none.
            token: int32.
        """
        wide = (slice(None), *(None,) * (len(token.shape) - 1))
        p = ops.full_like(token, 1.0 / self.vocabulary, dtype="float32")
        context_B, whole_B = ops.zeros_like(before_BK[:, 0], dtype="int64"), True
        for k in range(1, self.order + 1):
            if k > 1:
                one_B = ops.cast(before_BK[:, self.order - k], "int64")
                whole_B = ops.logical_and(whole_B, one_B < self.vocabulary)
                context_B = context_B + one_B * self.base ** (k - 2)
            keys = context_B[wide] * self.base + ops.cast(token, "int64")
            rest_B, there_B = self.rests[k - 1](context_B)
            seen_B = ops.logical_and(there_B, whole_B)
            share, _ = self.shares[k - 1](keys)
            p = ops.where(seen_B[wide], share + rest_B[wide] * p, p)
        return p

    def token_log_probabilities(
        self, batch: Batch, *, training: bool = False
    ) -> tuple[Tensor, Tensor]:
        tokens_BT = ops.convert_to_tensor(batch["tokens"])
        rows, length = tokens_BT.shape
        places = max(self.order - 1, 1)
        filled = ops.pad(tokens_BT, [[0, 0], [places - 1, 0]], constant_values=self.vocabulary)
        before = ops.stack([filled[:, k : k + length - 1] for k in range(places)], axis=-1)
        target = tokens_BT[:, 1:]
        p = self.probability(
            ops.reshape(before, (-1, places)),
            ops.reshape(ops.minimum(target, self.vocabulary - 1), (-1,)),
        )
        true = ops.cast(target < self.vocabulary, "float32")
        log_p = ops.reshape(ops.log(ops.maximum(p, LEAST)), (rows, length - 1)) * true
        return log_p, ops.zeros_like(log_p)

    def loss_terms(self, batch: Batch, *, training: bool) -> dict[str, Tensor]:
        return {"nll": super().loss_terms(batch, training=training)["nll"]}


def discounts_of(counts: Array) -> npt.NDArray[np.float64]:
    """What is taken from counts of 0, 1, 2, and 3 or more: float64 (4,), at most the count itself.

    Where there are too few n-grams for the estimate it is a half.
    """
    n = np.array([np.sum(counts == i) for i in range(1, 5)], np.float64)
    discounts = np.array([0.0, 0.5, 0.5, 0.5])
    if (n > 0).all():
        y = n[0] / (n[0] + 2 * n[1])
        for i in (1, 2, 3):
            estimate = i - (i + 1) * y * n[i] / n[i - 1]
            discounts[i] = estimate if 0 < estimate < i else 0.5
    return discounts


def build(config: Config, spec: DataSpec) -> GenerativeModel:
    """N-grams of tokens of `spec.record`."""
    return NGram(config, spec, name="ngram")
