"""Small plain PNG files, read many at a time: the pixels and reasons are those of the general decoder."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from sparkgen.ingest.block import Records
from sparkgen.ingest.images.decode import BadImage, ImageRule, decode_image
from sparkgen.ingest.images.pictures import Picture, decode_pictures
from sparkgen.ingest.images.png import MOST_BYTES, plain_png

CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type
PLAIN = {(0, 8, 0), (2, 8, 0)}  # colour type, depth, interlace


def chunk(kind: bytes, body: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(kind + body))
    return struct.pack(">I", len(body)) + kind + body + checksum


def png(
    rng: np.random.Generator,
    size: tuple[int, int],
    *,
    colour: int = 0,
    depth: int = 8,
    interlace: int = 0,
    filters: range = range(5),
    idats: int = 1,
    more: bytes = b"",
) -> bytes:
    """A picture of random bytes whose lines have random filter types; interlaced, it has lines enough."""
    width, height = size
    stride = -(-width * CHANNELS[colour] * depth // 8)
    lines = height * (3 if interlace else 1) + 8 * interlace
    body = rng.integers(0, 256, (lines, 1 + stride), np.uint8)
    body[:, 0] = rng.choice(filters, lines)
    packed = zlib.compress(body.tobytes(), 1)
    step = max(1, -(-len(packed) // idats))
    data = b"".join(chunk(b"IDAT", packed[i : i + step]) for i in range(0, len(packed), step))
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    palette = chunk(b"PLTE", bytes(range(256)) * 3) if colour == 3 else b""
    head = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    return head + palette + more + data + chunk(b"IEND", b"")


def one_by_one(data: bytes, rule: ImageRule) -> list[int] | str:
    """What the decoder of all images makes of a file: its pixels, or the reason against it."""
    try:
        return decode_image(data, rule).ravel().tolist()
    except BadImage as error:
        return error.reason


def together(files: list[bytes], rule: ImageRule) -> list[list[int] | str]:
    pictures = [Picture(n, n, data) for n, data in enumerate(files)]
    records: Records = decode_pictures(pictures, rule, most=len(files), uri="here")
    assert records.length == len(files)
    found: dict[int | str, list[int] | str] = {b.position: b.reason for b in records.bad}
    pixels = [row.tolist() for row in records.data]
    found |= dict(zip(records.labels.tolist(), pixels, strict=True))
    return [found[n] for n in range(len(files))]


kinds = st.sampled_from(
    [(0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (2, 8), (2, 16), (3, 1), (3, 8), (4, 8), (6, 8)]
)
sizes = st.tuples(st.integers(1, 12), st.integers(1, 12))
shapes = st.tuples(st.integers(1, 12), st.integers(1, 12), st.sampled_from([1, 3]))


@settings(max_examples=150)
@given(
    st.lists(st.tuples(kinds, sizes, st.booleans(), st.integers(1, 3)), min_size=1, max_size=6),
    shapes,
    st.integers(0, 2**32 - 1),
)
def test_pictures_of_every_mode_size_and_filter_are_those_of_the_decoder(
    drawn: list, shape: tuple[int, int, int], seed: int
) -> None:
    rng, rule = np.random.default_rng(seed), ImageRule(shape, "bilinear")
    files = [
        png(rng, size, colour=colour, depth=depth, interlace=int(interlaced), idats=idats)
        for (colour, depth), size, interlaced, idats in drawn
    ]
    assert together(files, rule) == [one_by_one(data, rule) for data in files]
    for data, ((colour, depth), _, interlaced, _) in zip(files, drawn, strict=True):
        expected = (colour, depth, int(interlaced)) in PLAIN
        assert (plain_png(data, max_pixels=1000) is not None) == expected


@settings(max_examples=150)
@given(st.data(), st.sampled_from([0, 2]), sizes, st.integers(0, 2**32 - 1))
def test_damage_has_the_reason_that_the_decoder_gives(
    data: st.DataObject, colour: int, size: tuple[int, int], seed: int
) -> None:
    rng, rule = np.random.default_rng(seed), ImageRule((5, 6, 1))
    whole = png(rng, size, colour=colour, idats=2, filters=range(7))
    at = data.draw(st.integers(0, len(whole) - 1))
    flipped = whole[:at] + bytes([whole[at] ^ data.draw(st.integers(1, 255))]) + whole[at + 1 :]
    files = [whole, whole[:at], flipped, whole[:at] + whole[at + 1 :], whole + whole[at:]]
    assert together(files, rule) == [one_by_one(file, rule) for file in files]


TEXT = PngImagePlugin.PngInfo()
TEXT.add_text("Raw profile type exif", "\nexif\n0\n")


@pytest.mark.parametrize(
    "options",
    [
        {"transparency": 7},
        {"icc_profile": b"no profile"},
        {"exif": b"Exif\0\0II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0\0\0\0\0\0"},
        {"pnginfo": TEXT},
        {"dpi": (72, 72)},
    ],
    ids=["transparency", "profile", "orientation", "text", "resolution"],
)
def test_a_file_with_any_other_chunk_is_left_to_the_decoder(options: dict) -> None:
    picture = Image.fromarray(np.arange(20, dtype=np.uint8).reshape(4, 5))
    data, bare = io.BytesIO(), io.BytesIO()
    picture.save(data, "PNG", **options)
    picture.save(bare, "PNG")
    assert plain_png(data.getvalue(), max_pixels=1000) is None
    assert plain_png(bare.getvalue(), max_pixels=1000) is not None
    rule = ImageRule((4, 5, 1))
    both = [data.getvalue(), bare.getvalue()]
    assert together(both, rule) == [one_by_one(file, rule) for file in both]


def test_more_pixels_than_allowed_and_large_pictures_are_left_to_the_decoder() -> None:
    rng = np.random.default_rng(1)
    data = png(rng, (10, 10))
    assert plain_png(data, max_pixels=100) is not None
    assert plain_png(data, max_pixels=99) is None
    assert together([data], ImageRule((2, 2, 1), max_pixels=99)) == ["decompression-bomb"]
    side = int(MOST_BYTES**0.5)
    assert plain_png(png(rng, (side - 1, side)), max_pixels=10**9) is not None
    assert plain_png(png(rng, (side + 1, side)), max_pixels=10**9) is None


def test_a_stream_that_inflates_to_more_than_it_declares_is_left_to_the_decoder() -> None:
    data = png(np.random.default_rng(2), (3, 3))
    longer = zlib.compress(bytes(1 << 20))
    bomb = data[:33] + chunk(b"IDAT", longer) + data[-12:]
    assert plain_png(bomb, max_pixels=1000) is None
    rule = ImageRule((3, 3, 1))
    assert together([bomb], rule) == [one_by_one(bomb, rule)]


def test_a_chunk_with_a_wrong_checksum_is_left_to_the_decoder() -> None:
    whole = png(np.random.default_rng(4), (3, 3))
    wrong = whole[:-13] + bytes([whole[-13] ^ 1]) + whole[-12:]
    rule = ImageRule((3, 3, 1))
    assert plain_png(whole, max_pixels=1000) is not None
    assert plain_png(wrong, max_pixels=1000) is None
    assert together([wrong], rule) == [one_by_one(wrong, rule)] == [one_by_one(whole, rule)]


def test_many_pictures_fill_several_sheets() -> None:
    rng, rule = np.random.default_rng(3), ImageRule((28, 28, 1))
    files = [png(rng, (28, 28)) for _ in range(1500)] + [png(rng, (28, 28), colour=2)]
    assert together(files, rule) == [one_by_one(data, rule) for data in files]
