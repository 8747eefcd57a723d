"""What was meant by a written text: the most probable path through the words that each could have been.

A noisy channel (Kernighan, Church and Gale, "A Spelling Correction Program Based on a Noisy Channel
Model", 1990) turns the meant text w into the written x; what was meant is

    argmax_w p(w) p(x | w).

Of the words the share r is written wrongly, and of the characters of such a word the share e, in four
ways alike: one is left out, it changes places with the next one, another stands for it, or another
stands beside it; of 26 other characters each is as likely. So errors come together, as they do in hasty
or misheard words: the second one in a word is likelier than the first. Spaces are characters: a word
may have been cut in two, or two written as one.

The best path is found by the algorithm of Viterbi (1967), of which the best states of each place are
kept.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sparkgen.models.language._spelling import Costs, Words
from sparkgen.models.language._words import LETTERS, Unit, WordModel

ALPHABET = 26
WITHIN = 3
"""At most so many edits make the written word of the meant one, as far as lengths and letters tell."""


class Meant(NamedTuple):
    """A word that may have been meant."""

    text: str
    word: int
    """Its number, that of the unknown word where it is none of the vocabulary."""
    prior: float
    """Its probability without the words before it."""
    log_channel: float
    """Log p(written | meant), in nats."""


class Arc(NamedTuple):
    """Words that may have been meant by some units in a row."""

    units: int
    words: tuple[Meant, ...]


class State(NamedTuple):
    """The best way to a place in a text whose last word is known."""

    score: float
    word: int
    arc: Arc | None
    before: "State | None"


class Channel:
    """Finds what was meant.

    Args:
        model: the probabilities of words.
        lexicon: further words, or words that are likelier here, with their shares.
        error_rate: r.
        edit_rate: e.
        lexicon_share: of all words, how many are of the lexicon.
        width: words that are considered for a written one, and states that are kept.
    """

    def __init__(
        self,
        model: WordModel,
        lexicon: Mapping[str, float],
        *,
        error_rate: float,
        edit_rate: float,
        lexicon_share: float,
        width: int,
    ) -> None:
        vocabulary = model.vocabulary
        self.model, self.width = model, width
        self.right, self.wrong = math.log1p(-error_rate), math.log(error_rate)
        place, letter = -math.log(edit_rate / 4), math.log(ALPHABET)
        self.costs = Costs(place + letter, place, place + letter, place)
        share = lexicon_share if lexicon else 0.0
        self.unseen = 1.0 - share
        words = model.prior * (1.0 - share)
        further = [word for word in lexicon if word not in vocabulary.number]
        for word in lexicon.keys() - set(further):
            words[vocabulary.number[word]] += share * lexicon[word]
        self.prior = np.concatenate([words, [share * lexicon[word] for word in further]])
        spelt = [w if LETTERS.fullmatch(w) else "" for w in vocabulary.words]
        self.forms = (*vocabulary.words, *further)
        self.number = {form: n for n, form in enumerate(self.forms)}
        self.spelling = Words((*spelt, *further))
        self.possible = (self.prior > 0) & (self.spelling.lengths > 0)
        with np.errstate(divide="ignore"):
            self.log_prior = np.log(self.prior)
        self.found: dict[str, tuple[Meant, ...]] = {}

    def corrected(self, text: str) -> tuple[str, int]:
        """A text as it was meant, and the number of its words that were written wrongly."""
        units = list(self.model.vocabulary.units(text))
        arcs = self._best(text, units)
        parts, end, changed, at = [], 0, 0, 0
        for arc in arcs:
            first, last = units[at], units[at + arc.units - 1]
            written = text[first.start : last.stop]
            meant = " ".join(one.text for one in arc.words)
            at += arc.units
            if meant != written.lower():
                parts += [text[end : first.start], _as_written(meant, written)]
                end, changed = last.stop, changed + 1
        return "".join([*parts, text[end:]]), changed

    def _best(self, text: str, units: Sequence[Unit]) -> list[Arc]:
        places: list[dict[int, State]] = [{} for _ in range(len(units) + 1)]
        places[0] = {
            self.model.vocabulary.start: State(0.0, self.model.vocabulary.start, None, None)
        }
        for at, place in enumerate(places[:-1]):
            states = sorted(place.values(), key=lambda s: (-s.score, s.word))[: self.width]
            if not states:
                continue
            for state in self._further(states, list(self._arcs(text, units, at))):
                arc = state.arc
                there = places[at + (arc.units if arc else 0)]
                if state.word not in there or state.score > there[state.word].score:
                    there[state.word] = state
        state = max(places[-1].values(), key=lambda s: (s.score, -s.word))
        arcs = []
        while state.arc is not None and state.before is not None:
            arcs.append(state.arc)
            state = state.before
        return arcs[::-1]

    def _further(self, states: Sequence[State], arcs: Sequence[Arc]) -> Iterator[State]:
        """For each arc the best state that it comes from, and goes on as."""
        first = [arc.words[0] for arc in arcs]
        log_p = self._log_p([state.word for state in states], first)
        total = np.array([state.score for state in states])[:, None] + log_p
        best = np.argmax(total, axis=0)
        for n, arc in enumerate(arcs):
            score = float(total[best[n], n]) + first[n].log_channel
            for one, next_one in zip(arc.words, arc.words[1:], strict=False):
                score += float(self._log_p([one.word], [next_one])[0, 0]) + next_one.log_channel
            yield State(score, arc.words[-1].word, arc, states[best[n]])

    def _log_p(self, before: Sequence[int], meant: Sequence[Meant]) -> npt.NDArray[np.float64]:
        word, prior = np.array([m.word for m in meant]), np.array([m.prior for m in meant])
        return self.model.log_p(np.array(before), word, prior)

    def _arcs(self, text: str, units: Sequence[Unit], at: int) -> Iterator[Arc]:
        unit = units[at]
        if not LETTERS.fullmatch(unit.written):
            yield Arc(1, (self._itself(unit),))
            return
        if unit.written not in self.found:
            self.found[unit.written] = tuple(self._meant(unit))
        for meant in self.found[unit.written]:
            yield Arc(1, (meant,))
        yield from self._cuts(unit.written)
        if at + 1 < len(units) and text[unit.stop : units[at + 1].start].isspace():
            whole = unit.written + units[at + 1].written
            if self._is_known(whole) and LETTERS.fullmatch(units[at + 1].written):
                yield Arc(2, (self._known(whole, self.wrong - self.costs.insertion),))

    def _cuts(self, written: str) -> Iterator[Arc]:
        """The pairs of known words between which the space may have been left out."""
        for cut in range(1, len(written)):
            one, other = written[:cut], written[cut:]
            if self._is_known(one) and self._is_known(other):
                cut_off = self.wrong - self.costs.deletion
                yield Arc(1, (self._known(one, cut_off), self._known(other, 0.0)))

    def _meant(self, unit: Unit) -> Iterator[Meant]:
        written = unit.written
        if not self._is_known(written):
            yield self._itself(unit)
        if len(written) < 2:
            if self._is_known(written):
                yield self._known(written, self.right)
            return
        cost = self.spelling.distances(written, self.costs, within=WITHIN)
        log_channel = np.where(cost > 0, self.wrong - cost, self.right)
        total = np.where(self.possible, log_channel + self.log_prior, -np.inf)
        few = np.argsort(-total, kind="stable")[: self.width]
        for n in few[np.isfinite(total[few])]:
            yield self._known(self.forms[n], float(log_channel[n]))

    def _is_known(self, form: str) -> bool:
        n = self.number.get(form)
        return n is not None and bool(self.possible[n])

    def _known(self, form: str, log_channel: float) -> Meant:
        n = self.number[form]
        word = min(
            n, self.model.vocabulary.unknown
        )  # what only the lexicon has comes behind all words
        return Meant(form, word, float(self.prior[n]), log_channel)

    def _itself(self, unit: Unit) -> Meant:
        """What is written, as a word that was not seen, or as the mark that it is."""
        word, prior = self.model.known_as(unit.word), self.model.prior_of(unit)
        return Meant(unit.written, word, self.unseen * prior, self.right)


def _as_written(meant: str, written: str) -> str:
    """A meant word in the case of the written one: all upper, the first letter, or as it is."""
    if len(written) > 1 and written.isupper():
        return meant.upper()
    return meant[0].upper() + meant[1:] if written[0].isupper() else meant
