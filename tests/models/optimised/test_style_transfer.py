from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

from sparkgen.models.contract import GenerativeModel

NAME = "optimised.style_transfer"
STRIPES = {"style_layers": {"conv1": 1.0, "conv2": 1.0}, "content_layers": {"conv1": 1.0}}


def random(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random(shape).astype(np.float32)


def generated(model: GenerativeModel, options: dict[str, Any], **given: np.ndarray) -> np.ndarray:
    tensors = {name: keras.ops.convert_to_tensor(x) for name, x in given.items()}
    return np.asarray(model.generate(np.zeros((1, 0), np.float32), tensors, **options))


def test_steps_bring_the_style_nearer_and_the_size_stays(build: Callable) -> None:
    model = build(NAME, **STRIPES)
    given = {"picture": random(1, 37, 23, 1), "style": 0.2 * random(1, 30, 14, 1, seed=1)}
    options = {"octaves": 2, "steps": 15, "rate": 0.05}
    made = generated(model, options, **given)
    before, after = (model.figures_of(x, given) for x in (given["picture"], made))
    assert made.shape == given["picture"].shape
    assert float(after["style_loss"][0]) < 0.5 * float(before["style_loss"][0])
    assert float(before["content_loss"][0]) == pytest.approx(0, abs=1e-6)
    np.testing.assert_array_equal(made, generated(model, options, **given))


def test_a_heavier_content_keeps_more_of_the_picture(build: Callable) -> None:
    model = build(NAME, **STRIPES)
    given = {"picture": random(1, 16, 16, 1), "style": random(1, 12, 20, 1, seed=1) ** 4}
    light, heavy = (
        generated(model, {"octaves": 1, "steps": 10, "content_weight": w}, **given)
        for w in (0.0, 100.0)
    )
    away = [np.abs(x - given["picture"]).mean() for x in (light, heavy)]
    assert away[1] < 0.7 * away[0]


def test_two_styles_are_mixed_by_their_share(build: Callable) -> None:
    model, dark = build(NAME, **STRIPES), 0.3 * random(1, 16, 16, 1, seed=1)
    given = {"picture": random(1, 16, 16, 1), "style": dark, "style_2": 1.0 - dark}
    options = {"octaves": 1, "steps": 10, "rate": 0.05}
    first, second = (
        generated(model, {**options, "second_style": share}, **given) for share in (0.0, 1.0)
    )
    alone = generated(model, options, picture=given["picture"], style=dark)
    np.testing.assert_allclose(first, alone, atol=1e-4)
    assert second.mean() > first.mean() + 0.03


def test_a_large_picture_is_made_small_and_gets_its_own_detail(build: Callable) -> None:
    model, x = build(NAME, **STRIPES), random(1, 40, 60, 1)
    options = {"octaves": 1, "steps": 0, "size": 30}
    plain, detailed = (
        generated(model, {**options, "detail": d}, picture=x, style=x) for d in (0.0, 1.0)
    )
    assert plain.shape == x.shape
    np.testing.assert_allclose(detailed, x, atol=1e-5)
    assert np.abs(plain - x).mean() > 0.1


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (1, 9)])
def test_the_smallest_pictures_are_painted_too(build: Callable, size: tuple[int, int]) -> None:
    x = random(1, *size, 1)
    options = {"octaves": 1, "steps": 2}
    made = generated(build(NAME, **STRIPES), options, picture=x, style=random(1, 6, 7, 1, seed=1))
    assert made.shape == x.shape
    assert np.abs(made - x).max() > 1e-3
