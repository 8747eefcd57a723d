"""Decodes the encoded pictures of a block into records, whatever container they come from."""

import math
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from sparkgen.errors import IngestError
from sparkgen.ingest.block import Bad, Data, Records
from sparkgen.ingest.images.decode import BadImage, ImageRule, decode_image, fitted
from sparkgen.ingest.images.png import Form, plain_png, sheet
from sparkgen.ingest.layout import RAW_BYTES

SHEET_BYTES = 256 << 10  # of lines that are unfiltered at once; more of them would leave the caches


class Picture(NamedTuple):
    """An encoded picture with its label, or with the reason why it is no record.

    `position` is that of `Bad`. With a reason, `data` is what the quarantine keeps of it. `caption` is
    what stands beside it in words; None: nothing does.
    """

    position: int | str
    label: int
    data: bytes
    reason: str | None = None
    caption: str | None = None


def decode_pictures(
    pictures: Iterable[Picture], rule: ImageRule, *, most: int, uri: str
) -> Records:
    """The records of a block of pictures.

    Args:
        pictures: at most `most` of them; one large one at a time is in memory.
        rule: how they are decoded.
        most: pictures of a block.
        uri: where they lie, for messages.

    Raises:
        IngestError: too little memory for one of them.
    """
    pixels = np.empty((most, math.prod(rule.shape)), np.uint8)
    waiting = _Waiting(pixels, rule)
    labels: list[int] = []
    captions: list[str | None] = []
    bad: list[Bad] = []
    for picture in pictures:
        reason = picture.reason or _decode(picture, waiting, len(labels), uri)
        if reason is None:
            labels.append(picture.label)
            captions.append(picture.caption)
        else:  # a block may be full of them
            bad.append(Bad(picture.position, reason, picture.data[:RAW_BYTES]))
    waiting.finish()
    count = len(labels)
    beside = [caption or "" for caption in captions] if any(captions) else None
    return Records(
        np.array(labels, np.int32), pixels[:count], bad, count + len(bad), captions=beside
    )


def _decode(picture: Picture, waiting: "_Waiting", row: int, uri: str) -> str | None:
    """Decodes a picture into its row, at once or later; or says why it cannot be used."""
    data, rule = picture.data, waiting.rule
    plain = plain_png(data, max_pixels=rule.max_pixels)
    if plain is not None:
        waiting.add(row, plain.form, plain.lines)
        return None
    try:
        waiting.pixels[row] = decode_image(data, rule).reshape(-1)
    except BadImage as error:
        return error.reason
    except MemoryError as error:
        raise IngestError(f"too little memory to decode {picture.position} in {uri}") from error
    except Exception as error:  # decoders raise of every kind over damage
        # One picture stops no ingest: it goes to quarantine by a reason of its own, counted and told
        # like the others.
        return f"undecodable-image-{type(error).__name__}"
    return None


class _Waiting:
    """The plain pictures that wait to be unfiltered with others of their form."""

    def __init__(self, pixels: Data, rule: ImageRule) -> None:
        self.pixels, self.rule = pixels, rule
        self._found: dict[Form, list[tuple[int, bytes]]] = defaultdict(list)

    def add(self, row: int, form: Form, lines: bytes) -> None:
        found = self._found[form]
        found.append((row, lines))
        if len(found) * len(lines) >= SHEET_BYTES:
            self._unfilter(form, self._found.pop(form))

    def finish(self) -> None:
        for form, found in self._found.items():
            self._unfilter(form, found)

    def _unfilter(self, form: Form, found: list[tuple[int, bytes]]) -> None:
        rows, lines = zip(*found, strict=True)
        height, width, channels = self.rule.shape
        all_of_them = sheet(lines, form).convert("L" if channels == 1 else "RGB")
        step = form.height + 1
        if (form.height, form.width) == (height, width):
            array = np.asarray(all_of_them).reshape(len(rows), step, -1)[:, :height]
            self.pixels[list(rows)] = array.reshape(len(rows), -1)
            return
        for n, row in enumerate(rows):
            one = all_of_them.crop((0, n * step, form.width, n * step + form.height))
            self.pixels[row] = fitted(one, self.rule).reshape(-1)
