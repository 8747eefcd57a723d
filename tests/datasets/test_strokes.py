import numpy as np
import pytest

from sparkgen.datasets.strokes import measure

SIDE = 64


def bar(width: float, degrees: float, length: float = 40.0) -> np.ndarray:
    """A bar of a length in pixels that leans to the right by an angle, uint8 (SIDE, SIDE)."""
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float64) - SIDE / 2
    angle = np.radians(degrees)
    along, across = x * np.sin(angle) - y * np.cos(angle), x * np.cos(angle) + y * np.sin(angle)
    inside = np.clip(length / 2 + 0.5 - np.abs(along), 0, 1)
    return np.rint(255 * inside * np.clip(width / 2 + 0.5 - np.abs(across), 0, 1)).astype(np.uint8)


@pytest.mark.parametrize("degrees", [-40, -10, 0, 25])
@pytest.mark.parametrize("width", [3, 5])
def test_a_slanted_bar_has_its_width_and_its_slant(width: int, degrees: int) -> None:
    found = measure(bar(width, degrees)[None])
    assert found.slant[0] == pytest.approx(degrees, abs=1.5)
    # The ends are a part of the perimeter: 2 w L / (2 w + 2 L).
    assert found.stroke_width[0] == pytest.approx(width * 40 / (width + 40), rel=0.02)


def test_the_size_is_that_of_the_box_around_what_is_bright() -> None:
    picture = np.zeros((1, 20, 20, 1), np.uint8)
    picture[0, 3:12, 5:9] = 100
    picture[0, 15, 15] = 49  # less than half as bright
    assert measure(picture).size[0] == pytest.approx(6.0)


def test_measures_do_not_depend_on_other_pictures_nor_on_a_factor_nor_on_channels() -> None:
    pictures = np.stack([bar(3, 10), bar(6, -20), bar(2, 30)]) // 3
    together = np.array(measure(pictures))
    alone = np.concatenate([measure(one[None]) for one in pictures], axis=1)
    np.testing.assert_array_equal(together, alone)
    np.testing.assert_allclose(np.array(measure(3 * pictures)), together, rtol=1e-12)
    in_colour = np.repeat(pictures[..., None], 3, axis=-1)
    np.testing.assert_allclose(np.array(measure(in_colour)), together, rtol=1e-12)


def test_a_black_picture_and_one_of_a_single_row_have_measures() -> None:
    black = measure(np.zeros((1, 4, 4), np.uint8))
    assert [float(one[0]) for one in black] == [0.0, 0.0, 0.0]
    assert measure(np.full((1, 1, 5), 9, np.uint8)).slant[0] == 0.0
