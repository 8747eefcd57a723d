"""Answers to questions: the piece of a text that answers a question about it.

Devlin et al., "BERT", 2018, section 4.2, as the reference implementation has it. A network gives each
token of the text, read after the question, logits that the answer begins and that it ends there. The
score of a piece is the product of the two probabilities; the best piece of at most so many tokens,
widened to whole words, is the answer, and pieces that come to the same words count together. A longer
text than the network sees is read in windows that overlap.

The network is a part: a DistilBERT that others trained (`hf://OWNER/NAME@COMMIT`, or a folder).
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
from keras import ops

from sparkgen.config.options import Range
from sparkgen.config.strict import Strict
from sparkgen.datasets.records import DataSpec, Record, TextRecord
from sparkgen.errors import RequestError
from sparkgen.models.contract import GenerativeModel, Given, Measured, Part, Tensor
from sparkgen.models.language._prompts import tokenizer_of
from sparkgen.noise import NoiseSpec

PARTS = {"network": Part(records=False, answers=True)}
MOST_TOKENS = 384
"""Of a question with a window of the text."""
OVERLAP = 128
"""Tokens of the text that two windows share."""
ROWS = 8
"""Windows that are read at once; a batch is filled up to so many, so that none depends on the others."""
PIECES = 12
"""The best pieces of a window among which those of the same words are put together."""

Array = npt.NDArray[Any]


class Config(Strict):
    """It has no options."""


class Answer(NamedTuple):
    """A piece of a text."""

    text: str
    score: float
    """The probability, of the best window, that it is the answer."""
    start: int
    """Characters of the text before it."""
    end: int
    """Characters of the text up to its end."""


class QuestionAnswering(GenerativeModel):
    """Contexts and questions → answers, with their scores and where they stand."""

    learns = "nothing"
    records = ("tokens",)
    figure_names = ("score", "start", "end")
    generate_options: ClassVar[dict[str, Any]] = {"longest_answer": 15}
    """Tokens of an answer at most, before it is widened to whole words."""
    generate_ranges: ClassVar[dict[str, Range]] = {"longest_answer": Range(1)}

    def __init__(self, spec: DataSpec, network: Any, **kwargs: Any) -> None:
        super().__init__(spec, **kwargs)
        self.network = network
        self.given = {"context": Given("text"), "question": Given("text")}
        self.noise = NoiseSpec((0,))

    @property
    def makes(self) -> Record:
        return TextRecord()

    def make(  # type: ignore[override]
        self, noise: Tensor, given: Mapping[str, Any], *, longest_answer: int
    ) -> Measured:
        pairs = list(zip(given["context"], given["question"], strict=True))
        found = {pair: self.answer(*pair, longest=longest_answer) for pair in dict.fromkeys(pairs)}
        answers = [found[pair] for pair in pairs]
        figures = {
            name: np.array([getattr(one, name) for one in answers]) for name in self.figure_names
        }
        return Measured([one.text for one in answers], figures)

    def answer(self, context: str, question: str, *, longest: int = 15) -> Answer:
        """The answer to one question; without any text it is empty, with the score 0.

        Raises:
            RequestError: the question leaves no room for the text.
        """
        windows = self._windows(context, question)
        pieces: dict[str, Answer] = {}
        for window, logits in zip(windows, self._logits(windows), strict=True):
            for begin, end, score in best_pieces(logits, of_text(window), longest=longest):
                first, last = characters(window, begin, end)
                text = context[first:last]
                known = pieces.get(text.lower(), Answer(text, 0.0, first, last))
                pieces[text.lower()] = known._replace(score=known.score + score)
        return max(pieces.values(), key=lambda one: one.score, default=Answer("", 0.0, 0, 0))

    @property
    def length(self) -> int:
        """Tokens of a window, with the question."""
        return min(MOST_TOKENS, self.network.context)

    @cached_property
    def pair_tokenizer(self) -> Any:
        """It puts a question and as much of a text as there is room for behind each other."""
        overlap = min(OVERLAP, self.length // 2)
        return tokenizer_of(self.network.spec).for_pairs(self.length, overlap=overlap)

    def _windows(self, context: str, question: str) -> list[Any]:
        try:
            first = self.pair_tokenizer.encode(question, context)
        except Exception as error:  # the library raises nothing more exact
            raise RequestError(
                f"a question that leaves room for the text in {self.length} tokens",
                found=f"{question[:80]!r} ({error})",
                mend="make it shorter",
            ) from None
        return [first, *first.overflowing]

    def _logits(self, windows: Sequence[Any]) -> list[Array]:
        """Those of each window, float64 (its tokens, 2)."""
        found = []
        for at in range(0, len(windows), ROWS):
            some = windows[at : at + ROWS]
            tokens = np.zeros((ROWS, self.length), np.int32)
            for row, window in enumerate(some):
                tokens[row, : len(window.ids)] = window.ids
            sizes = np.array([len(one.ids) for one in some] + [1] * (ROWS - len(some)))
            seen = np.arange(self.length) < sizes[:, None]
            logits = self.network.span_logits(
                ops.convert_to_tensor(tokens), ops.convert_to_tensor(seen)
            )
            logits = np.asarray(logits, np.float64)
            found += [logits[row, :size] for row, size in enumerate(sizes[: len(some)])]
        return found


def of_text(window: Any) -> Array:
    """Which tokens of a window are the text's: bool (T,)."""
    return np.array([number == 1 for number in window.sequence_ids], bool)


def best_pieces(logits_T2: Array, text_T: Array, *, longest: int) -> list[tuple[int, int, float]]:
    """The first and last tokens of the best pieces of a window, with their scores.

    Args:
        logits_T2: of the beginning and of the end.
        text_T: which tokens can be in an answer.
        longest: tokens of a piece.
    """
    # The first token stands for no answer: it has a share of the probabilities, and is none.
    counted_T = text_T.copy()
    counted_T[0] = True
    logits_T2 = np.where(counted_T[:, None], logits_T2, -np.inf)
    p_T2 = np.exp(logits_T2 - logits_T2.max(axis=0))
    p_T2 = np.where(text_T[:, None], p_T2 / p_T2.sum(axis=0), 0.0)
    score_TT = np.tril(np.triu(np.outer(p_T2[:, 0], p_T2[:, 1])), longest - 1)
    best = np.argsort(-score_TT, axis=None, kind="stable")[:PIECES]
    begins, ends = np.unravel_index(best, score_TT.shape)
    found = [(int(b), int(e), float(score_TT[b, e])) for b, e in zip(begins, ends, strict=True)]
    return [one for one in found if one[2] > 0]


def characters(window: Any, begin: int, end: int) -> tuple[int, int]:
    """The characters of a piece, with the words widened that it begins and ends in."""
    first, last = window.token_to_word(begin), window.token_to_word(end)
    words = [window.word_to_chars(word, 1) for word in (first, last) if word is not None]
    if len(words) < 2 or None in words:
        return int(window.offsets[begin][0]), int(window.offsets[end][1])
    return int(words[0][0]), int(words[1][1])


def build(config: Config, spec: DataSpec, parts: Mapping[str, GenerativeModel]) -> GenerativeModel:
    """Answers by the part `network`."""
    return QuestionAnswering(spec, parts["network"], name="question_answering")
