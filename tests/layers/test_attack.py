"""Attacks: what they reach, where they stay, and that they compile."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import ops

from sparkgen.layers.attack import Bounds, attacked, levels_within, rounded, strongest
from sparkgen.layers.compiled import compiled
from sparkgen.layers.gradients import evenly, gradient, repeat

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.random((6, 4, 5, 1), np.float32)
WEIGHTS = RANDOM.normal(size=(4, 5, 1)).astype(np.float32)


def linear(x):
    return ops.sum(x * WEIGHTS, axis=(1, 2, 3))


def test_the_gradient_of_each_row_is_its_own() -> None:
    scores, slope = gradient(lambda x: ops.sum(x**3, axis=(1, 2, 3)), IMAGES)
    np.testing.assert_allclose(scores, (IMAGES**3).sum((1, 2, 3)), rtol=1e-5)
    np.testing.assert_allclose(slope, 3 * IMAGES**2, rtol=1e-5)


def test_the_gradient_of_a_row_is_multiplied_by_the_power_of_2_that_makes_it_near_1() -> None:
    slopes = np.float32([[1, -0.3], [3e-9, -1e-9], [7e-30, 0], [0, 0], [5, -2]])
    value, found = gradient(lambda x: ops.sum(evenly(x) * slopes, axis=-1), np.ones_like(slopes))
    np.testing.assert_array_equal(value, slopes.sum(axis=-1))
    factor = 2.0 ** np.array([0, 29, 97, 0, 0], np.float32)  # 3e-9 2^29 = 1.6, 7e-30 2^97 = 1.1
    np.testing.assert_array_equal(found, slopes * factor[:, None])


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


@given(
    st.floats(0, 0.4), st.integers(0, 5), st.sampled_from([8 / 255, 76 / 255, 0.3, 1 / 255, 0.0])
)
def test_images_of_8_bits_are_within_epsilon_and_as_near_as_that_allows(
    reach: float, seed: int, epsilon: float
) -> None:
    random = np.random.default_rng(seed)
    near = random.integers(0, 256, IMAGES.shape)
    x = np.clip(near / 255 + random.uniform(-reach, reach, IMAGES.shape), 0, 1)
    levels = levels_within(epsilon)
    found = np.asarray(rounded(x.astype(np.float32), (near / 255).astype(np.float32), levels))
    grey = found * np.float32(255)
    np.testing.assert_allclose(grey, np.rint(grey), atol=1e-4)
    grey = np.rint(grey).astype(int)
    assert np.abs(grey - near).max() <= levels
    assert levels / 255 <= epsilon + 1e-12
    inside = np.abs(x * 255 - near) < levels - 0.5
    assert (np.abs(grey - x * 255)[inside] <= 0.5 + 1e-3).all()


def test_the_levels_within_an_epsilon_are_whole() -> None:
    assert [levels_within(e) for e in (0.0, 8 / 255, 0.3, 0.0039, 1.0)] == [0, 8, 76, 0, 255]


def test_the_best_of_several_attacks_is_kept_for_each_image() -> None:
    """Towards the nearer end of the range of a pixel the way is down: only some starts go up."""
    x = np.full((2, 1, 1, 1), 100 / 255, np.float32)
    starts = np.array([[-0.5, -0.9, 0.5], [0.9, -0.5, -0.2]], np.float32).reshape(2, 3, 1, 1, 1)

    def away(at):
        return ops.abs(at[:, 0, 0, 0] - x[:, 0, 0, 0])

    def brighter(at):
        return at[:, 0, 0, 0]

    bounds = Bounds(0.2, 0.1, 5, levels_within(0.2))
    for restarts, expected in ((1, [100, 151]), (2, [100, 151]), (3, [151, 151])):
        found = strongest(away, brighter, x, starts, bounds, restarts)
        assert np.rint(np.asarray(found).ravel() * 255).astype(int).tolist() == expected


def test_an_image_that_no_attack_makes_worse_stays_as_it_is() -> None:
    """The attack makes pixels brighter, and the margin is greatest where they are of grey level 100."""
    x = np.array([100, 101], np.float32).reshape(2, 1, 1, 1) / 255
    starts = np.full((2, 1, 1, 1, 1), 0.8, np.float32)
    found = strongest(
        lambda at: at[:, 0, 0, 0],
        lambda at: -ops.abs(at[:, 0, 0, 0] - 100 / 255),
        x,
        starts,
        Bounds(0.2, 0.1, 3, levels_within(0.2)),
        1,
    )
    np.testing.assert_array_equal(found, x)
