"""The pictures that a model is trained by, such as a style, are copied into the folder of a run.

What a request names may change, or lie where only the driver reads; the folder of a run keeps what it
began with, as files that every worker can read.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from sparkgen.config.nearest import choose
from sparkgen.datasets.files import digest
from sparkgen.datasets.images import to_png
from sparkgen.datasets.storage import read_bytes, write_bytes
from sparkgen.errors import RequestError
from sparkgen.ingest.images.decode import BadImage, ImageRule, whole_image
from sparkgen.ingest.images.photographs import PHOTOGRAPHS, photograph_file
from sparkgen.training.request import picture_uri

if TYPE_CHECKING:
    from sparkgen.models.contract import GenerativeModel

PREFIX = "photograph:"
NAMES = tuple(f"{PREFIX}{name}" for name in PHOTOGRAPHS)
"""What requests name the photographs by that come with scikit-learn."""


class Picture(NamedTuple):
    """A picture that a training begins with."""

    png: bytes
    """A PNG file of it, with the channels of the records."""
    sha256: str
    """Of the file that the request names."""


def pictures_of(model: "GenerativeModel") -> dict[str, Picture]:
    """The pictures that a training of a model begins with, by the names of its options.

    Args:
        model: it may be an outline.

    Raises:
        RequestError: one cannot be read.
    """
    rule = ImageRule((0, 0, model.spec.shape[-1])) if model.reads else None
    return {
        option: _read(named, f"model.options.{option}", rule)
        for option, named in model.reads.items()
        if rule is not None
    }


def leave_pictures(pictures: Mapping[str, Picture], folder: str) -> dict[str, str]:
    """Copies pictures into the folder of a run.

    Returns:
        The tags that say which files they were.
    """
    for option, picture in pictures.items():
        write_bytes(picture_uri(folder, option), picture.png)
    return {f"picture_{option}_sha256": one.sha256 for option, one in pictures.items()}


def _read(named: str, key: str, rule: ImageRule) -> Picture:
    try:
        data = _bytes_of(named, key)
        return Picture(to_png(whole_image(data, rule)), digest(data))
    except (OSError, BadImage) as error:
        found = error.reason if isinstance(error, BadImage) else type(error).__name__
        raise RequestError(
            f"an image file, or {' or '.join(NAMES)}, as {key}",
            found=f"{named} ({found})",
            mend="correct the path",
        ) from error


def _bytes_of(named: str, key: str) -> bytes:
    if not named.startswith(PREFIX):
        return read_bytes(named)
    if named not in NAMES:
        raise RequestError(f"{' or '.join(NAMES)} as {key}", found=named, mend=choose(named, NAMES))
    return photograph_file(named.removeprefix(PREFIX))
