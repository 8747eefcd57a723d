"""What language models share: the loss, the likelihood, prompts, and the options of `generate`.

    log p(x) = Σ_t log p(x_t | x_1 .. x_{t-1}),

where the first token of a block is given: blocks of a text share one token with their neighbours. Padding
after the end of a text counts nowhere.

A model sets `network`, which has the protocol of `sparkgen.decoding` (`decoding/protocol.py`). One whose
network is a Keras layer is a `NetworkModel`, and writes nothing else. One that has probabilities but no
logits writes `token_log_probabilities`, and one that learns by counting declares `learns`.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from keras import ops

from sparkgen.config.options import Range
from sparkgen.datasets.records import DataSpec, Record, TextRecord
from sparkgen.datasets.tokenizer import Tokenizer
from sparkgen.decoding.beam import BeamSearch
from sparkgen.decoding.choice import Choice
from sparkgen.decoding.loop import Decoder
from sparkgen.decoding.protocol import Stateful
from sparkgen.decoding.texts import MOST_TOKENS, NONE, Limits
from sparkgen.errors import RequestError
from sparkgen.layers.row_dropout import row_seeds
from sparkgen.models.contract import (
    EXACT,
    Batch,
    Direction,
    GenerativeModel,
    Given,
    Likelihood,
    Protocol,
    Tensor,
)
from sparkgen.models.language._prompts import (
    before_stop,
    encoded,
    first_token,
    padded,
    stop_tokens,
    tokenizer_of,
)
from sparkgen.noise import NoiseSpec

MOST_BEAMS = 64


class LanguageModel(GenerativeModel):
    """A model of token records that have a tokenizer. It makes texts that follow prompts."""

    writes = True
    records = ("tokens",)
    loss_names: tuple[str, ...] = ("nll",)
    metric_names: tuple[str, ...] = ("accuracy",)
    metric_directions: ClassVar[Mapping[str, Direction]] = {"accuracy": "higher"}
    generate_options: ClassVar[dict[str, Any]] = {
        "max_tokens": 256,
        "temperature": 1.0,
        "top_k": 0,
        "top_p": 1.0,
        "repetition_penalty": 1.0,
        "beams": 0,
        "length_power": 1.0,
        "stop": [],
        "with_prompt": False,
    }
    """Tokens that are made at most; by what logits are divided, 0 for the most likely token each time;
    how many of the most likely tokens are kept, 0 for all; the fewest most likely tokens are kept whose
    probabilities sum to it; by how much tokens are less likely that stand in the text; 0 for texts that
    are drawn, else how many beginnings a search for the most likely text keeps; the power of a text's
    length by which the search divides its log-probability; texts before which a text ends; whether the
    prompt stands before what is made."""
    generate_ranges: ClassVar[dict[str, Range]] = {
        "max_tokens": Range(1, MOST_TOKENS),
        "temperature": Range(0),
        "top_k": Range(0),
        "top_p": Range(0, 1),
        "repetition_penalty": Range(0.01),
        "beams": Range(0, MOST_BEAMS),
        "length_power": Range(0),
    }

    network: Stateful

    def __init__(self, spec: DataSpec, **kwargs: Any) -> None:
        super().__init__(spec, **kwargs)
        tokenizer_of(spec)
        self.given = {"prompt": Given("text", required=False)}
        self.noise = NoiseSpec((MOST_TOKENS,), "uniform")

    def logits(
        self, tokens_BT: Tensor, noise: Mapping[str, Tensor], *, training: bool = False
    ) -> Tensor:
        """Logits of the token after each: float32 (B, T, V).

        Args:
            tokens_BT: int32; V stands for none.
            noise: that of the batch.
            training: whether units are dropped and the like.
        """
        raise TypeError(f"{type(self).__name__} has no logits")

    # -- loss ------------------------------------------------------------------------------------

    def token_log_probabilities(
        self, batch: Batch, *, training: bool = False
    ) -> tuple[Tensor, Tensor]:
        """Of each token but the first log p in nats, 0 for padding, and whether it is the likeliest.

        Returns:
            float32 (B, T - 1) each.
        """
        tokens_BT = batch[self.spec.record.kind]
        target = tokens_BT[:, 1:]
        logits = self.logits(tokens_BT[:, :-1], batch.get("noise", {}), training=training)
        true = ops.cast(target < self.spec.record.values, "float32")
        place = ops.expand_dims(ops.minimum(target, self.spec.record.values - 1), -1)
        each = ops.take_along_axis(ops.log_softmax(logits), place, axis=-1)[..., 0]
        best = ops.cast(ops.argmax(logits, axis=-1), target.dtype) == target
        return each * true, ops.cast(best, "float32") * true

    def loss_terms(self, batch: Batch, *, training: bool) -> dict[str, Tensor]:
        log_p, best = self.token_log_probabilities(batch, training=training)
        # The same divisor for all rows: every true token of a batch counts alike.
        places = self.spec.shape[0] - 1
        return {
            "nll": -ops.sum(log_p, axis=1) / places,
            "accuracy": ops.sum(best, axis=1) / places,
        }

    def likelihoods(self, *, samples: int) -> dict[str, Likelihood]:
        """`exact`: the log-probability of the tokens of a block after its first."""
        return {
            EXACT: Likelihood(
                Protocol(EXACT, "sum", "after the first of each block", 1),
                {},
                lambda batch: ops.sum(self.token_log_probabilities(batch)[0], axis=1),
            )
        }

    # -- texts -----------------------------------------------------------------------------------

    @property
    def tokenizer(self) -> Tokenizer:
        """That of the records."""
        return tokenizer_of(self.spec)

    @property
    def makes(self) -> Record:
        return TextRecord(tokenizer=self.tokenizer)

    @cached_property
    def decoder(self) -> Decoder:
        """Draws texts."""
        return Decoder(self.network)

    @cached_property
    def beam_search(self) -> BeamSearch:
        """Searches the likeliest texts."""
        return BeamSearch(self.network)

    def make(  # type: ignore[override]
        self,
        noise: Tensor,
        given: Mapping[str, Any],
        *,
        max_tokens: int,
        temperature: float,
        top_k: int,
        top_p: float,
        repetition_penalty: float,
        beams: int,
        length_power: float,
        stop: Sequence[str],
        with_prompt: bool,
    ) -> Tensor:
        texts = given.get("prompt")
        texts = [""] * len(noise) if texts is None else list(texts)
        prompts = [encoded(text, self.tokenizer) for text in texts]
        limits = Limits(max_tokens, self._end(), stop_tokens(stop, self.tokenizer))
        begun = [
            p if len(p) else np.array([first_token(self.tokenizer)], np.int32) for p in prompts
        ]
        if beams:
            refuse_draws(temperature=temperature, top_k=top_k, top_p=top_p)
            made = self.beam_search.search(
                begun,
                limits,
                beams=beams,
                length_power=length_power,
                repetition_penalty=repetition_penalty,
            )
        else:
            choice = Choice(temperature, top_k, top_p, repetition_penalty)
            made = self.decoder.draw(begun, noise, choice, limits)
        rows = [before_stop(row, stop, self.tokenizer) for row in made]
        if with_prompt:
            rows = [np.concatenate(pair) for pair in zip(prompts, rows, strict=True)]
        return ops.convert_to_tensor(padded(rows, self.tokenizer.size))

    def _end(self) -> int:
        return NONE if self.tokenizer.end is None else self.tokenizer.end


class NetworkModel(LanguageModel):
    """A language model whose `network`, set by the model, is called with tokens and seeds of dropout."""

    network: Any

    def __init__(self, spec: DataSpec, *, dropout: float, **kwargs: Any) -> None:
        super().__init__(spec, **kwargs)
        if dropout:
            self.training_noise = {"dropout": NoiseSpec((2,), "uniform")}

    def build(self, batch_shape: Any = None) -> None:
        self.network.build()
        self.built = True

    def logits(
        self, tokens_BT: Tensor, noise: Mapping[str, Tensor], *, training: bool = False
    ) -> Tensor:
        dropping = training and "dropout" in noise
        return self.network(tokens_BT, row_seeds(noise["dropout"]) if dropping else None)


def refuse_draws(**options: float) -> None:
    """Refuses options of drawing where texts are searched.

    Raises:
        RequestError: it names the first one that is not at its default.
    """
    for name, value in options.items():
        if value != (default := LanguageModel.generate_options[name]):
            raise RequestError(
                f"sampling.options.{name} {default:g} with beams, which draw nothing",
                found=f"{value:g}",
                mend="remove one of them",
            )
