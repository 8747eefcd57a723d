from collections.abc import Callable

import numpy as np
import pytest

from sparkgen.datasets.records import DataSpec, ImageRecord, PictureRecord
from sparkgen.errors import RequestError
from sparkgen.models.contract import GenerativeModel
from sparkgen.models.discovery import outline
from sparkgen.noise import row_noise

NAME = "optimised.filter_visualisation"


def shown(model: GenerativeModel, filters: list[int], **options: float) -> np.ndarray:
    noise = row_noise(model.noise, range(len(filters)), seed=3)
    return np.asarray(model.generate(noise, {"filter": np.array(filters, np.int32)}, **options))


def test_a_filter_answers_more_to_its_picture_than_to_noise_and_to_those_of_others(
    build: Callable,
) -> None:
    model, filters = build(NAME, layer="conv2"), [0, 1, 2, 3, 7]
    still = {"moves": 0.0, "turns": 0.0, "zoom": 0.0, "grain": 0.0}
    before, after = (shown(model, filters, steps=steps, **still) for steps in (0, 60))
    given = {"filter": np.array(filters)}
    rose = model.figures_of(after, given)["answer"] > model.figures_of(before, given)["answer"]
    assert np.asarray(rose).all()
    answers = np.asarray(model.answer(after))[:, filters]
    assert (answers.argmax(axis=0) == np.arange(5)).all()


def test_an_answer_is_the_mean_over_all_places(build: Callable) -> None:
    model = build(NAME, layer="conv1")
    x = np.random.default_rng(0).random((2, 8, 8, 1)).astype(np.float32)
    answers = np.asarray(model.network.activations(x, ["conv1"])["conv1"])
    found = np.asarray(model.figures_of(x, {"filter": np.array([4, 2])})["answer"])
    assert answers.ndim == 4
    assert found == pytest.approx([answers[0, ..., 4].mean(), answers[1, ..., 2].mean()], rel=1e-5)


def test_there_are_as_many_numbers_to_give_as_the_layer_has_filters(build: Callable) -> None:
    assert build(NAME, layer="conv1").given["filter"].choices == 10
    assert build(NAME, layer="conv2").given["filter"].choices == 20
    assert build(NAME, layer="logits").given["filter"].choices == 10


def test_a_layer_that_is_not_there_is_refused_with_the_nearest_one(build: Callable) -> None:
    with pytest.raises(RequestError, match=r"conv1, conv2, logits.*found convl.*conv1"):
        build(NAME, layer="convl")


def test_pictures_of_a_network_for_any_size_are_of_the_size_that_is_asked_for() -> None:
    spec = DataSpec(ImageRecord((8, 8, 1)), 10)
    network = outline(
        "pretrained.efficientnet_lite0", {}, DataSpec(PictureRecord((3,)), 1000)
    ).blueprint
    model = outline(NAME, {"size": 40}, spec, parts={"network": network})
    assert model.makes == ImageRecord((40, 40, 3))
    assert model.given["filter"].choices == 480  # of block8_expand, the middle layer
