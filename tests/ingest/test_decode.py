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
from PIL import Image, ImageCms, ImageOps, features

from sparkgen.ingest.images import decode
from sparkgen.ingest.images import header as image_header
from sparkgen.ingest.images.decode import BadImage, ImageRule, decode_image
from sparkgen.ingest.images.formats import ENDINGS, FORMATS, format_of


def declared_size(data: bytes) -> image_header.Size | None:
    kind = format_of(data)
    return None if kind is None else image_header.declared_size(data, kind)


GREY, COLOUR = ImageRule((4, 4, 1)), ImageRule((4, 4, 3))
REASONS = {
    "undecodable-image",
    "truncated-image",
    "zero-sized-image",
    "decompression-bomb",
    "empty-image",
    "float-pixels",
    "unscaled-integers",
}
KINDS = ["PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM"]
if features.check("avif"):
    KINDS.append("AVIF")
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


def tiff(tags: dict[int, int], order: str = "<", *, big: bool = False) -> bytes:
    """A TIFF of one page without pixels, with some tags, each one number of 32 bits."""
    mark = b"II" if order == "<" else b"MM"
    if big:
        head = mark + struct.pack(order + "HHHQQ", 43, 8, 0, 16, len(tags))
        entries = [struct.pack(order + "HHQQ", tag, 16, 1, n) for tag, n in tags.items()]
    else:
        head = mark + struct.pack(order + "HIH", 42, 8, len(tags))
        entries = [struct.pack(order + "HHII", tag, 4, 1, n) for tag, n in tags.items()]
    return head + b"".join(entries) + bytes(24)


def avif_that_declares(width: int, height: int, brand: bytes = b"avif") -> bytes:
    """The boxes of an AVIF or HEIF file as far as its size, and no picture."""
    size = struct.pack(">I4sIII", 20, b"ispe", 0, width, height)
    for box, head in ((b"ipco", b""), (b"iprp", b""), (b"meta", bytes(4))):
        size = struct.pack(">I4s", 8 + len(head) + len(size), box) + head + size
    return struct.pack(">I4s4sI4s", 20, b"ftyp", brand, 0, b"mif1") + size


@pytest.mark.parametrize("kind", ["PNG", "BMP", "GIF", "TIFF", "PPM"])
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


@pytest.mark.parametrize("kind", ["TIFF", "PPM"])
def test_sixteen_bits_of_other_formats_are_the_same(kind: str) -> None:
    deep = GRADIENT.astype(np.uint16) * 257
    image = Image.fromarray(deep if kind == "TIFF" else deep.astype(np.int32))
    assert np.array_equal(decode_image(encoded(image, kind), GREY)[:, :, 0], GRADIENT)


def test_a_tiff_of_sixteen_bits_may_count_from_white() -> None:
    deep = Image.fromarray(GRADIENT.astype(np.uint16) * 257)
    negative = encoded(deep, "TIFF", tiffinfo={262: 0})
    assert np.array_equal(decode_image(negative, GREY)[:, :, 0], 255 - GRADIENT)


def test_a_tiff_of_twelve_bits_is_not_dark() -> None:
    levels = (np.arange(16) * 273).reshape(8, 2)  # 0 to 4095
    packed = [(a >> 4, (a & 15) << 4 | b >> 8, b & 255) for a, b in levels.tolist()]
    tags = {256: 4, 257: 4, 258: 12, 259: 1, 262: 1, 273: 0, 277: 1, 278: 4, 279: 24}
    start = len(tiff(tags)) - 24
    data = tiff(tags | {273: start})[:start] + bytes(b for three in packed for b in three)
    expected = np.arange(16).reshape(4, 4) * 17
    assert np.array_equal(decode_image(data, GREY)[:, :, 0], expected)


@pytest.mark.parametrize("mode", ["CMYK", "RGBA", "LA", "P", "1", "YCbCr", "LAB"])
@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_a_tiff_of_any_colours_is_read(mode: str, compression: str) -> None:
    colours = Image.new("RGB", (4, 4), (255, 255, 255))
    colours.paste((0, 0, 0), (0, 0, 2, 4))
    if mode == "LAB":
        image = ImageCms.profileToProfile(
            colours, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode=mode
        )
    else:
        image = colours.convert(mode)
    pixels = decode_image(encoded(image, "TIFF", compression=compression), COLOUR).astype(int)
    assert np.abs(pixels - np.asarray(colours)).max() <= 2


def test_of_a_tiff_the_first_page_is_read() -> None:
    pages = [Image.new("L", (4, 4), level) for level in (10, 20, 30)]
    data = encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    assert (decode_image(data, GREY) == 10).all()


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow has no AVIF")
def test_an_avif_is_nearly_the_picture() -> None:
    picture = np.dstack([GRADIENT, GRADIENT.T, 255 - GRADIENT])
    data = encoded(Image.fromarray(picture), "AVIF", quality=100, subsampling="4:4:4")
    assert np.abs(decode_image(data, COLOUR).astype(int) - picture).max() <= 4


def test_a_format_whose_decoder_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)  # as where it is not installed
    for brand in (b"heic", b"heix", b"mif1"):
        with pytest.raises(BadImage) as error:
            decode_image(avif_that_declares(4, 4, brand), GREY)
        assert error.value.reason == "heif-needs-pillow-heif"
    monkeypatch.setattr(decode.features, "check", lambda name: name != "avif")
    with pytest.raises(BadImage) as error:
        decode_image(avif_that_declares(4, 4), GREY)
    assert error.value.reason == "avif-needs-pillow-11.3"


