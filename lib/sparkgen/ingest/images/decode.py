"""Decodes one image file to pixels of the data set's shape, as an image viewer would show it.

In order: first frame or page, 16 bits to 8, colour profile, palette and transparency laid over the
background, colour or grey, EXIF orientation, the centre cut to the shape's proportions and scaled.
"""

import importlib
import struct
import warnings
import zlib
from collections.abc import Callable
from io import BytesIO
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError, features

from sparkgen.ingest.images.colour import PROFILE, has_transparency, to_srgb
from sparkgen.ingest.images.formats import format_of
from sparkgen.ingest.images.header import declared_size

ORIENTATION_TAG = 0x0112
BITS_TAG, PHOTOMETRIC_TAG = 258, 262  # of TIFF

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# What Pillow's decoders are known to raise on damaged files: no one class covers them.
_DECODER_ERRORS = (
    OSError,
    EOFError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    AssertionError,
    RuntimeError,
    struct.error,
    zlib.error,
)


class ImageRule(NamedTuple):
    """The part of the configuration that says how images are decoded."""

    shape: tuple[int, ...]
    """(height, width, channels)."""
    resize: str = "lanczos"
    background: int = 255
    max_pixels: int = 64_000_000


class BadImage(Exception):
    """The error for an image that cannot be used; its reason goes to the quarantine."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def decode_image(data: bytes, rule: ImageRule) -> npt.NDArray[np.uint8]:
    """The pixels of an image file: uint8 (H, W, C).

    Raises:
        BadImage: it cannot be decoded, or declares more pixels than `max_pixels`.
    """
    return _opened(data, rule, lambda image: fitted(image, rule))


def whole_image(data: bytes, rule: ImageRule) -> npt.NDArray[np.uint8]:
    """The pixels of an image file of its own size: uint8 (H, W, C), with the channels of the rule.

    Raises:
        BadImage: as `decode_image`.
    """
    return _opened(data, rule, lambda image: np.atleast_3d(np.asarray(image, np.uint8)))


def _opened(
    data: bytes, rule: ImageRule, use: Callable[[Image.Image], npt.NDArray[np.uint8]]
) -> npt.NDArray[np.uint8]:
    """What a function makes of the image in a file, upright and in mode L or RGB."""
    if not data:
        raise BadImage("empty-image")
    kind = format_of(data)
    if kind is None:
        raise BadImage("undecodable-image")
    size = declared_size(data, kind)
    if size is not None:
        _refuse_by_size(*size, rule.max_pixels)
    _refuse_without_decoder(kind)
    try:
        with warnings.catch_warnings():
            # Pillow warns of sizes and of broken metadata; the rule below decides on the first.
            warnings.simplefilter("ignore")
            with Image.open(BytesIO(data), formats=(kind,)) as image:
                _refuse_by_size(*image.size, rule.max_pixels)
                image.load()
                # Pillow turns a TIFF as it loads it; whether that is to be seen depends on its release.
                turn = None if kind == "TIFF" else _TURNS.get(_orientation(image))
                flat = _flat(image, rule.background).convert("L" if rule.shape[2] == 1 else "RGB")
                return use(flat if turn is None else flat.transpose(turn))
    except UnidentifiedImageError:
        raise BadImage("undecodable-image") from None
    except Image.DecompressionBombError:
        raise BadImage("decompression-bomb") from None
    except _DECODER_ERRORS as error:
        cut_short = isinstance(error, EOFError) or "truncated" in str(error).lower()
        raise BadImage("truncated-image" if cut_short else "undecodable-image") from None


def _refuse_by_size(width: int, height: int, max_pixels: int) -> None:
    if width < 1 or height < 1:
        raise BadImage("zero-sized-image")
    if width * height > max_pixels:
        raise BadImage("decompression-bomb")


def _refuse_without_decoder(kind: str) -> None:
    """Refuses an image of a format that this machine cannot decode: see `formats.DECODERS`."""
    if kind == "AVIF" and not features.check("avif"):
        raise BadImage("avif-needs-pillow-11.3")
    if kind == "HEIF":
        try:
            importlib.import_module("pillow_heif").register_heif_opener()
        except ImportError:
            raise BadImage("heif-needs-pillow-heif") from None


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ORIENTATION_TAG, 1))
    except _DECODER_ERRORS:
        return 1  # viewers show a picture with damaged metadata as it lies


def _flat(image: Image.Image, background: int) -> Image.Image:
    """The image without palette, profile, transparency or 16 bits: mode L or RGB."""
    image = to_srgb(_eight_bits(image))
    if has_transparency(image):
        under = Image.new("RGBA", image.size, (background,) * 3 + (255,))
        under.alpha_composite(image.convert("RGBA"))
        return under.convert("RGB")
    return image if image.mode == "L" else image.convert("RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    """A grey image of 16 bits as one of 8, with its transparency and profile; others as they are."""
    if image.mode == "F":
        raise BadImage("float-pixels")
    if not image.mode.startswith("I"):
        return image
    values = _sixteen_bits(image)
    grey = Image.fromarray(((values * 255 + 32767) // 65535).astype(np.uint8))
    clear = image.info.get("transparency")
    if isinstance(clear, int):
        grey.putalpha(Image.fromarray(np.where(values == clear, 0, 255).astype(np.uint8)))
    if PROFILE in image.info:
        grey.info[PROFILE] = image.info[PROFILE]
    return grey


def _sixteen_bits(image: Image.Image) -> npt.NDArray[np.uint32]:
    """The grey levels of an image in 0 to 65535, black to white: uint32 (H, W).

    Of a TIFF, Pillow gives 12 bits as they are, and also 16 bits where 0 is white. Integers of 32 bits,
    or with a sign, have no level that is known to be white.
    """
    values = np.asarray(image).astype(np.uint32)
    if image.format != "TIFF":
        return values
    if image.mode == "I":
        raise BadImage("unscaled-integers")
    tags: Any = getattr(image, "tag_v2", {})
    if tags.get(BITS_TAG, (16,))[0] == 12:
        values = (values * np.uint32(65535) + np.uint32(2047)) // np.uint32(4095)
    return np.uint32(65535) - values if tags.get(PHOTOMETRIC_TAG) == 0 else values


def fitted(image: Image.Image, rule: ImageRule) -> npt.NDArray[np.uint8]:
    """The centre of an image, as much as has the shape's proportions, scaled to the shape.

    Args:
        image: of mode L or RGB, as the shape's channels have it.
        rule: the shape and the filter.

    Returns:
        uint8 (H, W, C).
    """
    return np.asarray(_scaled(image, rule), np.uint8).reshape(rule.shape)


def _scaled(image: Image.Image, rule: ImageRule) -> Image.Image:
    height, width, _ = rule.shape
    scale = min(image.width / width, image.height / height)
    # Rounding makes some of what should be 0 a little less than 0, which resize refuses.
    left = max(0.0, (image.width - width * scale) / 2)
    top = max(0.0, (image.height - height * scale) / 2)
    if scale == 1:
        left, top = int(left), int(top)
        return image.crop((left, top, left + width, top + height))
    # Cut and scaled in one step: scaling a long thin picture first would take memory without bound.
    box = (left, top, image.width - left, image.height - top)
    return image.resize((width, height), Image.Resampling[rule.resize.upper()], box=box)
