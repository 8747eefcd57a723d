"""Finds the arrays of pictures and labels in NumPy files at a path."""

from typing import NamedTuple

from sparkgen.errors import RequestError
from sparkgen.ingest.arrays.npy import NpyArray, arrays_of
from sparkgen.ingest.arrays.pairs import find_pairs
from sparkgen.ingest.files.split_words import split_of
from sparkgen.ingest.looking.look import Look
from sparkgen.ingest.looking.shape_guess import square_shape
from sparkgen.ingest.looking.split_files import split_files

ENDINGS = (".npz", ".npy")


class Arrays(NamedTuple):
    """The keys of a source of arrays, what is to be said of them, the pictures' shape and number.

    Of several .npz, the number is that of as many as the first one.
    """

    keys: dict[str, str]
    told: str
    shape: tuple[int, int, int]
    rows: int


def guess_arrays(look: Look) -> Arrays | None:
    """The arrays at a path: an .npz, several of them, or .npy of pictures beside .npy of labels.

    Raises:
        RequestError: NumPy files that are damaged, or whose arrays are no pictures.
    """
    files = [file for file in look.files if file.lower().endswith(ENDINGS)]
    if not files:
        return None
    if npz := [file for file in files if file.lower().endswith(".npz")]:
        found, others = _of_npz(look, npz), [_name(f) for f in files if f not in npz]
        return found._replace(told=found.told + _unused(others))
    if look.kind == "file":
        files = look.beside("*.npy")
    arrays = {file: arrays_of(file)[""] for file in files}
    pictures = [file for file in files if len(arrays[file].shape) > 1 and arrays[file].shape[1] > 1]
    if look.kind == "file" and look.path in pictures and split_of(_name(look.path)) is None:
        pictures = [look.path]
    splits = {f: split_of(_name(f)) for f in pictures}
    held_out = "test" if "test" in splits.values() else "validation"
    test = [f for f in pictures if splits[f] == held_out]
    train = [f for f in pictures if splits[f] == "train"] or [f for f in pictures if not splits[f]]
    if not train:
        raise RequestError(
            f"an array of pictures in {look.path}",
            found=", ".join(f"{_name(f)} {list(a.shape)}" for f, a in arrays.items()),
            mend="give the path of one",
        )
    keys, told = _of_split("train", train[0], arrays), [_text(train[0], arrays)]
    if test:
        keys |= _of_split("test", test[0], arrays)
        told.append(_text(test[0], arrays))
    others = [_name(f) for f in files if f not in keys.values()]
    rows = sum(arrays[some[0]].shape[0] for some in (train, test) if some)
    return Arrays(keys, "; ".join(told) + _unused(others), _shape(arrays[train[0]]), rows)


def _of_npz(look: Look, files: list[str]) -> Arrays:
    arrays = arrays_of(files[0])
    splits = split_files(look, files)
    keys = splits.keys
    try:
        pairs = find_pairs(arrays, None, None)
    except RequestError:
        named = _by_form(arrays)
        if named is None:
            raise
        keys |= named
        pairs = find_pairs(arrays, named["images"], named.get("labels"))
    first = pairs.get("train") or pairs.get("") or next(iter(pairs.values()))
    told = ", ".join(f"{name} {list(array.shape)}" for name, array in arrays.items())
    rows = len(files) * sum(pair.images.shape[0] for pair in pairs.values())
    return Arrays(keys, f"arrays {told}{splits.told}", _shape(first.images), rows)


def _by_form(arrays: dict[str, NpyArray]) -> dict[str, str] | None:
    """The only array that has the form of pictures, and the only one of a label for each of them."""
    pictures = [name for name, array in arrays.items() if len(array.shape) in (3, 4)]
    if len(pictures) != 1:
        return None
    rows = arrays[pictures[0]].shape[0]
    labels = [n for n, a in arrays.items() if a.shape in ((rows,), (rows, 1))]
    return {"images": pictures[0], **({"labels": labels[0]} if len(labels) == 1 else {})}


def _of_split(split: str, file: str, arrays: dict[str, NpyArray]) -> dict[str, str]:
    rows = arrays[file].shape[0]
    labels = [
        f
        for f, array in arrays.items()
        if array.shape in ((rows,), (rows, 1)) and split_of(_name(f)) == split_of(_name(file))
    ]
    return {split: file, **({f"{split}_labels": labels[0]} if len(labels) == 1 else {})}


def _shape(images: NpyArray) -> tuple[int, int, int]:
    """The shape of the pictures of an array.

    Raises:
        RequestError: its rows are no pictures.
    """
    sides = images.shape[1:]
    if len(sides) == 3:
        first, _, last = sides
        if first in (1, 3) and last not in (1, 3):  # which the source refuses, and says how to mend
            return sides[1], sides[2], first
        return sides[0], sides[1], last
    if len(sides) == 2:
        return sides[0], sides[1], 1
    square = square_shape(sides[0]) if sides else None
    if square is None:
        raise RequestError(
            f"an array of pictures, (N, H, W), (N, H, W, C) or rows of square ones, as {images}",
            found=f"the shape {list(images.shape)}",
            mend="reshape it",
        )
    return square


def _text(file: str, arrays: dict[str, NpyArray]) -> str:
    return f"{_name(file)} {list(arrays[file].shape)}"


def _unused(files: list[str]) -> str:
    return f"; not used: {', '.join(files)}" if files else ""


def _name(file: str) -> str:
    return file.rpartition("/")[2]
