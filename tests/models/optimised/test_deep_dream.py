from collections.abc import Callable

import keras
import numpy as np
import pytest

from sparkgen.errors import RequestError
from sparkgen.models.contract import GenerativeModel
from sparkgen.models.optimised.deep_dream import levelled
from sparkgen.noise import row_noise

NAME = "optimised.deep_dream"


def dreamt(model: GenerativeModel, x: np.ndarray, sample: int = 0, **options: float) -> np.ndarray:
    noise = row_noise(model.noise, [sample], seed=3)
    return np.asarray(model.generate(noise, {"picture": keras.ops.convert_to_tensor(x)}, **options))


def picture(height: int, width: int) -> np.ndarray:
    """A picture with large and small forms: (1, height, width, 1) in [0, 1]."""
    y, x = np.mgrid[:height, :width] / 10.0
    return (0.5 + 0.3 * np.sin(y + np.sin(x)) * np.cos(3 * x))[None, ..., None].astype(np.float32)


def test_the_layers_answer_more_to_what_is_made_and_the_size_stays(build: Callable) -> None:
    model, x = build(NAME), picture(41, 55)
    made = dreamt(model, x, octaves=2, steps=4)
    figures = model.figures_of(made, {"picture": x})
    assert made.shape == x.shape
    assert 0 <= made.min() <= made.max() <= 1
    assert float(figures["activation_given"][0]) == pytest.approx(1.0, rel=1e-4)
    assert float(figures["activation_made"][0]) > 1.05


def test_tiles_make_nearly_the_same_picture_without_seams(build: Callable) -> None:
    model, x = build(NAME), picture(70, 150)
    whole, tiled = (dreamt(model, x, octaves=1, steps=3, jitter=3, tile=t) for t in (0, 64))
    changed = np.abs(whole - x).mean()
    assert changed > 0.01
    assert np.abs(tiled - whole).mean() < 0.1 * changed


def test_the_moves_of_a_sample_follow_its_noise_alone(build: Callable) -> None:
    model, x = build(NAME), picture(20, 20)
    first, again, other = (dreamt(model, x, n, octaves=1, steps=2, jitter=8) for n in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-3
    still = [dreamt(model, x, n, octaves=1, steps=2, jitter=0) for n in (0, 1)]
    np.testing.assert_array_equal(*still)


def test_layers_are_weighted_and_unknown_ones_refused(build: Callable) -> None:
    x = picture(20, 20)
    one, both = (build(NAME, layers=w) for w in ({"conv1": 1.0}, {"conv1": 1.0, "conv2": 3.0}))
    for model, weight in ((one, 1.0), (both, 4.0)):
        made = float(model.figures_of(x, {"picture": x})["activation_made"][0])
        assert made == pytest.approx(weight, rel=1e-4)
    with pytest.raises(RequestError, match=r"model\.options\.layers, found conv7: .*conv1"):
        build(NAME, layers={"conv7": 1.0})


def test_the_levels_of_a_gradient_come_out_equally_strong() -> None:
    """Large and fine forms differ fourteenfold in the gradient, and hardly in the step."""
    y, x = np.mgrid[:64, :64]
    large, fine = np.sin(y / 8.0), 0.05 * (-1.0) ** (x + y)
    step = np.asarray(levelled((large + fine)[None, ..., None].astype(np.float32)))[0, ..., 0]
    assert np.sqrt(np.mean(step**2)) == pytest.approx(1.0, rel=1e-3)
    of_large, of_fine = (np.mean(step * f) / np.sqrt(np.mean(f**2)) for f in (large, fine))
    assert 0.2 < of_fine / of_large < 2