def test_transparency_lies_over_the_background() -> None:
    half = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    half.paste((0, 0, 255, 255), (0, 0, 2, 4))
    pixels = decode_image(encoded(half), COLOUR._replace(background=200))
    assert pixels[:, :2].reshape(-1, 3).tolist() == [[0, 0, 255]] * 8
    assert pixels[:, 2:].reshape(-1, 3).tolist() == [[200, 200, 200]] * 8


def test_transparency_is_seen_by_releases_of_pillow_that_do_not_tell_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(Image.Image, "has_transparency_data", raising=False)  # new in 10.1
    for mode in ("LA", "RGBA", "RGB"):
        pixels = decode_image(encoded(Image.new(mode, (4, 4))), COLOUR)
        assert (pixels == (0 if mode == "RGB" else 255)).all()


def test_a_palette_with_a_transparent_entry_is_resolved() -> None:
    palette = Image.new("P", (4, 4), 0)
    palette.putpalette([10, 20, 30, 40, 50, 60])
    palette.paste(1, (0, 0, 4, 2))
    pixels = decode_image(encoded(palette, transparency=0), COLOUR)
    assert pixels[0, 0].tolist() == [40, 50, 60]
    assert pixels[3, 3].tolist() == [255, 255, 255]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "AVIF"])
def test_the_exif_orientation_is_honoured(orientation: int, kind: str) -> None:
    if kind == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    exif = Image.Exif()
    exif[0x0112] = orientation
    png = encoded(Image.fromarray(GRADIENT), exif=exif)
    shown = np.asarray(ImageOps.exif_transpose(Image.open(BytesIO(png))))
    data = encoded(Image.fromarray(GRADIENT), kind, exif=exif, quality=100)
    pixels = decode_image(data, GREY)[:, :, 0].astype(int)
    assert np.abs(pixels - shown).max() <= (4 if kind == "AVIF" else 0)


def test_the_shorter_side_is_scaled_and_the_centre_cut() -> None:
    wide = np.zeros((8, 24), np.uint8)
    wide[:, 8:16] = 200
    pixels = decode_image(encoded(Image.fromarray(wide)), GREY._replace(resize="nearest"))
    assert (pixels == 200).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "options",
    [{}, {"lossless": True}, {"exif": Image.Exif()}],
    ids=["plain", "lossless", "with exif"],
)
def test_the_declared_size_is_found_without_a_decoder(kind: str, options: dict) -> None:
    data = encoded(Image.effect_noise((123, 45), 50).convert("RGB"), kind, **options)
    assert declared_size(data) == (123, 45)
    assert declared_size(data[:8]) is None


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("big", [False, True])
def test_the_size_of_a_tiff_is_that_of_a_page_or_of_a_larger_tile(order: str, big: bool) -> None:
    page, tile = {256: 40, 257: 30}, {322: 64, 323: 64}
    assert declared_size(tiff(page, order, big=big)) == (40, 30)
    assert declared_size(tiff(page | tile, order, big=big)) == (64, 64)
    assert declared_size(tiff({256: 0, 257: 30} | tile, order, big=big)) == (0, 30)
    assert declared_size(tiff({256: 40}, order, big=big)) is None


def test_the_size_of_a_heif_is_its_largest_and_of_a_pnm_follows_comments() -> None:
    data = avif_that_declares(7, 5, b"heic")
    larger = struct.pack(">I4sIII", 20, b"ispe", 0, 999, 999)
    assert declared_size(data) == declared_size(data + larger) == (7, 5)  # it is in no meta box
    assert declared_size(b"P5 # made\n# by hand\n12\n 34 # maximum\n255\n") == (12, 34)
    assert declared_size(b"P5 twelve") is None


def test_every_format_has_its_endings_and_its_size() -> None:
    assert {f.name for f in FORMATS} == image_header._SIZES.keys()
    assert sum(len(f.endings) for f in FORMATS) == len(ENDINGS)
    for ending in (".jpg", ".jpe", ".jfif", ".tif", ".tiff", ".avif", ".ppm", ".pgm", ".heic"):
        assert ending in ENDINGS


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
    for kind in KINDS:
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
        (tiff({256: 0, 257: 5}), "zero-sized-image"),
        (encoded(Image.new("F", (4, 4)), "TIFF"), "float-pixels"),
        (encoded(Image.new("I", (4, 4)), "TIFF"), "unscaled-integers"),
        (encoded(Image.effect_noise((64, 64), 50), "PPM")[:-9], "truncated-image"),
        (png_that_declares(9000, 9000), "decompression-bomb"),
        (png_that_declares(60_000, 60_000), "decompression-bomb"),
    ],
    ids=[
        *("empty", "text", "eps", "cut png", "cut jpeg", "zero", "zero tiff", "float"),
        *("integers", "cut ppm", "too large", "bomb"),
    ],
)
def test_a_bad_image_is_named(data: bytes, reason: str) -> None:
    with pytest.raises(BadImage) as error:
        decode_image(data, GREY)
    assert error.value.reason == reason


BOMB = """
import resource, sys
from sparkgen.ingest.images import decode
from sparkgen.ingest.images.decode import BadImage, ImageRule, decode_image
rule = ImageRule((4, 4, 3))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    decode_image(sys.stdin.buffer.read(), rule)
except BadImage as error:
    print(error.reason, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("kind", ["png", "gif", "bmp", "webp", "tiff", "tiles", "ppm", "avif"])
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
        "tiff": tiff({256: side, 257: side, 258: 8, 259: 1, 262: 1, 273: 8, 279: 16}),
        "tiles": tiff(
            {256: 4, 257: 4, 258: 8, 259: 5, 262: 1, 322: side, 323: side, 324: 8, 325: 16}
        ),
        "ppm": b"P6 # large\n%d %d 255\n" % (side, side),
        "avif": avif_that_declares(side, side),
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
