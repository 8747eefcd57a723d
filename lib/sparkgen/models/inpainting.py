"""Models that fill in missing pixels are given a picture, and which of its pixels are known.

`given["known"]` is a picture too: 1 where a pixel is known, 0 where it is missing.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from keras import ops

from sparkgen.config.options import KNOWN
from sparkgen.datasets.records import DataSpec
from sparkgen.models.contract import Given, Tensor


class KnownPixels(NamedTuple):
    """Pictures of which some pixels are known."""

    image: Tensor
    """float32 (B, H, W, C), range [0, 1]; what stands in missing pixels does not matter."""
    known: Tensor
    """bool (B, H, W, C)."""

    def over(self, made: Tensor) -> Tensor:
        """Pictures with the known pixels as they are, and the others as in `made`."""
        return ops.where(self.known, self.image, made)


def known_given(spec: DataSpec) -> dict[str, Given]:
    """The entry of `GenerativeModel.given` that says which pixels of a picture are known."""
    kind = spec.record.kind
    return {KNOWN: Given("record", spec.record.bare, required=False, needs=(kind,))}


def picture_given(spec: DataSpec) -> dict[str, Given]:
    """The entries of a model that takes a picture only to fill in its missing pixels."""
    picture = Given("record", spec.record.bare, required=False, needs=(KNOWN,))
    return {spec.record.kind: picture, **known_given(spec)}


def partial_picture(given: Mapping[str, Any], spec: DataSpec) -> KnownPixels | None:
    """What `generate` was given of a picture; None where it was given no picture with a mask."""
    if KNOWN not in given:
        return None
    image = ops.convert_to_tensor(given[spec.record.kind], "float32")
    return KnownPixels(image, ops.convert_to_tensor(given[KNOWN], "float32") > 0.5)
