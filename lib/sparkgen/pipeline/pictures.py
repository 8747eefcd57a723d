"""The pictures that a model is trained by, such as a style, are copied into the folder of a run.

What a request names may change, or lie where only the driver reads; the folder of a run keeps what it
began with, as files that every worker can read.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from sparkgen.config.nearest import choose
from sparkgen.datasets.images import to_png
from sparkgen.datasets.storage import read_bytes, write_bytes
from sparkgen.errors import RequestError
from sparkgen.ingest.images.decode import BadImage, ImageRule, whole_image
from sparkgen.training.request import picture_uri

if TYPE_CHECKING:
    from sparkgen.models.contract import GenerativeModel

PHOTOGRAPHS = {"photograph:china": "china.jpg", "photograph:flower": "flower.jpg"}
"""The names of those that come with scikit-learn."""


def pictures_of(model: "GenerativeModel") -> dict[str, bytes]:
    """The pictures that a training of a model begins with, as PNG files, by the names of its options.

    Args:
        model: it may be an outline.

    Raises:
        RequestError: one cannot be read.
    """
    rule = ImageRule((0, 0, model.spec.shape[-1])) if model.reads else None
    return {
        option: _as_png(named, f"model.options.{option}", rule)
        for option, named in model.reads.items()
        if rule is not None
    }


def leave_pictures(pictures: Mapping[str, bytes], folder: str) -> None:
    """Copies pictures into the folder of a run."""
    for option, png in pictures.items():
        write_bytes(picture_uri(folder, option), png)


def _as_png(named: str, key: str, rule: ImageRule) -> bytes:
    try:
        return to_png(whole_image(_bytes_of(named, key), rule))
    except (OSError, BadImage) as error:
        found = error.reason if isinstance(error, BadImage) else type(error).__name__
        raise RequestError(
            f"an image file, or {' or '.join(PHOTOGRAPHS)}, as {key}",
            found=f"{named} ({found})",
            mend="correct the path",
        ) from error


def _bytes_of(named: str, key: str) -> bytes:
    if not named.startswith("photograph:"):
        return read_bytes(named)
    if named not in PHOTOGRAPHS:
        raise RequestError(
            f"{' or '.join(PHOTOGRAPHS)} as {key}", found=named, mend=choose(named, PHOTOGRAPHS)
        )
    import sklearn.datasets

    return (Path(sklearn.datasets.__file__).parent / "images" / PHOTOGRAPHS[named]).read_bytes()
