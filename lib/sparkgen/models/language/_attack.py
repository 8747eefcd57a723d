"""What an attack on a classifier of texts is made of: a goal, constraints, a transformation, a search.

They are taken apart as Morris et al. do, "TextAttack: A Framework for Adversarial Attacks, Data
Augmentation, and Adversarial Training in NLP", 2020. The goal says how near a text is to what the
attack wants, the constraints how much of a text may change, the transformation which changes of a word
there are, and the search which of them are tried in what order.

A text is pieces: words, with the white space between them kept as it is.

Shape suffixes: N texts, K classes.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sparkgen.models.language._spelling import distance

Array = npt.NDArray[Any]
LETTERS = "abcdefghijklmnopqrstuvwxyz"
KINDS = ("swap", "substitute", "delete", "insert")
"""The edits of DeepWordBug, each of one character."""
NUMBERS = 2 * len(KINDS)
"""Random numbers of a word: for each kind where, and which letter."""
near = lru_cache(maxsize=1 << 16)(distance)


class Text:
    """The words of a text, with what stands between them."""

    def __init__(self, text: str) -> None:
        self.pieces = re.split(r"(\s+)", text)  # words are at even places
        self.words = [word for word in self.pieces[::2] if word]
        self._at = [n for n in range(0, len(self.pieces), 2) if self.pieces[n]]
        self.length = len(text)

    def written(self, words: Sequence[str | None]) -> str:
        """The text with other words; None: without the word, and the white space behind it."""
        pieces = list(self.pieces)
        for at, word in zip(self._at, words, strict=True):
            pieces[at] = word or ""
            if word is None and at + 1 < len(pieces):
                pieces[at + 1] = ""
        return "".join(pieces)


class Victim:
    """A classifier that counts what it is asked.

    Args:
        probabilities: of the classes of texts: float (N, K).
    """

    def __init__(self, probabilities: Callable[[Sequence[str]], Array]) -> None:
        self._probabilities = probabilities
        self.queries = 0

    def __call__(self, texts: Sequence[str]) -> Array:
        self.queries += len(texts)
        return self._probabilities(texts)


class Goal(NamedTuple):
    """The classifier shall say another class than that of the text, or a certain one."""

    label: int
    target: int | None = None

    def score(self, p_NK: Array) -> Array:
        """How near probabilities are to the goal: (N,), in [0, 1]."""
        return 1.0 - p_NK[:, self.label] if self.target is None else p_NK[:, self.target]

    def reached(self, probabilities: Array) -> bool:
        """Whether the likeliest class is what the goal wants."""
        said = int(np.argmax(probabilities))
        return said != self.label if self.target is None else said == self.target


@dataclass
class Constraints:
    """How much of a text may change."""

    text: Text
    characters: float
    """At most this share of its characters: the sum of the Levenshtein distances of its words."""
    words: float
    """At most this share of its words."""

    def allow(self, words: Sequence[str]) -> bool:
        """Whether words in place of the text's keep to the constraints."""
        return (
            self.changed_characters(words) <= self.characters
            and self.changed_words(words) <= self.words
        )

    def changed_characters(self, words: Sequence[str]) -> float:
        """The share of characters that are edited."""
        edits = sum(near(a, b) for a, b in zip(self.text.words, words, strict=True) if a != b)
        return edits / max(self.text.length, 1)

    def changed_words(self, words: Sequence[str]) -> float:
        """The share of words that are others."""
        changed = sum(a != b for a, b in zip(self.text.words, words, strict=True))
        return changed / max(len(words), 1)


class Found(NamedTuple):
    """How an attack ended."""

    words: list[str]
    probabilities: Array
    """What the classifier says of them."""


def importances(
    victim: Victim, goal: Goal, text: Text, start: Found, places: Sequence[int]
) -> Array:
    """How much nearer the goal comes when each of some words is left out: (places,)."""
    words = start.words
    without = [text.written([*words[:n], None, *words[n + 1 :]]) for n in places]
    return goal.score(victim(without)) - goal.score(start.probabilities[None])[0]


def greedy_by_importance(
    victim: Victim,
    goal: Goal,
    constraints: Constraints,
    edits: Mapping[int, Sequence[str]],
    start: Found,
) -> Found:
    """Takes one word after the other, the most important first, and of its edits the best, if any helps.

    Args:
        victim: the classifier.
        goal: of the attack.
        constraints: on what it may change.
        edits: of words, by their numbers.
        start: the text as it is.
    """
    text, best, places = constraints.text, start, list(edits)
    if not places:
        return start
    order = np.argsort(-importances(victim, goal, text, start, places), kind="stable")
    for n in (places[k] for k in order):
        others = [[*best.words[:n], word, *best.words[n + 1 :]] for word in edits[n]]
        best = _step(victim, goal, text, [w for w in others if constraints.allow(w)], best)
        if goal.reached(best.probabilities):
            break
    return best


def greedy_by_estimate(
    victim: Victim,
    goal: Goal,
    constraints: Constraints,
    estimates: Callable[[Sequence[str]], Iterator[tuple[int, str]]],
    start: Found,
    *,
    width: int,
) -> Found:
    """Changes one word at a time: of the changes of the best estimates that which is best.

    Args:
        victim: the classifier.
        goal: of the attack.
        constraints: on what it may change.
        estimates: the changes of words, of a number and a word each, the most promising first. It costs
            a query.
        start: the text as it is.
        width: changes that are tried at a time.
    """
    best, text = start, constraints.text
    while not goal.reached(best.probabilities):
        others: list[list[str]] = []
        victim.queries += 1
        for n, word in estimates(best.words):
            words = [*best.words[:n], word, *best.words[n + 1 :]]
            if constraints.allow(words):
                others.append(words)
            if len(others) == width:
                break
        further = _step(victim, goal, text, others, best)
        if further is best:
            break
        best = further
    return best


def _step(
    victim: Victim, goal: Goal, text: Text, others: Sequence[list[str]], best: Found
) -> Found:
    """The best of some texts, the first of equals, where it is better than the best one so far."""
    if not others:
        return best
    p_NK = victim([text.written(words) for words in others])
    score = goal.score(p_NK)
    n = int(np.argmax(score))
    better = score[n] > goal.score(best.probabilities[None])[0]
    return Found(others[n], p_NK[n]) if better else best


def character_edits(word: str, noise: Array) -> list[str]:
    """A word with each kind of edit of one character: Gao et al., "Black-box Generation of Adversarial
    Text Sequences to Evade Deep Learning Classifiers", 2018.

    Args:
        word: of two characters or more, else there are no edits.
        noise: uniform in [0, 1): where each edit is, and which letter it takes.
    """
    if len(word) < 2:
        return []
    made = []
    for kind, (where, which) in zip(KINDS, noise.reshape(-1, 2), strict=True):
        at, letter = int(where * len(word)), LETTERS[int(which * len(LETTERS))]
        pair = min(at, len(word) - 2)
        made.append(
            {
                "swap": word[:pair] + word[pair + 1] + word[pair] + word[pair + 2 :],
                "substitute": word[:at] + letter + word[at + 1 :],
                "delete": word[:at] + word[at + 1 :],
                "insert": word[:at] + letter + word[at:],
            }[kind]
        )
    return [other for other in dict.fromkeys(made) if other != word]
