"""The choice of the next token."""

import numpy as np
import pytest
from keras import ops
from scipy.stats import chisquare

from sparkgen.decoding.choice import NEVER, Choice, candidates, choose, draw, penalised

DRAWS = 10_000


def probabilities(logits: np.ndarray, choice: Choice) -> np.ndarray:
    """What tokens are drawn with, by sorting, in float64."""
    x = logits.astype(np.float64) / choice.temperature
    if choice.top_k:
        x[x < np.sort(x)[-choice.top_k]] = -np.inf
    p = np.exp(x - x.max())
    p /= p.sum()
    order = np.argsort(-p)
    needed = int(np.searchsorted(np.cumsum(p[order]), choice.top_p)) + 1
    p[order[needed:]] = 0 if choice.top_p < 1 else p[order[needed:]]
    return p / p.sum()


def drawn(logits: np.ndarray, uniform: np.ndarray, choice: Choice) -> np.ndarray:
    rows = np.tile(logits, (len(uniform), 1))
    seen = np.zeros(rows.shape, bool)
    return np.asarray(
        choose(
            ops.convert_to_tensor(rows),
            ops.convert_to_tensor(uniform),
            choice.tensors(),
            ops.convert_to_tensor(seen),
        )
    )


@pytest.mark.parametrize("size", [20, 700], ids=["one-run", "three-runs"])
@pytest.mark.parametrize(
    "choice",
    [
        Choice(),
        Choice(temperature=0.5),
        Choice(top_k=7),
        Choice(top_p=0.8),
        Choice(1.5, 15, 0.9),
    ],
    ids=["plain", "cold", "top-k", "top-p", "all"],
)
def test_ten_thousand_draws_fit_the_probabilities_of_the_model(size: int, choice: Choice) -> None:
    random = np.random.default_rng(size)
    logits = (2 * random.normal(size=size)).astype(np.float32)
    expected = probabilities(logits, choice)
    tokens = drawn(logits, random.random(DRAWS, np.float32), choice)
    counts = np.bincount(tokens, minlength=size)
    assert counts[expected == 0].sum() == 0
    common = expected * DRAWS >= 5  # the test's own condition; the rest is one class
    found = np.append(counts[common], counts[~common].sum())
    wanted = np.append(expected[common], expected[~common].sum()) * DRAWS
    some = wanted > 0
    assert common.sum() >= 4
    assert chisquare(found[some], wanted[some]).pvalue > 1e-3


def test_the_uniform_number_is_looked_up_in_the_cumulated_probabilities() -> None:
    random = np.random.default_rng(0)
    logits = random.normal(size=1000).astype(np.float32)
    upto = np.cumsum(probabilities(logits, Choice()))
    uniform = random.random(2000, np.float32)
    uniform = uniform[np.abs(uniform[:, None] - upto).min(axis=1) > 1e-6]
    expected = np.searchsorted(upto, uniform, side="right")
    np.testing.assert_array_equal(drawn(logits, uniform, Choice()), expected)


@pytest.mark.parametrize("uniform", [0.0, 1 - 2.0**-24])
def test_a_token_that_is_left_out_is_not_drawn_at_the_ends_of_the_noise(uniform: float) -> None:
    logits = np.full((1, 600), NEVER, np.float32)
    logits[0, [3, 400]] = 0.0
    made = draw(
        ops.convert_to_tensor(logits.reshape(1, 3, 200)),
        ops.convert_to_tensor(np.array([uniform], np.float32)),
    )
    assert int(made[0]) == (3 if uniform == 0 else 400)


@pytest.mark.parametrize("k", [1, 2, 50, 699])
def test_top_k_keeps_as_many_tokens_and_those_equal_to_the_last(k: int) -> None:
    random = np.random.default_rng(k)
    logits = random.normal(size=(4, 700)).astype(np.float32)
    kept = np.asarray(candidates(ops.convert_to_tensor(logits), Choice(top_k=k).tensors())) > NEVER
    np.testing.assert_array_equal(kept.sum(axis=(1, 2)), k)
    logits = np.round(logits)
    kept = np.asarray(candidates(ops.convert_to_tensor(logits), Choice(top_k=k).tensors())) > NEVER
    least = np.sort(logits, axis=1)[:, -k]
    np.testing.assert_array_equal(kept.sum(axis=(1, 2)), (logits >= least[:, None]).sum(axis=1))


def test_a_top_k_of_none_or_of_all_leaves_nothing_out() -> None:
    logits = ops.convert_to_tensor(np.random.default_rng(0).normal(size=(2, 30)).astype(np.float32))
    for k in (0, 30, 1000):
        assert np.asarray(candidates(logits, Choice(top_k=k).tensors()) > NEVER).all()


def test_without_a_temperature_the_most_likely_token_is_taken() -> None:
    logits = np.array([0.1, 0.3, 0.2], np.float32)
    assert set(drawn(logits, np.linspace(0, 0.99, 50).astype(np.float32), Choice(0.0))) == {1}


def test_a_top_p_of_nothing_leaves_the_most_likely_token() -> None:
    logits = np.array([0.1, 0.3, 0.2], np.float32)
    choice = Choice(top_p=0.0)
    assert set(drawn(logits, np.linspace(0, 0.99, 50).astype(np.float32), choice)) == {1}


def test_seen_tokens_are_less_likely_whatever_the_sign_of_their_logits() -> None:
    logits = ops.convert_to_tensor(np.array([[2.0, -2.0, 1.0]], np.float32))
    seen = ops.convert_to_tensor(np.array([[True, True, False]]))
    np.testing.assert_allclose(penalised(logits, seen, 2.0), [[1.0, -4.0, 1.0]])
