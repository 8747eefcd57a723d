"""Style transfer, by steps and by a network."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from sparkgen.layers.picture_quality import luma
from sparkgen.models.contract import GenerativeModel
from sparkgen.models.optimised._style import (
    content_loss,
    in_colours_of,
    roughness,
    statistics,
    style_loss,
)
from sparkgen.models.portable import pack
from sparkgen.models.saving import load_model, save_model
from sparkgen.training.transfer import take

TRANSFER, FAST = "optimised.style_transfer", "optimised.fast_style"
STRIPES = {"style_layers": {"conv1": 1.0, "conv2": 1.0}, "content_layers": {"conv1": 1.0}}


def random(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random(shape).astype(np.float32)


def generated(model: GenerativeModel, options: dict[str, Any], **given: np.ndarray) -> np.ndarray:
    tensors = {name: keras.ops.convert_to_tensor(x) for name, x in given.items()}
    return np.asarray(model.generate(np.zeros((1, 0), np.float32), tensors, **options))


# -- the losses ----------------------------------------------------------------------------------


def test_the_losses_are_0_for_what_is_wanted_and_relative_to_it() -> None:
    answers = random(2, 5, 6, 3)
    found = np.asarray(statistics(answers))
    np.testing.assert_allclose(found[1, :3], np.cov(answers[1].reshape(30, 3).T, ddof=0), atol=1e-6)
    np.testing.assert_allclose(found[1, 3], answers[1].mean(axis=(0, 1)), rtol=1e-5)
    assert np.asarray(style_loss(found, found)).tolist() == [0, 0]
    np.testing.assert_allclose(style_loss(0 * found, found), 1.0, rtol=1e-5)
    np.testing.assert_allclose(style_loss(10 * found, 5 * found), 1.0, rtol=1e-5)
    assert np.asarray(content_loss(answers, answers)).tolist() == [0, 0]
    means = np.broadcast_to(answers.mean(axis=(1, 2, 3), keepdims=True), answers.shape)
    np.testing.assert_allclose(content_loss(means, answers), 1.0, rtol=1e-4)


def test_how_a_picture_looks_does_not_depend_on_where_things_are() -> None:
    answers = random(1, 4, 6, 3)
    elsewhere = answers[:, ::-1].transpose(0, 2, 1, 3)
    np.testing.assert_allclose(statistics(elsewhere), statistics(answers), atol=1e-6)


def test_colours_are_kept_and_brightness_is_taken() -> None:
    made, picture = 0.3 + 0.2 * random(1, 4, 5, 3), 0.4 + 0.2 * random(1, 4, 5, 3, seed=1)
    found = np.asarray(in_colours_of(made, picture))
    np.testing.assert_allclose(luma(found), luma(made), atol=1e-5)
    np.testing.assert_allclose(
        found[..., 0] - found[..., 2], picture[..., 0] - picture[..., 2], atol=1e-5
    )
    np.testing.assert_allclose(
        in_colours_of(made[..., :1], picture[..., :1]), made[..., :1], atol=1e-6
    )


# -- by steps ------------------------------------------------------------------------------------


def test_steps_bring_the_style_nearer_and_the_size_stays(build: Callable) -> None:
    model = build(TRANSFER, **STRIPES)
    given = {"picture": random(1, 37, 23, 1), "style": 0.2 * random(1, 30, 14, 1, seed=1)}
    options = {"octaves": 2, "steps": 15, "rate": 0.05}
    made = generated(model, options, **given)
    before, after = (model.figures_of(x, given) for x in (given["picture"], made))
    assert made.shape == given["picture"].shape
    assert float(after["style_loss"][0]) < 0.5 * float(before["style_loss"][0])
    assert float(before["content_loss"][0]) == pytest.approx(0, abs=1e-6)
    np.testing.assert_array_equal(made, generated(model, options, **given))


def test_a_heavier_content_keeps_more_of_the_picture(build: Callable) -> None:
    model = build(TRANSFER, **STRIPES)
    given = {"picture": random(1, 16, 16, 1), "style": random(1, 12, 20, 1, seed=1) ** 4}
    light, heavy = (
        generated(model, {"octaves": 1, "steps": 10, "content_weight": w}, **given)
        for w in (0.0, 100.0)
    )
    away = [np.abs(x - given["picture"]).mean() for x in (light, heavy)]
    assert away[1] < 0.7 * away[0]


def test_two_styles_are_mixed_by_their_share(build: Callable) -> None:
    model, dark = build(TRANSFER, **STRIPES), 0.3 * random(1, 16, 16, 1, seed=1)
    given = {"picture": random(1, 16, 16, 1), "style": dark, "style_2": 1.0 - dark}
    options = {"octaves": 1, "steps": 10, "rate": 0.05}
    first, second = (
        generated(model, {**options, "second_style": share}, **given) for share in (0.0, 1.0)
    )
    alone = generated(model, options, picture=given["picture"], style=dark)
    np.testing.assert_allclose(first, alone, atol=1e-4)
    assert second.mean() > first.mean() + 0.03


def test_a_large_picture_is_made_small_and_gets_its_own_detail(build: Callable) -> None:
    model, x = build(TRANSFER, **STRIPES), random(1, 40, 60, 1)
    options = {"octaves": 1, "steps": 0, "size": 30}
    plain, detailed = (
        generated(model, {**options, "detail": d}, picture=x, style=x) for d in (0.0, 1.0)
    )
    assert plain.shape == x.shape
    np.testing.assert_allclose(detailed, x, atol=1e-5)
    assert np.abs(plain - x).mean() > 0.1


def test_the_smallest_pictures_are_painted_too(build: Callable) -> None:
    transfer, fast = build(TRANSFER, **STRIPES), build(FAST, channels=4, blocks=1)
    style, steps = random(1, 6, 7, 1, seed=1), {"octaves": 1, "steps": 2}
    for size in ((1, 1), (3, 5), (1, 9)):
        x = random(1, *size, 1)
        slow = generated(transfer, steps, picture=x, style=style)
        assert slow.shape == x.shape
        assert np.abs(slow - x).max() > 1e-3
        made = generated(fast, {}, picture=x)
        assert made.shape == x.shape
        assert all(np.isfinite(x).all() for x in fast.figures_of(made, {"picture": x}).values())


def test_single_pixels_are_not_rough() -> None:
    assert np.asarray(roughness(random(2, 1, 1, 3))).tolist() == [0, 0]
    row = np.array([0, 0.5, 0.25], np.float32).reshape(1, 1, 3, 1)
    assert np.asarray(roughness(row)).tolist() == [0.375]


# -- by a network --------------------------------------------------------------------------------


def test_a_network_paints_pictures_of_any_size_whole_or_by_tiles(build: Callable) -> None:
    model, x = build(FAST, channels=4, blocks=1), random(1, 13, 41, 1)
    whole, tiled, grey = (
        generated(model, o, picture=x) for o in ({}, {"tile": 24}, {"keep_colours": True})
    )
    assert whole.shape == tiled.shape == x.shape
    np.testing.assert_allclose(grey, whole, atol=1e-6)  # there are no colours to keep
    assert 0 < np.abs(whole - tiled).mean() < 0.1
    np.testing.assert_array_equal(whole, generated(model, {"tile": 41}, picture=x))


def test_training_brings_the_style_of_all_pictures_nearer(
    build: Callable, train: Callable, batch_of: Callable
) -> None:
    model = build(FAST, channels=8, blocks=1, content_weight=0.0, crop=8, style_size=16)
    model.prepare({"style": (random(1, 16, 16, 1) > 0.5).astype(np.float32)})
    batch = batch_of(model, rows=32, first=64)
    before = np.mean(model.loss_terms(batch, training=False)["style_loss"])
    train(model, [batch_of(model, rows=16, first=16 * (n % 4)) for n in range(40)], 0.01)
    assert np.mean(model.loss_terms(batch, training=False)["style_loss"]) < 0.8 * before


def test_a_saved_model_knows_the_style_without_its_picture(
    build: Callable, tmp_path: Path, batch_of: Callable
) -> None:
    options = {"channels": 4, "blocks": 0, "style": "gone.png"}
    model = build(FAST, **options)
    model.prepare({"style": random(1, 20, 30, 1)})
    save_model(tmp_path, model, name=FAST, options=options)
    loaded, batch = load_model(tmp_path), batch_of(model)
    assert loaded.reads == {"style": "gone.png"}
    for name, matrix in model.looks.values().items():
        np.testing.assert_array_equal(matrix, loaded.looks.values()[name])
    np.testing.assert_allclose(
        loaded.loss_terms(batch, training=False)["style"],
        model.loss_terms(batch, training=False)["style"],
        rtol=1e-5,
    )


def test_a_model_is_the_same_wherever_its_style_lay(build: Callable, tmp_path: Path) -> None:
    model, digests = build(FAST, channels=4, blocks=0), []
    for path, value in (("here/wave.png", 0.5), ("there/wave.png", 0.5), ("here/wave.png", 0.25)):
        options = {"channels": 4, "blocks": 0, "style": path}
        model.prepare({"style": np.full((1, 9, 9, 1), value, np.float32)})
        save_model(tmp_path, model, name=FAST, options=options)
        assert pack(tmp_path).description["options"] == options
        digests.append(pack(tmp_path).digest)
    assert digests[0] == digests[1] != digests[2]


def test_a_style_is_not_learnt_nor_taken_from_a_model_to_start_from(
    build: Callable, parameters: Callable
) -> None:
    source, model = (build(FAST, channels=4, blocks=0) for _ in range(2))
    source.prepare({"style": random(1, 16, 16, 1)})
    model.prepare({"style": random(1, 16, 16, 1) ** 4})
    for weight in source.painter.weights:
        weight.assign(keras.ops.full_like(weight, 0.25))
    assert model.looks.count_params() > 0
    assert model.count_learnt() == parameters(model) == model.painter.count_params()
    own = {name: np.asarray(x) for name, x in model.looks.values().items()}
    transfer = take(model, source)
    assert len(transfer.taken) == len(model.painter.weights)
    assert (transfer.own, transfer.unused) == ((), ())
    assert all(np.all(np.asarray(weight) == 0.25) for weight in model.painter.weights)
    for name, looks in model.looks.values().items():
        np.testing.assert_array_equal(looks, own[name])
        assert np.abs(np.asarray(source.looks.values()[name]) - own[name]).max() > 1e-3
