"""Reads NumPy's files: an array in .npy, or several in .npz, a block of rows at a time.

What is not compressed is read in place; what is, is inflated from its start. Nothing in these files is
ever unpickled, since that could run code.
"""

import math
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from tokenize import TokenError
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from sparkgen.datasets.storage import open_uri
from sparkgen.errors import IngestError, RequestError
from sparkgen.ingest.files.compressed import Turns
from sparkgen.ingest.files.member import DAMAGE, damaged
from sparkgen.ingest.files.zip import list_zip

MOST_HEADER_BYTES = 1 << 16
SKIP_BYTES = 1 << 20
HEADER_DAMAGE = (ValueError, TypeError, SyntaxError, TokenError, RecursionError, MemoryError)
"""What NumPy raises over headers, which are text in the form of Python's literals."""
LOCAL_HEADER = slice(26, 30)  # where a member's own header says how long its two texts are
LOCAL_HEADER_BYTES = 30

Array = npt.NDArray[Any]


class NpyArray(NamedTuple):
    """An array in a file: its name in an .npz, its shape and type, and where its numbers begin.

    `offset` counts from the start of the file, or, of a `packed` member, from the start of its content.
    """

    uri: str
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    offset: int
    packed: bool

    @property
    def row_bytes(self) -> int:
        return math.prod(self.shape[1:]) * self.dtype.itemsize

    def __str__(self) -> str:
        return f"{self.name} of {self.uri}" if self.name else self.uri


def arrays_of(uri: str) -> dict[str, NpyArray]:
    """The arrays of a file by name; the one of an .npy has the name "".

    Raises:
        RequestError: it is no such file, or one that is damaged, or an array that would be unpickled.
    """
    filesystem, path = open_uri(uri)
    with filesystem.open_input_file(path) as file:
        try:
            head = bytes(file.read(len(npy.MAGIC_PREFIX)))
            file.seek(0)
            if head == npy.MAGIC_PREFIX:
                return {"": _header(uri, "", file, file.size())}
            if not head.startswith(b"PK"):
                raise RequestError(
                    f"a NumPy file, .npy or .npz, at {uri}",
                    found=f"one that begins {head!r}" if head else "an empty file",
                    mend="correct the dataset's source",
                )
            return _members(uri, file)
        except DAMAGE as error:
            raise damaged(uri, f"an error ({error or type(error).__name__})") from None


def blocks_of(array: NpyArray, turns: Turns, rows: int) -> Iterator[tuple[int, Array]]:
    """Some blocks of the rows of an array, (<= `rows`, ...), with their numbers.

    Args:
        array: from `arrays_of`.
        turns: which blocks.
        rows: of a block.

    Raises:
        IngestError: the file ends before the array does, or is damaged.
    """
    count = -(-array.shape[0] // rows)
    numbers = range(turns.first, min(turns.stop or count, count), turns.step)
    with _opened(array) as file:
        at = array.offset
        if not array.packed:
            file.seek(at)
        for number in numbers:
            start = array.offset + number * rows * array.row_bytes
            if not array.packed:
                file.seek(start)
            else:
                _skip(array, file, start - at)
            length = min(rows, array.shape[0] - number * rows)
            data = _exactly(array, file, length * array.row_bytes)
            at = start + len(data)
            yield number, np.frombuffer(data, array.dtype).reshape(length, *array.shape[1:])


def _members(uri: str, file: Any) -> dict[str, NpyArray]:
    faults = [member for member in list_zip(uri, file) if member.fault]
    if faults:
        raise damaged(uri, f"{faults[0].name}, {faults[0].fault}")
    arrays = {}
    with zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            name = info.filename.removesuffix(".npy")
            if name == info.filename:
                continue
            packed = info.compress_type != zipfile.ZIP_STORED
            with archive.open(info) as stream:
                array = _header(uri, name, stream, info.file_size)
            arrays[name] = array._replace(packed=packed)
            if not packed:
                offset = array.offset + _content(file, info.header_offset)
                arrays[name] = array._replace(offset=offset)
    return arrays


def _content(file: Any, header: int) -> int:
    """Where the content of a member begins that is not compressed."""
    file.seek(header)
    name, extra = np.frombuffer(file.read(LOCAL_HEADER_BYTES)[LOCAL_HEADER], "<u2").tolist()
    return header + LOCAL_HEADER_BYTES + int(name) + int(extra)


def _header(uri: str, name: str, stream: Any, size: int) -> NpyArray:
    """The array at the start of a stream of `size` bytes, as its header has it."""
    read: Any = npy  # its stub leaves some of this out
    version = read.read_magic(stream)
    header = read.read_array_header_1_0 if version == (1, 0) else read.read_array_header_2_0
    try:
        shape, fortran, dtype = header(stream, max_header_size=MOST_HEADER_BYTES)
    except HEADER_DAMAGE as error:
        raise ValueError(f"its header is none: {error}") from None
    array = NpyArray(uri, name, shape, dtype, stream.tell(), packed=False)
    if dtype.hasobject:
        raise RequestError(
            f"numbers or text in {array}",
            found="objects of Python, which are not read, since that could run code",
            mend="save it with a dtype of its own, such as uint8, int64 or <U20",
        )
    if fortran and len(shape) > 1:
        raise RequestError(
            f"rows one after the other in {array}",
            found="an array in Fortran order",
            mend="save numpy.ascontiguousarray of it",
        )
    declared = array.offset + math.prod(shape) * dtype.itemsize
    if size != declared:
        raise ValueError(f"{size} bytes of {array}, whose header declares {declared}")
    return array


@contextmanager
def _opened(array: NpyArray) -> Iterator[Any]:
    """The file of an array, or the content of its member where that is compressed."""
    filesystem, path = open_uri(array.uri)
    try:
        with filesystem.open_input_file(path) as file:
            if not array.packed:
                yield file
                return
            with zipfile.ZipFile(file) as archive, archive.open(f"{array.name}.npy") as stream:
                _skip(array, stream, array.offset)
                yield stream
    except DAMAGE as error:
        raise IngestError(f"{array} cannot be read: {error or type(error).__name__}") from error


def _skip(array: NpyArray, stream: Any, size: int) -> None:
    for done in range(0, size, SKIP_BYTES):
        _exactly(array, stream, min(SKIP_BYTES, size - done))


def _exactly(array: NpyArray, stream: Any, size: int) -> bytes:
    data = bytes(stream.read(size))
    if len(data) < size:
        raise IngestError(f"{array} ends before its last row")
    return data
