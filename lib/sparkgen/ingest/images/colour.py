"""Applies a picture's colour profile, which converts its colours to sRGB, as an image viewer does.

Specification ICC.1:2022. A profile that is damaged, or made for other colours than the picture has,
is passed over, as viewers do. One that is sRGB under whatever name leaves every pixel as it is.
"""

from functools import lru_cache
from io import BytesIO

import numpy as np
from PIL import Image, ImageCms

PROFILE = "icc_profile"
SAME_LEVELS = 2  # of 256; a profile that moves no colour further than this is sRGB
STEPS = 17  # of each channel, of the colours by which a profile is judged
_SPACES = {"L": "GRAY", "RGB": "RGB ", "CMYK": "CMYK"}
# What ImageCms raises on profiles that it cannot use.
_PROFILE_ERRORS = (ImageCms.PyCMSError, OSError, ValueError, TypeError)


def has_transparency(image: Image.Image) -> bool:
    """Whether a picture has pixels that may be transparent; Pillow itself knows it from 10.1 on."""
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        return True
    return bool(image.mode == "P" and image.palette and image.palette.mode.endswith("A"))


def to_srgb(image: Image.Image) -> Image.Image:
    """A picture of 8 bits a channel with its profile applied.

    Without a profile to apply, the picture as it is. Else its mode is L or RGB, or LA or RGBA where
    it has transparency.
    """
    profile = image.info.get(PROFILE)
    if not isinstance(profile, bytes):
        return image
    alpha = image.convert("RGBA").getchannel("A") if has_transparency(image) else None
    if image.mode != "CMYK":
        grey = image.mode in ("1", "L", "LA") and _space(profile) == "GRAY"
        colour = image.convert("L" if grey else "RGB")
    else:
        colour = image
    shown = _applied(profile, colour)
    if shown is None:
        return image
    if alpha is not None:
        shown.putalpha(alpha)
    return shown


def _applied(profile: bytes, image: Image.Image) -> Image.Image | None:
    """A picture of mode L, RGB or CMYK in sRGB: L or RGB; None where nothing is to be applied."""
    transform = _transform(profile, image.mode)
    if transform is None:
        return None
    if image.mode == "L":  # grey stays grey, through a table of the 256 levels
        ramp = Image.fromarray(np.arange(256, dtype=np.uint8).reshape(1, 256))
        return image.point(np.asarray(transform.apply(ramp))[0, :, 1].tolist())
    return transform.apply(image)


@lru_cache(maxsize=16)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        if source.profile.xcolor_space != _SPACES[mode]:
            return None
        target = ImageCms.createProfile("sRGB")
        intent = ImageCms.Intent.PERCEPTUAL
        transform = ImageCms.buildTransform(source, target, mode, "RGB", intent)
    except _PROFILE_ERRORS:
        return None
    return None if mode != "CMYK" and _is_identity(transform, mode) else transform


def _is_identity(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    levels = np.linspace(0, 255, STEPS if mode == "RGB" else 256).round().astype(np.uint8)
    if mode == "L":
        before = np.repeat(levels, 3).reshape(1, -1, 3)
        probe = Image.fromarray(levels.reshape(1, -1))
    else:
        grid = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1)
        before = grid.reshape(1, -1, 3)
        probe = Image.fromarray(before)
    after = np.asarray(transform.apply(probe))
    return bool(np.abs(after.astype(int) - before).max() <= SAME_LEVELS)


@lru_cache(maxsize=16)
def _space(profile: bytes) -> str | None:
    try:
        return str(ImageCms.ImageCmsProfile(BytesIO(profile)).profile.xcolor_space)
    except _PROFILE_ERRORS:
        return None
