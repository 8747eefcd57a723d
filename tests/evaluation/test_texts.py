"""Figures of texts."""

import numpy as np
import pytest

from sparkgen.evaluation.text_figures import distinct, repetition
from sparkgen.evaluation.verbatim import SHORTEST, longest_runs


def slowly(text: bytes, query: bytes) -> int:
    """The longest run, by looking for every one."""
    found = max(
        (
            n
            for n in range(len(query) + 1)
            for i in range(len(query) - n + 1)
            if query[i : i + n] in text
        ),
        default=0,
    )
    return found if found >= SHORTEST else 0


def test_the_longest_run_is_the_one_that_a_slow_search_finds() -> None:
    random = np.random.default_rng(0)
    text = bytes(random.integers(97, 99, 400, dtype=np.uint8))
    queries = [bytes(random.integers(97, 99, n, dtype=np.uint8)) for n in (0, 5, 8, 30, 60)]
    queries += [text[100:167], b"zz" + text[3:40] + b"zz", text, b"c" * 50]
    assert longest_runs(text, queries).tolist() == [slowly(text, query) for query in queries]
    assert longest_runs(text, queries)[5:].tolist() == [67, 37, 400, 0]
    assert longest_runs(b"", queries).tolist() == [0] * len(queries)


def test_different_and_repeated_runs_of_words_are_shares() -> None:
    assert distinct(["a b a b"], 1) == 0.5
    assert distinct(["a b", "b a"], 2) == 1.0
    assert distinct(["a"], 2) == 0.0
    assert repetition(["a b c d e f"]) == 0.0
    assert repetition(["a b c d a b c d"]) == pytest.approx(1 / 5)
