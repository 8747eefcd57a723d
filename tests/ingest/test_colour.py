"""Colour profiles: the levels that a viewer shows, and no pixel moved where none should be."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms
from profiles import cmyk_profile, grey_profile, rgb_profile, srgb_level

from sparkgen.ingest.images.decode import ImageRule, decode_image

COLOUR, GREY = ImageRule((4, 4, 3)), ImageRule((4, 4, 1))
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
NOISE = np.random.default_rng(0).integers(0, 256, (4, 4, 4), np.uint8)


def decoded(
    image: Image.Image, profile: bytes | None, rule: ImageRule, kind: str = "PNG"
) -> np.ndarray:
    data = BytesIO()
    image.save(data, kind, icc_profile=profile)
    return decode_image(data.getvalue(), rule).astype(int)


@pytest.mark.parametrize("level", [10, 64, 128, 200, 255])
def test_a_colour_profile_shows_the_levels_of_srgb(level: int) -> None:
    expected = srgb_level((level / 255) ** 1.8)
    image = Image.new("RGB", (4, 4), (level, level, level))
    assert decoded(image, rgb_profile(1.8), COLOUR) == pytest.approx(expected, abs=1.5)


def test_channels_are_told_apart() -> None:
    shown = decoded(Image.new("RGB", (4, 4), (255, 128, 0)), rgb_profile(1.0), COLOUR)
    assert shown[0, 0] == pytest.approx([255, srgb_level(128 / 255), 0], abs=1.5)


@pytest.mark.parametrize("rule", [GREY, COLOUR])
@pytest.mark.parametrize("bits", [8, 16])
def test_a_grey_profile_keeps_greys_grey(rule: ImageRule, bits: int) -> None:
    levels = np.arange(0, 240, 15, dtype=np.uint8).reshape(4, 4)
    image = Image.fromarray(levels if bits == 8 else levels.astype(np.uint16) * 257)
    shown = decoded(image, grey_profile(1.0), rule)
    expected = np.vectorize(srgb_level)(levels / 255)
    assert shown == pytest.approx(np.repeat(expected[..., None], rule.shape[2], -1), abs=1)
    assert (shown == shown[..., :1]).all()


def test_a_cmyk_profile_takes_the_place_of_the_plain_formula() -> None:
    profile = cmyk_profile()
    paper = decoded(Image.new("CMYK", (4, 4), (0, 0, 0, 0)), profile, COLOUR, "JPEG")
    assert paper.min() >= 253
    # Lightness 50 is a luminance of 0.184 (CIE 1976).
    cyan = decoded(Image.new("CMYK", (4, 4), (255, 0, 0, 0)), profile, COLOUR, "JPEG")
    assert cyan == pytest.approx(srgb_level(0.184), abs=3)


def test_transparency_stays_and_its_background_keeps_its_level() -> None:
    image = Image.new("RGBA", (4, 4), (128, 128, 128, 0))
    image.paste((128, 128, 128, 255), (0, 0, 2, 4))
    shown = decoded(image, rgb_profile(1.0), COLOUR._replace(background=77))
    assert shown[:, :2] == pytest.approx(srgb_level(128 / 255), abs=1)
    assert (shown[:, 2:] == 77).all()
    grey = decoded(image.convert("LA"), grey_profile(1.0), GREY._replace(background=77))
    assert (grey[..., 0] == shown[..., 0]).all()


def test_a_palette_is_resolved_before_its_profile() -> None:
    palette = Image.new("P", (4, 4), 0)
    palette.putpalette([128, 128, 128])
    assert decoded(palette, rgb_profile(1.0), COLOUR) == pytest.approx(srgb_level(128 / 255), abs=1)


@pytest.mark.parametrize(
    "profile",
    [SRGB, SRGB[:200], b"no profile", rgb_profile(1.8)[:300], cmyk_profile(), grey_profile(1.0)],
    ids=["sRGB", "cut sRGB", "text", "cut", "of other colours", "of greys"],
)
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_srgb_and_unusable_profiles_leave_every_pixel_as_it_is(profile: bytes, mode: str) -> None:
    image = Image.fromarray(NOISE[..., : len(mode)], mode)
    plain = decoded(image, None, COLOUR)
    assert np.array_equal(decoded(image, profile, COLOUR), plain)
    assert np.array_equal(decoded(image, profile, GREY), decoded(image, None, GREY))


@pytest.mark.data
def test_a_picture_with_a_damaged_profile_is_shown_without_it(data_dir: Path) -> None:
    path = data_dir / "malformed-images" / "odd-but-decodable" / "icc-after-SOF.jpg"
    with Image.open(path) as image:
        assert image.info["icc_profile"]
        rule, plain = ImageRule((image.height, image.width, 1)), np.asarray(image)
    assert np.array_equal(decode_image(path.read_bytes(), rule)[..., 0], plain)
