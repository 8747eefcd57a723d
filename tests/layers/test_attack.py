"""Attacks: what they reach, where they stay, and that they compile."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import ops

from sparkgen.layers.attack import attacked
from sparkgen.layers.compiled import compiled
from sparkgen.layers.gradients import gradient, repeat

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.random((6, 4, 5, 1), np.float32)
WEIGHTS = RANDOM.normal(size=(4, 5, 1)).astype(np.float32)


def linear(x):
    return ops.sum(x * WEIGHTS, axis=(1, 2, 3))


def test_the_gradient_of_each_row_is_its_own() -> None:
    scores, slope = gradient(lambda x: ops.sum(x**3, axis=(1, 2, 3)), IMAGES)
    np.testing.assert_allclose(scores, (IMAGES**3).sum((1, 2, 3)), rtol=1e-5)
    np.testing.assert_allclose(slope, 3 * IMAGES**2, rtol=1e-5)


@pytest.mark.parametrize("times", [0, 1, 5])
def test_a_loop_gives_each_step_its_number(times: int) -> None:
    total = compiled(lambda x: repeat(lambda k, x: x + ops.cast(k, "float32"), x, times), xla=False)
    assert float(total(np.float32(0.5))) == 0.5 + sum(range(times))


@given(st.floats(0.01, 0.5), st.integers(1, 6), st.floats(0.01, 0.3), st.integers(0, 5))
def test_an_attack_stays_near_the_image_and_in_range(
    epsilon: float, steps: int, step_size: float, seed: int
) -> None:
    start = np.random.default_rng(seed).uniform(-1, 1, IMAGES.shape).astype(np.float32)
    found = np.asarray(
        attacked(linear, IMAGES, start, epsilon=epsilon, step_size=step_size, steps=steps)
    )
    assert np.abs(found - IMAGES).max() <= epsilon + 1e-6
    assert found.min() >= 0
    assert found.max() <= 1


def test_against_a_linear_score_one_step_of_full_size_is_the_worst_there_is() -> None:
    """The fast gradient sign method reaches the corner of the cube, and more steps find no better."""
    still = np.zeros_like(IMAGES)
    corner = np.clip(IMAGES + 0.2 * np.sign(WEIGHTS), 0, 1)
    once = attacked(linear, IMAGES, still, epsilon=0.2, step_size=0.2, steps=1)
    np.testing.assert_allclose(once, corner, atol=1e-6)
    more = attacked(linear, IMAGES, still, epsilon=0.2, step_size=0.05, steps=20)
    np.testing.assert_allclose(more, corner, atol=1e-6)
