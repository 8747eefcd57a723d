"""Beam search, of a table small enough that all texts can be tried."""

from itertools import product

import numpy as np
import pytest
from scipy.special import log_softmax

from sparkgen.decoding.beam import BeamSearch
from sparkgen.decoding.choice import Choice
from sparkgen.decoding.loop import Decoder
from sparkgen.decoding.protocol import Stateful
from sparkgen.decoding.texts import Limits
from sparkgen.layers.transformer import Transformer

MOST, END = 4, 3


def scored(table: Stateful, prompt: list[int], text: tuple[int, ...], power: float) -> float:
    tokens, total = [0, *prompt], 0.0
    for token in text:
        total += log_softmax(table.logits[tokens[-2], tokens[-1]].astype(np.float64))[token]
        tokens.append(token)
    return total / len(text) ** power


def every_text(vocabulary: int) -> list[tuple[int, ...]]:
    """All texts that end with the end token, or with the limit."""
    texts = {
        (*text[: text.index(END)], END) if END in text else text
        for text in product(range(vocabulary), repeat=MOST)
    }
    return sorted(texts)


@pytest.fixture(scope="module")
def search(table: Stateful) -> BeamSearch:
    return BeamSearch(table, most=MOST, prompt=3)


@pytest.mark.parametrize("power", [0.0, 0.7, 1.0])
def test_as_many_beams_as_texts_find_the_best_of_all(
    table: Stateful, search: BeamSearch, power: float
) -> None:
    prompts = [[2], [1, 4], [0, 0, 1]]
    given = [np.array(prompt, np.int32) for prompt in prompts]
    made = search.search(given, Limits(MOST, END), beams=5**3, length_power=power)
    for prompt, row in zip(prompts, made.tolist(), strict=True):
        best = max(every_text(5), key=lambda text: scored(table, prompt, text, power))
        text = [token for token in best if token != END]
        assert row == text + [5] * (MOST - len(text))


def test_more_beams_find_no_worse_texts_and_some_find_better_ones(table: Stateful) -> None:
    search = BeamSearch(table, most=MOST, prompt=3)
    prompts = [[a, b] for a in range(5) for b in range(5)]
    given = [np.array(prompt, np.int32) for prompt in prompts]
    scores = []
    for beams in (1, 6):
        made = search.search(given, Limits(MOST), beams=beams)
        pairs = zip(prompts, made.tolist(), strict=True)
        scores.append([scored(table, prompt, tuple(row), 1.0) for prompt, row in pairs])
    assert np.mean(np.array(scores[1]) >= np.array(scores[0])) > 0.9
    assert np.mean(scores[1]) > np.mean(scores[0])


def test_one_beam_is_greedy(
    network: Transformer, decoder: Decoder, prompts: list[np.ndarray]
) -> None:
    search = BeamSearch(network, most=24, prompt=20)
    for penalty in (1.0, 1.5):
        limits = Limits(24, 6, [[2, 2]])
        choice = Choice(0.0, repetition_penalty=penalty)
        greedy = decoder.draw(prompts, np.zeros((8, 24)), choice, limits)
        found = search.search(prompts, limits, beams=1, repetition_penalty=penalty)
        np.testing.assert_array_equal(found, greedy)


def test_a_beam_that_has_ended_stays_as_it_is(table_of: type) -> None:
    # After 0 the text ends at once with 0.6; else tokens follow that grow less likely.
    p = np.full((5, 5, 5), 0.2, np.float32)
    p[:, 0] = [0.1, 0.1, 0.1, 0.6, 0.1]
    search = BeamSearch(table_of(np.log(p)), most=MOST, prompt=1)
    made = search.search([np.zeros(1, np.int32)], Limits(MOST, END), beams=3)
    np.testing.assert_array_equal(made, [[5] * MOST])


def test_settings_and_lengths_make_no_second_trace(table: Stateful) -> None:
    search = BeamSearch(table, most=MOST, prompt=3)
    for length in (1, 2, 3):
        search.search(
            [np.ones(length, np.int32)] * 2, Limits(length), beams=2, length_power=length / 2
        )
    assert search.compiled[2].experimental_get_tracing_count() == 1
