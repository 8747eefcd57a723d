import importlib.util
import math

import keras
import numpy as np
import pytest

from sparkgen.datasets.records import ImageRecord, PictureRecord, TokenRecord
from sparkgen.errors import RequestError
from sparkgen.layers.gradients import gradient
from sparkgen.models.contract import GenerativeModel
from sparkgen.models.discovery import look_up, outline
from sparkgen.models.pretrained._base import IMAGENET
from sparkgen.models.pretrained.efficientnet_lite0 import PACKAGE, shapes
from sparkgen.models.saving import load_packed
from sparkgen.pipeline.networks import pretrained_network

NAME = "pretrained.efficientnet_lite0"
HIGH, WIDE = 75, 101
# Every 100th logit of picture(75, 101), by efficientnet_lite_pytorch 0.1.0 on torch 2.14.1.
REFERENCE = [-0.85256, 0.30955, -2.15347, 2.2518, -2.13504, -2.28088, 0.16281, 2.28618, 13.30286]
REFERENCE.append(-3.69081)


def picture(height: int, width: int) -> np.ndarray:
    """A colour picture of waves, float32 (1, H, W, 3) in [0, 1]."""
    y, x, c = np.ogrid[:height, :width, :3]
    waves = np.sin(0.11 * y * (c + 1) + 0.07 * x + c) * np.cos(0.05 * x - 0.13 * y)
    return (0.5 + 0.5 * waves).astype(np.float32)[None]


@pytest.fixture(scope="module")
def network() -> GenerativeModel:
    """The network with its weights."""
    if importlib.util.find_spec(PACKAGE.module) is None:
        pytest.skip(f"{PACKAGE.distribution} is not installed")
    found = pretrained_network("package:efficientnet-lite0", key="any")
    assert found is not None
    return load_packed(found.packed)


def test_it_has_4694024_numbers() -> None:
    sizes = {name: math.prod(shape) for name, shape in shapes().items()}
    assert sum(sizes.values()) == outline(NAME, {}, IMAGENET).count_params() == 4_694_024
    ends = [name.rpartition(".")[2] for name in sizes]
    assert [ends.count(word) for word in ("kernel", "gamma", "mean", "bias")] == [50, 49, 49, 1]


def test_its_layers_are_named_by_their_blocks() -> None:
    names = outline(NAME, {}, IMAGENET).activation_names
    assert names[:5] == ("stem", "block1_depthwise", "block1", "block2_expand", "block2_depthwise")
    assert names[-4:] == ("block16_depthwise", "block16", "head", "logits")
    assert len(names) == 1 + 2 + 15 * 3 + 2


def test_an_outline_says_how_large_the_answers_are() -> None:
    model = outline(NAME, {}, IMAGENET)
    found = model.activations(keras.KerasTensor((1, 64, 96, 3)), ["block3_expand", "logits"])
    assert [tuple(one.shape) for one in found.values()] == [(1, 16, 24, 144), (1, 1000)]


def test_it_sees_pictures_of_any_size() -> None:
    sees = outline(NAME, {}, IMAGENET).sees
    assert all(map(sees, (PictureRecord((1,)), ImageRecord((8, 8, 1)), ImageRecord((99, 7, 3)))))
    assert not sees(TokenRecord((8,), 256))


def test_its_logits_are_those_of_the_reference(network: GenerativeModel) -> None:
    x = picture(HIGH, WIDE)
    logits = np.asarray(network.head(network.features(x)))[0]
    np.testing.assert_allclose(logits[::100], REFERENCE, atol=1e-4)
    assert np.linalg.norm(logits) == pytest.approx(85.44846, rel=1e-5)
    np.testing.assert_allclose(network.activations(x, ["logits"])["logits"][0], logits, rtol=1e-5)


def test_its_layers_answer_to_pictures_of_any_size(network: GenerativeModel) -> None:
    found = network.activations(picture(33, 50), ["block16", "stem", "block3_expand", "head"])
    assert list(found) == ["block16", "stem", "block3_expand", "head"]
    assert [tuple(one.shape) for one in found.values()] == [
        (1, 2, 2, 320),
        (1, 17, 25, 32),
        (1, 9, 13, 144),
        (1, 2, 2, 1280),
    ]
    after = {name: np.asarray(one) for name, one in found.items()}
    for name in ("stem", "block3_expand", "head"):
        assert after[name].min() == 0
        assert after[name].max() <= 6
    assert after["block16"].min() < 0


def test_a_grey_picture_is_seen_as_one_in_colour(network: GenerativeModel) -> None:
    grey = picture(20, 30)[..., :1]
    in_colour = np.repeat(grey, 3, axis=-1)
    np.testing.assert_array_equal(network.features(grey), network.features(in_colour))


def test_a_gradient_reaches_every_pixel(network: GenerativeModel) -> None:
    def score(x):
        return keras.ops.mean(network.activations(x, ["block5_expand"])["block5_expand"], (1, 2, 3))

    slope = np.asarray(gradient(score, picture(40, 40))[1])
    assert slope.shape == (1, 40, 40, 3)
    assert np.isfinite(slope).all()
    assert (np.abs(slope).sum(-1) > 0).mean() > 0.99


def test_it_is_no_model_of_an_experiment() -> None:
    with pytest.raises(RequestError, match=f"found {NAME}, which only stands as a part"):
        look_up(NAME)
