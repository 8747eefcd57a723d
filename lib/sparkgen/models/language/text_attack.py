"""Text attacks change a text so little that people still read it, and a classifier errs.

Two attacks, of which `edits` chooses:

- `characters`, DeepWordBug (Gao et al., "Black-box Generation of Adversarial Text Sequences to Evade Deep
  Learning Classifiers", 2018). Words are ordered by how much the probability of the class falls when
  the word is left out. One after the other is misspelt: two neighbouring characters change places, one
  is substituted, one is left out, or one more is put in. Of the four that is kept which lowers the
  probability most. The classifier is only asked.
- `words`, HotFlip (Ebrahimi et al., "HotFlip: White-Box Adversarial Examples for Text Classification",
  2018).
  Where word i becomes v of the vocabulary, the loss L grows to first order by

      (e_v - e_i) · dL/de_i

  with e the vectors of tokens. Of the changes with the highest estimates those that the constraints
  allow are tried, the best is kept, and so on. It costs a gradient each time, which counts as a query.

Both stop where the classifier errs, or at the constraints: at most `characters` of the text's
characters are edited, counted as the Levenshtein distances of its words, and at most `words` of its
words are others. A text of which the classifier errs already stays as it is.

What differs: DeepWordBug takes one of the four edits by chance and does not look back; here all four
are tried, as in TextAttack's search. HotFlip wants words of similar meaning; here a word must be
similar in its letters, by the constraint on characters.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from keras import ops
from pydantic import Field

from sparkgen.config.options import Range
from sparkgen.config.strict import Strict
from sparkgen.datasets.records import DataSpec, Record, TextRecord
from sparkgen.datasets.tokens import text_of
from sparkgen.layers.compiled import compiled
from sparkgen.layers.gradients import gradient
from sparkgen.models.contract import (
    LABEL,
    Batch,
    Direction,
    GenerativeModel,
    Given,
    Measured,
    Part,
    Tensor,
)
from sparkgen.models.language._attack import (
    NUMBERS,
    Constraints,
    Found,
    Goal,
    Text,
    Victim,
    character_edits,
    greedy_by_estimate,
    greedy_by_importance,
)
from sparkgen.models.language._flips import Flips
from sparkgen.models.language._prompts import tokenizer_of
from sparkgen.noise import NoiseSpec

PARTS = {"classifier": Part(classifies=True, classes=True)}
SMALLEST, LARGEST = 8, 256
"""Texts that the classifier is asked at once: a power of 2 in between."""


class Config(Strict):
    """The attack by which the classifier is evaluated; `generate` has the same options."""

    edits: Literal["characters", "words"] = "characters"
    """What changes: single characters of words, or words for others of the vocabulary."""
    characters: float = Field(0.15, ge=0, le=1)
    """The most characters that are edited, as a share of those of the text."""
    words: float = Field(1.0, ge=0, le=1)
    """The most words that change, as a share of those of the text."""
    width: int = Field(16, gt=0)
    """Of `words`: changes that are tried for each gradient."""


class Outcome(NamedTuple):
    """What an attack made of a text, and its figures."""

    text: str
    figures: tuple[float, ...]


class TextAttack(GenerativeModel):
    """Attacks on the texts that are given, and the accuracy of a classifier under them.

    Shape suffixes: B rows, N texts, T tokens, E numbers of a vector, K classes, V vocabulary.
    """

    records = ("tokens",)
    learns = "nothing"
    metric_names = ("accuracy", "robust_accuracy", "changed_characters", "changed_words", "queries")
    metric_directions: ClassVar[Mapping[str, Direction]] = {
        **dict.fromkeys(("accuracy", "robust_accuracy"), "higher"),
        **dict.fromkeys(metric_names[2:], "lower"),
    }
    figure_names = (
        "predicted",
        "success",
        "changed_characters",
        "changed_words",
        "queries",
        "probability_before",
        "probability_after",
    )

    def __init__(
        self, config: Config, spec: DataSpec, classifier: GenerativeModel, **kwargs: Any
    ) -> None:
        super().__init__(spec, **kwargs)
        self.config, self.classifier = config, classifier
        self.given = {
            "text": Given("text"),
            **LABEL,
            "target": Given("label", required=False),
        }
        self.noise = NoiseSpec((*spec.shape, NUMBERS), "uniform")
        self.training_noise = {"attack": self.noise}
        self.generate_options = config.model_dump()  # type: ignore[misc]
        self.generate_ranges = {  # type: ignore[misc]
            "characters": Range(0, 1),
            "words": Range(0, 1),
            "width": Range(1),
        }
        told = (
            f"{config.edits}, at most {config.characters:g} of the characters and {config.words:g} "
            "of the words changed"
        )
        self.protocols = {name: told for name in self.metric_names if name != "accuracy"}
        self.compiled_probabilities = compiled(self._probabilities, xla=False)
        self.compiled_slope = compiled(self._slope, xla=False)

    @property
    def makes(self) -> Record:
        return TextRecord()

    def probabilities(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """What the classifier says of texts: (N, K), the same whatever other texts are attacked."""
        found = []
        for first in range(0, len(texts), LARGEST):
            some = list(texts[first : first + LARGEST])
            size = max(SMALLEST, 1 << (len(some) - 1).bit_length())
            tokens_NT = self.classifier.tokens_of(some + [""] * (size - len(some)))
            found.append(np.asarray(self.compiled_probabilities(tokens_NT))[: len(some)])
        return np.concatenate(found)

    def attack(self, text: str, goal: Goal, noise: npt.NDArray[Any], **options: Any) -> Outcome:
        """One text after the attack.

        Args:
            text: the text.
            goal: of the attack.
            noise: uniform in [0, 1), a row for each word that the classifier sees.
            options: those of `generate`.
        """
        victim, parsed = Victim(self.probabilities), Text(text)
        constraints = Constraints(parsed, options["characters"], options["words"])
        start = Found(parsed.words, victim([text])[0])
        found = start
        if not goal.reached(start.probabilities) and options["edits"] == "characters":
            found = greedy_by_importance(
                victim,
                goal,
                constraints,
                self._edits(parsed.words, noise),
                start,
            )
        elif not goal.reached(start.probabilities):
            vectors_VE = self.classifier.vectors_of_tokens()
            found = greedy_by_estimate(
                victim,
                goal,
                constraints,
                lambda words: self.flips.estimates(
                    words, constraints, vectors_VE, self.slope(parsed.written(words), goal)
                ),
                start,
                width=options["width"],
            )
        figures = (
            float(np.argmax(found.probabilities)),
            float(goal.reached(found.probabilities)),
            constraints.changed_characters(found.words),
            constraints.changed_words(found.words),
            float(victim.queries),
            float(start.probabilities[goal.label]),
            float(found.probabilities[goal.label]),
        )
        return Outcome(parsed.written(found.words), figures)

    def _edits(self, words: Sequence[str], noise: npt.NDArray[Any]) -> dict[int, list[str]]:
        """The edits of the words that the classifier sees, by their numbers; of unknown ones none."""
        tokenizer = tokenizer_of(self.spec)
        unknown = "\n" if tokenizer.unknown is None else tokenizer.name(tokenizer.unknown)
        pairs = enumerate(zip(words, noise, strict=False))
        made = {n: character_edits(word, row) for n, (word, row) in pairs if unknown not in word}
        return {n: edits for n, edits in made.items() if edits}

    def make(self, noise: Tensor, given: Mapping[str, Any], **options: Any) -> Measured:
        labels = np.asarray(given["label"]).tolist()
        targets = (
            np.asarray(given["target"]).tolist() if "target" in given else [None] * len(labels)
        )
        rows = zip(given["text"], labels, targets, np.asarray(noise), strict=True)
        made = [
            self.attack(text, Goal(label, target), row, **options)
            for text, label, target, row in rows
        ]
        columns = np.array([one.figures for one in made], np.float64).T
        figures = dict(zip(self.figure_names, columns, strict=True))
        return Measured([one.text for one in made], figures)

    def loss_terms(self, batch: Batch, *, training: bool) -> dict[str, Tensor]:
        label_B, weight_B = np.asarray(batch["label"]), np.asarray(batch["weight"])
        there = np.flatnonzero(weight_B)  # padding is not attacked
        terms = {name: np.zeros(len(weight_B), np.float32) for name in self.metric_names}
        tokens_BT, tokenizer = np.asarray(batch["tokens"]), tokenizer_of(self.spec)
        texts = [text_of(tokens_BT[n], tokenizer) for n in there]
        if texts:
            given = {"text": texts, "label": label_B[there]}
            figures = self.generate(np.asarray(batch["noise"]["attack"])[there], given).figures
            said = self.probabilities(texts).argmax(-1)
            terms["accuracy"][there] = said == label_B[there]
            terms["robust_accuracy"][there] = 1.0 - figures["success"]
            for name in self.metric_names[2:]:
                terms[name][there] = figures[name]
        return {name: ops.convert_to_tensor(values) for name, values in terms.items()}

    @cached_property
    def flips(self) -> Flips:
        """The changes of words."""
        return Flips(tokenizer_of(self.spec))

    def slope(self, text: str, goal: Goal) -> npt.NDArray[np.float32]:
        """The gradient of the logarithm of the goal's score by the vectors of a text's tokens: (T, E)."""
        sign, wanted = (-1.0, goal.label) if goal.target is None else (1.0, goal.target)
        found = self.compiled_slope(self.classifier.tokens_of([text]), np.array([wanted], np.int32))
        return sign * np.asarray(found)[0]

    def _probabilities(self, tokens_NT: Tensor) -> Tensor:
        return ops.softmax(self.classifier.head(self.classifier.features(tokens_NT)))

    def _slope(self, tokens_1T: Tensor, wanted_1: Tensor) -> Tensor:
        """The gradient of log p(wanted) by the vectors of the tokens of one text: (1, T, E)."""
        one_hot_1K = ops.one_hot(wanted_1, self.spec.classes)

        def log_p(e_1TE: Tensor) -> Tensor:
            logits = self.classifier.head(self.classifier.features_of(e_1TE, tokens_1T))
            return ops.sum(one_hot_1K * ops.log_softmax(logits), axis=-1)

        return gradient(log_p, self.classifier.embedded(tokens_1T))[1]


def build(config: Config, spec: DataSpec, parts: Mapping[str, GenerativeModel]) -> GenerativeModel:
    """Attacks on a classifier of texts."""
    return TextAttack(config, spec, parts["classifier"], name="text_attack")
