import numpy as np
import pytest

from sparkgen.layers.levels import draw_level, level_log_probability, nearest_level
from sparkgen.layers.masked import MaskedConv, MaskedDense, causal_mask, colour_groups


def test_features_belong_to_red_green_and_blue_in_equal_runs() -> None:
    assert colour_groups(6, 3).tolist() == [0, 0, 1, 1, 2, 2]
    assert colour_groups(6, 3, repeats=2).tolist() == [0, 1, 2, 0, 1, 2]
    assert colour_groups(4, 1).tolist() == [0, 0, 0, 0]


def test_mask_a_hides_the_pixel_and_mask_b_shows_it() -> None:
    for kind, own in (("A", 0), ("B", 1), ("open", 1)):
        mask = causal_mask(rows=2, left=1, right=1, kind=kind, seen=[0], seeing=[0])[..., 0, 0]
        assert mask[0].tolist() == [1, 1, 1]
        assert mask[1].tolist() == [1, own, 1 if kind == "open" else 0]


def test_at_the_pixel_green_sees_red_and_blue_sees_both() -> None:
    colours = [0, 1, 2]
    a = causal_mask(rows=1, left=0, right=0, kind="A", seen=colours, seeing=colours)[0, 0]
    b = causal_mask(rows=1, left=0, right=0, kind="B", seen=colours, seeing=colours)[0, 0]
    assert a.tolist() == [[0, 1, 1], [0, 0, 1], [0, 0, 0]]
    assert b.tolist() == [[1, 1, 1], [0, 1, 1], [0, 0, 1]]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_window_gives_what_the_whole_image_gives(dtype: str) -> None:
    layer = MaskedConv(4, above=1, left=2, right=1, kind="A")
    x = np.random.default_rng(0).random((2, 5, 6, 3)).astype(dtype)
    whole = np.asarray(layer(x))
    assert whole.dtype == dtype
    window = x[:, 1:3, 1:5]
    np.testing.assert_allclose(np.asarray(layer.at(window))[:, 0, 0], whole[:, 2, 3], rtol=1e-5)
    row = np.pad(x[:, 1:3], ((0, 0), (0, 0), (2, 1), (0, 0)))
    np.testing.assert_allclose(np.asarray(layer.at(row))[:, 0], whole[:, 2], rtol=1e-5)


def test_columns_of_a_dense_layer_are_those_of_the_whole() -> None:
    layer = MaskedDense([1, 2, 3], [1, 1, 2, 2, 3], strict=True)
    x = np.random.default_rng(0).random((2, 3))
    whole = np.asarray(layer(x))
    np.testing.assert_array_equal(layer.columns(x, 1, 3), whole[:, 1:4])
    assert (whole[:, :2] == 0).all()  # the first pixel sees nothing, not even itself


def test_levels_are_drawn_as_often_as_they_are_likely() -> None:
    logits = np.tile(np.log([0.1, 0.2, 0.7]), (20_000, 1))
    uniform = np.random.default_rng(0).random(20_000)
    counts = np.bincount(draw_level(logits, uniform), minlength=3) / 20_000
    np.testing.assert_allclose(counts, [0.1, 0.2, 0.7], atol=0.015)
    np.testing.assert_allclose(
        level_log_probability(np.array([0, 2], np.int32), logits[:2]), np.log([0.1, 0.7])
    )


def test_noise_just_below_one_draws_the_last_level() -> None:
    logits = np.random.default_rng(0).normal(size=(100, 256)).astype(np.float32)
    top = np.full(100, 1 - 2**-24, np.float32)
    assert np.max(draw_level(logits, top)) <= 255


def test_every_stored_byte_is_its_own_level() -> None:
    x = np.arange(256, dtype=np.float32) / np.float32(255)
    np.testing.assert_array_equal(nearest_level(x, 256), np.arange(256))
