"""The corrector mends misspelt words: noisy text goes in, mended text comes out.

It takes the written text x as what a noisy channel made of the meant text w, and gives

    argmax_w p(w) p(x | w)

(Kernighan, Church and Gale, "A Spelling Correction Program Based on a Noisy Channel Model", 1990;
Norvig, "Natural Language Corpus Data", 2009). p(x | w) is of edits of characters: see `_channel.py`.
p(w) is of pairs of words that Spark counts in the training text, and unseen words have the probability
of their characters: see `_words.py`. So a word that was never seen may stay as it is, where no known
one is near.

A language model does not find a name that it never saw. A lexicon says which words, names above all,
are to be expected: `lexicon` when the model is built, or given with a text. The share `lexicon_share`
of the words is then taken to be of the lexicon.

What differs from the papers: edits have the same probabilities for all characters, as there is no list of
errors to learn them from.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from keras import ops
from pydantic import Field

from sparkgen.config.options import Range
from sparkgen.config.strict import Strict
from sparkgen.datasets.records import DataSpec, Record, TextRecord
from sparkgen.datasets.tokens import text_of
from sparkgen.errors import RequestError
from sparkgen.layers.count_tables import CountTable
from sparkgen.models.contract import (
    Batch,
    Direction,
    GenerativeModel,
    Given,
    Measured,
    Statistics,
    Tensor,
)
from sparkgen.models.counted import Counts
from sparkgen.models.language._channel import Channel
from sparkgen.models.language._misspelling import misspelt
from sparkgen.models.language._prompts import tokenizer_of
from sparkgen.models.language._words import Vocabulary, WordModel, lexicon_of
from sparkgen.noise import NoiseSpec

EDITS = 2
"""At most so many edits are made in a word, to see whether it is mended."""


class Config(Strict):
    """Options of the corrector."""

    lexicon: str = ""
    """Words that are to be expected, beside those given with a text, between spaces or commas; each may
    have a weight after a colon, as `narendra modi:3`."""
    smoothing: float = Field(1000.0, gt=0)
    """m of p(w | v) = (c(v, w) + m P(w)) / (c(v) + m): how often a word must have been seen for the words
    that followed it to count as much as the frequencies of single words."""
    error_rate: float = Field(0.001, gt=0, lt=0.5)
    """The share of words that are taken to be written wrongly; the lower, the more stays as it is.
    `generate` has the same option."""
    edit_rate: float = Field(0.05, gt=0, lt=0.5)
    """The share of characters that are wrong in such a word; an option of `generate` too."""


class Corrector(GenerativeModel):
    """A channel of edits and counts of words.

    Shape suffixes: B rows, T tokens, W words and two more.
    """

    records = ("tokens",)
    learns = "counting"
    loss_names = ("nll",)
    metric_names = ("kept", "mended_1", "mended_2")
    metric_directions: ClassVar[Mapping[str, Direction]] = dict.fromkeys(metric_names, "higher")
    protocols: Mapping[str, str] = {
        "nll": "nats a word, pairs of words",
        "kept": "texts that stay as they are, all unknown words being alike",
        "mended_1": "texts that come back exactly after one edit in a word of 4 or more letters",
        "mended_2": "texts that come back exactly after two edits in a word of 4 or more letters",
    }
    figure_names = ("changed_words",)
    given: Mapping[str, Given] = {
        "text": Given("text"),
        "lexicon": Given("text", required=False),
    }
    noise = NoiseSpec((0,))  # nothing is left to chance
    training_noise: Mapping[str, NoiseSpec] = {"edits": NoiseSpec((1 + 3 * EDITS,), "uniform")}
    generate_ranges: ClassVar[Mapping[str, Range]] = {
        "error_rate": Range(1e-9, 0.5),
        "edit_rate": Range(1e-9, 0.5),
        "lexicon_share": Range(1e-6, 0.9),
        "width": Range(2, 1000),
    }

    def __init__(self, config: Config, spec: DataSpec, **kwargs: Any) -> None:
        super().__init__(spec, **kwargs)
        self.config, self.vocabulary = config, Vocabulary(tokenizer_of(spec))
        self.lexicon = lexicon_of(config.lexicon)
        self.generate_options = {  # type: ignore[misc]
            "error_rate": config.error_rate,
            "edit_rate": config.edit_rate,
            "lexicon_share": 0.1,
            "width": 16,
        }
        self.words_W = self.add_weight(
            shape=(self.vocabulary.size,), initializer="zeros", trainable=False, name="words"
        )
        self.pairs = CountTable(name="pairs")
        self._counted: tuple[Any, Any, WordModel] | None = None
        self._channels: dict[Any, Channel] = {}

    @property
    def makes(self) -> Record:
        return TextRecord()

    def statistics(self, batch: Batch) -> Statistics:
        """`words` (W,) and `pairs`: how often each was there."""
        return self.vocabulary.count(np.asarray(batch["tokens"])[np.asarray(batch["weight"]) > 0])

    def fit_statistics(self, totals: Mapping[str, Any]) -> None:
        self.words_W.assign(totals["words"])
        self.pairs.fill(*totals["pairs"])

    def count_learnt(self) -> int:
        return self.vocabulary.size + len(self.pairs.arrays["keys"])

    def words(self) -> WordModel:
        """The probabilities of words by the counts that the weights hold now."""
        words_W, keys = np.asarray(self.words_W), self.pairs.arrays["keys"]
        before = self._counted
        # A dictionary would not be the same again: Keras keeps another one in its place.
        if before is None or before[1] is not keys or not np.array_equal(before[0], words_W):
            counts = Counts(keys, self.pairs.arrays["numbers"])
            model = WordModel(self.vocabulary, words_W, counts, self.config.smoothing)
            self._counted, self._channels = (words_W, keys, model), {}
            return model
        return before[2]

    def channel(self, lexicon: str, **options: Any) -> Channel:
        """What finds the meant text, where the words of a text are expected beside those of the model."""
        model, key = self.words(), (lexicon, tuple(sorted(options.items())))
        if key not in self._channels:
            words = {**self.lexicon, **lexicon_of(lexicon)}
            total = sum(words.values())
            shares = {word: share / total for word, share in words.items()}
            if len(self._channels) > 16:
                self._channels.clear()
            self._channels[key] = Channel(model, shares, **options)
        return self._channels[key]

    def make(self, noise: Tensor, given: Mapping[str, Any], **options: Any) -> Measured:
        texts = list(given["text"])
        lexicons = given.get("lexicon") or [""] * len(texts)
        mended = [
            self.channel(lexicon, **options).corrected(text)
            for text, lexicon in zip(texts, lexicons, strict=True)
        ]
        changed = np.array([count for _, count in mended], np.float64)
        return Measured([text for text, _ in mended], {"changed_words": changed})

    def loss_terms(self, batch: Batch, *, training: bool) -> dict[str, Tensor]:
        tokens_BT = np.asarray(batch["tokens"])
        texts = [text_of(row_T, self.vocabulary.tokenizer) for row_T in tokens_BT]
        terms = {"nll": self._nats(texts)}
        noise = np.asarray(batch["noise"]["edits"])
        for name, edits in (("kept", 0), ("mended_1", 1), ("mended_2", 2)):
            wrong = [
                misspelt(text, self.vocabulary, row, edits)
                for text, row in zip(texts, noise, strict=True)
            ]
            mended = self.generate(np.zeros((len(texts), 0)), {"text": wrong}).data
            terms[name] = np.array([m == t for m, t in zip(mended, texts, strict=True)])
        return {name: ops.convert_to_tensor(v.astype(np.float32)) for name, v in terms.items()}

    def _nats(self, texts: list[str]) -> npt.NDArray[np.float64]:
        """Minus the mean log-probability of the words of each text, as `words` has them."""
        return np.array([-self.words().mean_log_p(text) for text in texts])


def build(config: Config, spec: DataSpec) -> GenerativeModel:
    """The corrector for texts of words."""
    if tokenizer_of(spec).unknown is None:
        raise RequestError(
            "tokens that are words, with one for unknown words, for corrector",
            found="tokens that are none",
            mend="choose a dataset with tokenizer.kind words or white_space",
        )
    try:
        return Corrector(config, spec, name="corrector")
    except ValueError as error:
        raise RequestError(
            "a lexicon such as `narendra modi:3` as model.options.lexicon",
            found=str(error),
            mend="correct it",
        ) from None
