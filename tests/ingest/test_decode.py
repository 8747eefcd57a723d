"""Images: what a viewer would show, or a true reason why not."""

import struct
import subprocess
import sys
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from sparkgen.ingest.decode import BadImage, ImageRule, decode_image
from sparkgen.ingest.image_header import declared_size

GREY, COLOUR = ImageRule((4, 4, 1)), ImageRule((4, 4, 3))
REASONS = {
    "undecodable-image",
    "truncated-image",
    "zero-sized-image",
    "decompression-bomb",
    "empty-image",
}
GRADIENT = np.arange(0, 240, 15, dtype=np.uint8).reshape(4, 4)


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    data = BytesIO()
    image.save(data, kind, **options)
    return data.getvalue()


def png_that_declares(width: int, height: int) -> bytes:
    """A PNG of a few bytes with a header of any size."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + checksum

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(b"\0" * 100))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + body + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", ["PNG", "BMP", "GIF"])
def test_a_grey_image_of_the_right_shape_keeps_every_pixel(kind: str) -> None:
    pixels = decode_image(encoded(Image.fromarray(GRADIENT), kind), GREY)
    assert np.array_equal(pixels[:, :, 0], GRADIENT)


def test_a_lossless_webp_keeps_every_pixel() -> None:
    picture = Image.fromarray(np.dstack([GRADIENT, GRADIENT.T, 255 - GRADIENT]))
    pixels = decode_image(encoded(picture, "WEBP", lossless=True), COLOUR)
    assert np.array_equal(pixels, np.asarray(picture))


def test_sixteen_bits_are_scaled_and_not_clipped() -> None:
    deep = Image.fromarray(GRADIENT.astype(np.uint16) * 257)
    assert np.array_equal(decode_image(encoded(deep), GREY)[:, :, 0], GRADIENT)


def test_transparency_lies_over_the_background() -> None:
    half = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    half.paste((0, 0, 255, 255), (0, 0, 2, 4))
    pixels = decode_image(encoded(half), COLOUR._replace(background=200))
    assert pixels[:, :2].reshape(-1, 3).tolist() == [[0, 0, 255]] * 8
    assert pixels[:, 2:].reshape(-1, 3).tolist() == [[200, 200, 200]] * 8


def test_a_palette_with_a_transparent_entry_is_resolved() -> None:
    palette = Image.new("P", (4, 4), 0)
    palette.putpalette([10, 20, 30, 40, 50, 60])
    palette.paste(1, (0, 0, 4, 2))
    pixels = decode_image(encoded(palette, transparency=0), COLOUR)
    assert pixels[0, 0].tolist() == [40, 50, 60]
    assert pixels[3, 3].tolist() == [255, 255, 255]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_exif_orientation_is_honoured(orientation: int) -> None:
    from PIL import ImageOps

    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(Image.fromarray(GRADIENT), exif=exif)
    shown = ImageOps.exif_transpose(Image.open(BytesIO(data)))
    assert np.array_equal(decode_image(data, GREY)[:, :, 0], np.asarray(shown))


def test_the_shorter_side_is_scaled_and_the_centre_cut() -> None:
    wide = np.zeros((8, 24), np.uint8)
    wide[:, 8:16] = 200
    pixels = decode_image(encoded(Image.fromarray(wide)), GREY._replace(resize="nearest"))
    assert (pixels == 200).all()


@pytest.mark.parametrize("kind", ["PNG", "GIF", "BMP", "JPEG", "WEBP"])
@pytest.mark.parametrize(
    "options",
    [{}, {"lossless": True}, {"exif": Image.Exif()}],
    ids=["plain", "lossless", "with exif"],
)
def test_the_declared_size_is_found_without_a_decoder(kind: str, options: dict) -> None:
    data = encoded(Image.effect_noise((123, 45), 50).convert("RGB"), kind, **options)
    assert declared_size(data) == (123, 45)
    assert declared_size(data[:8]) is None


def test_a_crop_without_scaling_moves_whole_pixels() -> None:
    wide = np.arange(4 * 7, dtype=np.uint8).reshape(4, 7)
    assert np.array_equal(decode_image(encoded(Image.fromarray(wide)), GREY)[:, :, 0], wide[:, 1:5])


@settings(deadline=None)
@given(st.tuples(*[st.integers(1, 300)] * 4))
@example((8, 3, 28, 28))
def test_every_size_is_cut_and_scaled_to_every_shape(sizes: tuple[int, int, int, int]) -> None:
    width, height, *shape = sizes
    rule = ImageRule((shape[0], shape[1], 1), resize="nearest")
    image = Image.new("L", (width, height), 7)
    pixels = decode_image(encoded(image, "BMP"), rule)
    assert pixels.shape == rule.shape
    assert (pixels == 7).all()


def test_no_side_is_refused_for_the_rounding_of_its_cut() -> None:
    for side in (28, 56, 112, 224):
        rule = ImageRule((side, side, 1), resize="nearest")
        for width in range(1, 300):
            data = encoded(Image.new("L", (width, width // 2 + 1)), "BMP")
            assert decode_image(data, rule).shape == rule.shape


@pytest.mark.parametrize("cut", [0, 3, 4])
def test_damage_anywhere_in_a_file_is_the_images_own(cut: int) -> None:
    random = np.random.default_rng(cut)
    for kind in ("PNG", "JPEG", "GIF", "BMP", "WEBP"):
        whole = encoded(Image.effect_noise((9, 7), 60).convert("RGB"), kind)
        for at in random.integers(0, len(whole), 60):
            damaged = whole[:at] + bytes([random.integers(256)]) + whole[at + cut :]
            try:
                assert decode_image(damaged, COLOUR).shape == (4, 4, 3)
            except BadImage as error:
                assert error.reason in REASONS  # noqa: PT017


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty-image"),
        (b"hello", "undecodable-image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", "undecodable-image"),
        (encoded(Image.effect_noise((64, 64), 50))[:-1500], "truncated-image"),
        (encoded(Image.effect_noise((64, 64), 50), "JPEG")[:-900], "truncated-image"),
        (png_that_declares(0, 5), "zero-sized-image"),
        (png_that_declares(9000, 9000), "decompression-bomb"),
        (png_that_declares(60_000, 60_000), "decompression-bomb"),
    ],
    ids=["empty", "text", "eps", "cut png", "cut jpeg", "zero", "too large", "bomb"],
)
def test_a_bad_image_is_named(data: bytes, reason: str) -> None:
    with pytest.raises(BadImage) as error:
        decode_image(data, GREY)
    assert error.value.reason == reason


BOMB = """
import resource, sys
from sparkgen.ingest.decode import BadImage, ImageRule, decode_image
rule = ImageRule((4, 4, 3))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    decode_image(sys.stdin.buffer.read(), rule)
except BadImage as error:
    print(error.reason, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("kind", ["png", "gif", "bmp", "webp"])
def test_memory_stays_flat_on_a_bomb(kind: str) -> None:
    side = 16_000
    gif = b"GIF89a" + struct.pack("<HH", side, side) + bytes([0x80, 0, 0]) + b"\0" * 6
    gif += b"," + struct.pack("<HHHHB", 0, 0, side, side, 0) + b"\x02\x02\x4c\x01\x00;"
    bmp = encoded(Image.new("RGB", (4, 4)), "BMP")
    bmp = bmp[:18] + struct.pack("<ii", side, side) + bmp[26:]
    canvas = struct.pack("<I", side - 1)[:3]
    webp = b"VP8X" + struct.pack("<I", 10) + b"\x02\0\0\0" + canvas * 2
    webp += b"ANIM" + struct.pack("<I", 6) + b"\0" * 6
    data = {
        "png": png_that_declares(side, side),
        "gif": gif,
        "bmp": bmp,
        "webp": b"RIFF" + struct.pack("<I", len(webp) + 4) + b"WEBP" + webp,
    }[kind]
    done = subprocess.run([sys.executable, "-c", BOMB], input=data, capture_output=True, check=True)
    reason, kilobytes = done.stdout.split()
    assert reason == b"decompression-bomb"
    assert int(kilobytes) < 20_000


@pytest.mark.data
def test_every_undecodable_file_is_refused(data_dir: Path) -> None:
    reasons = {}
    for path in sorted((data_dir / "malformed-images" / "undecodable").iterdir()):
        with pytest.raises(BadImage) as error:
            decode_image(path.read_bytes(), COLOUR)
        reasons[path.name] = error.value.reason
    assert reasons.pop("truncated_image.png") == "truncated-image"
    assert set(reasons.values()) == {"undecodable-image"}


@pytest.mark.data
def test_every_odd_file_becomes_a_picture(data_dir: Path) -> None:
    for path in sorted((data_dir / "malformed-images" / "odd-but-decodable").iterdir()):
        assert decode_image(path.read_bytes(), COLOUR).shape == (4, 4, 3)


@pytest.mark.data
def test_odd_files_show_what_a_viewer_shows(data_dir: Path) -> None:
    folder = data_dir / "malformed-images" / "odd-but-decodable"

    def pixels(name: str, side: int) -> np.ndarray:
        return decode_image((folder / name).read_bytes(), ImageRule((side, side, 3)))

    # The same clearing, in 8 and in 16 bits; 16-bit values of at most 255 are all but black.
    eight, sixteen = pixels("l_trns.png", 64), pixels("i_trns.png", 64)
    assert np.array_equal((eight == 255), (sixteen == 255))
    assert sixteen[sixteen != 255].max() <= 1
    # A picture with bytes after its end is the picture; one bit is black and white.
    whole, trailing = pixels("hopper.jpg", 128), pixels("hopper_idat_after_image_end.png", 128)
    assert np.abs(whole.astype(int) - trailing).mean() < 10
    assert set(np.unique(pixels("hopper_bw_500.png", 500))) == {0, 255}
    # Transparent all over: nothing but the background.
    assert (pixels("tRNS_null_1x1.png", 1) == 255).all()
    assert pixels("transparent.png", 150)[0, 0].tolist() == [255, 255, 255]
    assert pixels("missing_background.gif", 32)[0, 0].tolist() == [255, 255, 255]
