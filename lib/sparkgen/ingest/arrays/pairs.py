"""Finds the arrays of pictures and of labels of each split, and reads both in blocks."""

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from sparkgen.datasets.records import Record
from sparkgen.errors import RequestError
from sparkgen.ingest.arrays.npy import Array, NpyArray, blocks_of
from sparkgen.ingest.block import Bad, Block, Records, block_rows
from sparkgen.ingest.class_values import UNKNOWN, as_value, shown
from sparkgen.ingest.files.compressed import MOST_READERS, Turns
from sparkgen.ingest.files.split_words import SPLITS
from sparkgen.ingest.pixel_scale import FRACTION, OUTSIDE, Scale

BLOCK_ROWS = 4096
LABEL_ROWS = 1 << 20
MOST_LABEL_BYTES = 4096
IMAGES = ("images", "image", "x", "data", "imgs", "features", "pixels")
LABELS = ("labels", "label", "y", "targets", "target", "classes", "class")
WORDS = {
    split: tuple(word for word, meant in SPLITS.items() if meant == split)
    for split in ("train", "test", "validation")
}
"""What arrays are called, each with the name of its split before or behind it or without."""

log = logging.getLogger(__name__)


class Pair(NamedTuple):
    """The pictures of a split, and their labels where there are some."""

    images: NpyArray
    labels: NpyArray | None


class ArrayRule(NamedTuple):
    """How rows become records: the bytes of a record, the scale, the label of each value."""

    size: int
    scale: Scale
    labels: Mapping[str, int]


class ArrayShare(NamedTuple):
    """Some blocks of a pair of arrays."""

    split: str
    file: int
    pair: Pair
    rule: ArrayRule
    turns: Turns

    def blocks(self) -> Iterator[Block]:
        rows = _rows(self.pair.images)
        pictures = blocks_of(self.pair.images, self.turns, rows)
        if self.pair.labels is None:
            for number, pixels in pictures:
                labels = np.zeros(len(pixels), np.int64)
                yield Block(self.split, self.file, number, records_of(pixels, labels, self.rule))
            return
        values = blocks_of(self.pair.labels, self.turns, rows)
        for (number, pixels), (_, some) in zip(pictures, values, strict=True):
            labels = _labels(some, self.rule.labels)
            yield Block(self.split, self.file, number, records_of(pixels, labels, self.rule))


def find_pairs(
    arrays: Mapping[str, NpyArray], images: str | None, labels: str | None
) -> dict[str, Pair]:
    """The pairs of an .npz by split; "" is the split of arrays whose names say none.

    Args:
        arrays: by name.
        images: the stated name of the array of pictures; None: by `IMAGES` and `WORDS`.
        labels: of the labels, in the same way.

    Raises:
        RequestError: no array has the stated or such a name.
    """
    for key, name in (("images", images), ("labels", labels)):
        if name is not None and name not in arrays:
            raise RequestError(
                f"source.{key}, the name of an array",
                found=f"{name}, {_there(arrays)}",
                mend="correct it",
            )
    if images is not None:
        return {"": Pair(arrays[images], arrays[labels] if labels is not None else None)}
    pairs = {}
    for split, words in {**WORDS, "": ("",)}.items():
        found = _named(arrays, IMAGES, words)
        if found is not None:
            pairs[split] = Pair(found, _named(arrays, LABELS, words))
    if not pairs and (len(arrays) == 1 or {"arr_0", "arr_1"} == set(arrays)):
        only, *labels_too = [arrays[name] for name in sorted(arrays)]
        pairs[""] = Pair(only, labels_too[0] if labels_too else None)
    if not pairs:
        raise RequestError(
            "arrays of pictures and labels with names such as x_train and y_train, or images and labels",
            found=_there(arrays),
            mend="name them as source.images and source.labels",
        )
    return pairs


def check_pair(pair: Pair, record: Record, scale: Scale) -> Scale:
    """The scale of an array of pictures that fits the configuration.

    Raises:
        RequestError: the arrays are not of this shape, type or length.
    """
    images, labels = pair
    _refuse_shape(images, record.shape)
    if images.dtype.kind not in "buif":
        raise RequestError(
            f"pictures of whole numbers or fractions in {images}",
            found=str(images.dtype),
            mend="convert them",
        )
    if images.dtype.kind == "f" and not scale.stated:
        raise RequestError(
            f"source.value_max, the value that is white in {images}, which has fractions",
            found="none",
            mend="set it to 1.0, or to 255.0",
        )
    if labels is not None and (
        labels.dtype.kind not in "buifUS"
        or labels.row_bytes > MOST_LABEL_BYTES
        or labels.shape not in (images.shape[:1], (images.shape[0], 1))
    ):
        raise RequestError(
            f"a label, a number or a text, for each of the {images.shape[0]} pictures in {labels}",
            found=f"{labels.dtype} of the shape {list(labels.shape)}",
            mend="give the labels of these pictures, one each",
        )
    if len(images.shape) == 2 and record.shape[-1] > 1:
        log.warning(
            "each row of %s is taken for a picture in order of height, width, channels; where it is one "
            "plane after the other, save it as (N, height, width, channels)",
            images,
        )
    return Scale(1.0, stated=True) if images.dtype.kind == "b" else scale


