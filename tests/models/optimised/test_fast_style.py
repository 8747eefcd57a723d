from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from sparkgen.models.contract import GenerativeModel
from sparkgen.models.portable import pack
from sparkgen.models.saving import load_model, save_model
from sparkgen.training.transfer import take

NAME = "optimised.fast_style"


def random(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random(shape).astype(np.float32)


def generated(model: GenerativeModel, options: dict[str, Any], **given: np.ndarray) -> np.ndarray:
    tensors = {name: keras.ops.convert_to_tensor(x) for name, x in given.items()}
    return np.asarray(model.generate(np.zeros((1, 0), np.float32), tensors, **options))


def test_a_network_paints_pictures_of_any_size_whole_or_by_tiles(build: Callable) -> None:
    model, x = build(NAME, channels=4, blocks=1), random(1, 13, 41, 1)
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
    model = build(NAME, channels=8, blocks=1, content_weight=0.0, crop=8, style_size=16)
    model.prepare({"style": (random(1, 16, 16, 1) > 0.5).astype(np.float32)})
    batch = batch_of(model, rows=32, first=64)
    before = np.mean(model.loss_terms(batch, training=False)["style_loss"])
    train(model, [batch_of(model, rows=16, first=16 * (n % 4)) for n in range(40)], 0.01)
    assert np.mean(model.loss_terms(batch, training=False)["style_loss"]) < 0.8 * before


def test_a_saved_model_knows_the_style_without_its_picture(
    build: Callable, tmp_path: Path, batch_of: Callable
) -> None:
    options = {"channels": 4, "blocks": 0, "style": "gone.png"}
    model = build(NAME, **options)
    model.prepare({"style": random(1, 20, 30, 1)})
    save_model(tmp_path, model, name=NAME, options=options)
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
    model, digests = build(NAME, channels=4, blocks=0), []
    for path, value in (("here/wave.png", 0.5), ("there/wave.png", 0.5), ("here/wave.png", 0.25)):
        options = {"channels": 4, "blocks": 0, "style": path}
        model.prepare({"style": np.full((1, 9, 9, 1), value, np.float32)})
        save_model(tmp_path, model, name=NAME, options=options)
        assert pack(tmp_path).description["options"] == options
        digests.append(pack(tmp_path).digest)
    assert digests[0] == digests[1] != digests[2]


def test_a_style_is_not_learnt_nor_taken_from_a_model_to_start_from(
    build: Callable, parameters: Callable
) -> None:
    source, model = (build(NAME, channels=4, blocks=0) for _ in range(2))
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


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (1, 9)])
def test_the_smallest_pictures_are_painted_too(build: Callable, size: tuple[int, int]) -> None:
    model, x = build(NAME, channels=4, blocks=1), random(1, *size, 1)
    made = generated(model, {}, picture=x)
    assert made.shape == x.shape
    assert all(np.isfinite(x).all() for x in model.figures_of(made, {"picture": x}).values())
