"""What an autoregressive model must hold, whatever its network."""

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest

from sparkgen.models.autoregressive._sequential import AutoregressiveModel
from sparkgen.noise import row_noise

Check = Callable[..., None]


@pytest.fixture
def shaken(build: Callable) -> Callable[..., Any]:
    """`shaken(name, shape, **options)`: a model none of whose weights is zero or like another."""

    def make(name: str, shape: tuple[int, int, int], **options: Any) -> Any:
        model = build(name, shape, **options)
        random = np.random.default_rng(0)
        for variable in model.trainable_variables:
            scale = 0.2 if len(variable.shape) == 1 else 0.02
            variable.assign_add(scale * random.normal(size=variable.shape))
        return model

    return make


@pytest.fixture
def check_total_probability() -> Check:
    """The probabilities of all images of a tiny space sum to 1."""

    def check(model: Any) -> None:
        images = list(product(range(model.levels), repeat=model.spec.size))
        level = np.array(images, np.int32).reshape(-1, *model.spec.shape)
        log_p = np.asarray(model.log_probability(level), np.float64)
        assert log_p.std() > 0.01  # or any model that ignores its input would do
        assert abs(np.exp(log_p).sum() - 1) < 1e-5

    return check


@pytest.fixture
def check_order() -> Check:
    """The logits of a pixel depend on all earlier pixels and colours, and on no later one.

    `unseen` has pairs (pixel, earlier pixel) that do not hang together all the same.
    """

    def check(model: AutoregressiveModel, unseen: frozenset[tuple[int, int]] = frozenset()) -> None:
        import tensorflow as tf

        size, depth = model.spec.size, model.logits_per_pixel
        random = np.random.default_rng(1)
        # Many images of large values: a unit that one of them leaves dead lives in another.
        x = tf.constant(5.0 * random.normal(size=(16, *model.spec.shape)))
        picks = random.normal(size=depth)
        for t in range(size):
            with tf.GradientTape() as tape:
                tape.watch(x)
                logits = tf.reshape(model.logits(x), (-1, size, depth))
                score = tf.reduce_sum(logits[:, t] * picks)
            gradient = np.asarray(tape.gradient(score, x, unconnected_gradients="zero"))
            seen = set(np.flatnonzero((gradient.reshape(-1, size) != 0).any(axis=0)))
            assert seen == {s for s in range(t) if (t, s) not in unseen}, t

    return check


@pytest.fixture
def check_sampler() -> Check:
    """The fast sampler draws, bit for bit, what the plain one draws; rows do not disturb each other."""

    def check(model: AutoregressiveModel, rows: int = 16, seeds: int = 3) -> None:
        for seed in range(seeds):
            noise = row_noise(model.noise, range(rows), seed=seed)
            images = np.asarray(model.generate(noise))
            np.testing.assert_array_equal(images, np.asarray(model.generate_plainly(noise)))
            assert len(np.unique(images)) == model.levels
        np.testing.assert_array_equal(model.generate(noise[:3]), images[:3])

    return check


@pytest.fixture
def check_inpainting() -> Check:
    """Known pixels stay, missing ones are drawn by the noise and the pixels before them alone."""

    def check(model: AutoregressiveModel, rows: int = 64) -> None:
        for variable in model.trainable_variables:  # large: pixels depend on each other
            variable.assign(3.0 * variable)
        noise = row_noise(model.noise, range(rows), seed=0)
        random = np.random.default_rng(0)
        x, other = random.integers(0, model.levels, (2, *noise.shape)) / np.float32(
            model.levels - 1
        )
        plain = np.asarray(model.generate(noise))

        def inpainted(image: np.ndarray, known: np.ndarray) -> np.ndarray:
            given = {"image": image.astype(np.float32), "known": known.astype(np.float32)}
            return np.asarray(model.generate(noise, given))

        everything = np.ones(noise.shape, bool)
        np.testing.assert_array_equal(inpainted(x, everything), x)
        np.testing.assert_array_equal(inpainted(x, ~everything), plain)
        # The second half of the pixels is known here and there.
        late = np.arange(model.spec.size).reshape(model.spec.shape) >= model.spec.size // 2
        known = (random.random(noise.shape) < 0.5) & late
        made = inpainted(x, known)
        np.testing.assert_array_equal(made[known], x[known])
        np.testing.assert_array_equal(made[:, ~late], plain[:, ~late])
        unlike = inpainted(1 - x, known)
        assert (made != unlike)[~known].any()  # what is known is looked at
        np.testing.assert_array_equal(inpainted(np.where(known, x, other), known), made)
        given = {"image": x.astype(np.float32), "known": known.astype(np.float32)}
        np.testing.assert_array_equal(model.generate_plainly(noise, given), made)

    return check