def count_labels(labels: NpyArray) -> Counter[str]:
    """How many records there are of each value in an array of labels."""
    counts: Counter[str] = Counter()
    rows = block_rows(LABEL_ROWS, labels.row_bytes)
    for _, values in blocks_of(labels, Turns(0, 1, None), rows):
        found, times = np.unique(values, return_counts=True)
        for value, count in zip(found.tolist(), times.tolist(), strict=True):
            counts[_value(value)] += count
    return counts


def array_shares(
    split: str, file: int, pair: Pair, *, rule: ArrayRule, tasks: int
) -> list[ArrayShare]:
    """The shares of a pair, for about as many tasks as there are cores."""
    blocks = -(-pair.images.shape[0] // _rows(pair.images))
    if pair.images.packed:  # each task inflates all of it, and keeps every k-th block
        step = max(1, min(tasks, blocks, MOST_READERS))
        turns = [Turns(first, step, blocks) for first in range(step)]
    else:
        share = max(1, -(-blocks // tasks))
        turns = [Turns(first, 1, min(first + share, blocks)) for first in range(0, blocks, share)]
    return [ArrayShare(split, file, pair, rule, some) for some in turns]


def records_of(pixels: Array, labels: Array, rule: ArrayRule) -> Records:
    """The records of some rows: values (N, ...) in order of height, width, channels; labels (N,)."""
    values = pixels.reshape(len(pixels), rule.size)
    outside, fraction = rule.scale.outside(values), rule.scale.fractions(values)
    wrong = outside.any(1) | fraction.any(1) | (labels < 0)
    bad = []
    for row in np.flatnonzero(wrong).tolist():
        reason, found = "unknown-label", None
        for why, which in ((FRACTION, fraction[row]), (OUTSIDE, outside[row])):
            if which.any():
                reason, found = why, float(values[row][which][0])
        finite = found if found is not None and np.isfinite(found) else None
        bad.append(Bad(row, reason, pixels[row].tobytes(), finite))
    kept = values[~wrong]
    levels, seen = rule.scale.levels(kept), rule.scale.seen(kept)
    return Records(labels[~wrong].astype(np.int32), levels, bad, len(pixels), seen)


def _rows(images: NpyArray) -> int:
    """The rows of a block; fewer where the array is of wider numbers than a record."""
    return block_rows(BLOCK_ROWS, max(1, images.row_bytes))


def _labels(values: Array, labels: Mapping[str, int]) -> Array:
    found, at = np.unique(values.reshape(len(values)), return_inverse=True)
    known = [labels.get(_value(value), UNKNOWN) for value in found.tolist()]
    return np.array(known, np.int64)[at]


def _value(value: Any) -> str:
    if isinstance(value, bytes):
        return as_value(value.decode("utf-8", "replace"))
    return as_value(int(value) if isinstance(value, bool) else value)


def _named(
    arrays: Mapping[str, NpyArray], names: Sequence[str], words: Sequence[str]
) -> NpyArray | None:
    """The array that one of some names with one of the words of a split names."""
    lower = {name.lower().replace("-", "_"): array for name, array in arrays.items()}
    for name in names:
        for word in words:
            for form in (f"{name}_{word}", f"{word}_{name}", f"{name}{word}", f"{word}{name}"):
                if (array := lower.get(form)) is not None:
                    return array
    return None


def _refuse_shape(images: NpyArray, shape: Sequence[int]) -> None:
    """Refuses pictures of another shape than the data set's; sides of 1 do not matter."""
    found = images.shape[1:]
    wanted = [n for n in shape if n != 1]
    if [n for n in found if n != 1] == wanted or found == (int(np.prod(shape)),):
        if images.shape[0]:
            return
        raise RequestError(
            f"pictures in {images}", found="none", mend="correct the dataset's source"
        )
    height, width, channels = shape
    if found == (channels, height, width):
        raise RequestError(
            f"pictures of the shape {list(shape)} in {images}",
            found=f"{list(found)}, channels first",
            mend="save array.transpose(0, 2, 3, 1), channels last",
        )
    raise RequestError(
        f"pictures of the shape {list(shape)} in {images}",
        found=f"an array of the shape {list(images.shape)}",
        mend="set the dataset's shape to that of the pictures",
    )


def _there(arrays: Mapping[str, NpyArray]) -> str:
    names = shown([f"{name} {list(array.shape)}" for name, array in arrays.items()])
    return f"where there are {names}" if names else "where there is no array"
