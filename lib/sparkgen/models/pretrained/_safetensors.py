"""Reads the tensors of a `.safetensors` file.

Such a file is the size of its header, uint64, little endian; the header, JSON that has of each tensor its
dtype, its shape and where its numbers begin and end; then the numbers. The library `safetensors` gives
NumPy no bfloat16, in which many networks are, and this reader takes a file that is mapped into memory.
"""

import json
import math
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
FLOATS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}
MOST_HEADER = 100_000_000
"""Bytes of a header, as the format has it."""


def read_tensors(data: bytes | memoryview) -> dict[str, Array]:
    """The tensors of floats in a file by name, float32; others, such as masks, are left out.

    Raises:
        ValueError: it is no such file, or it is damaged.
    """
    size = int.from_bytes(data[:8], "little")
    if not 2 <= size <= min(MOST_HEADER, len(data) - 8):
        raise ValueError("it does not begin as a .safetensors file")
    try:
        header = json.loads(bytes(data[8 : 8 + size]))
        entries = {name: one for name, one in header.items() if name != "__metadata__"}
        return {
            name: _tensor(one, data[8 + size :])
            for name, one in entries.items()
            if one["dtype"] in FLOATS
        }
    except (AttributeError, KeyError, RecursionError, TypeError, UnicodeDecodeError) as error:
        raise ValueError(f"its header is damaged ({type(error).__name__}: {error})") from None


def _tensor(entry: dict[str, Any], numbers: bytes | memoryview) -> Array:
    dtype, shape = entry["dtype"], [int(n) for n in entry["shape"]]
    begin, end = (int(n) for n in entry["data_offsets"])
    stored = np.dtype(FLOATS[dtype])
    if min([0, *shape]) < 0 or not 0 <= begin <= end <= len(numbers):
        raise ValueError("a tensor lies outside the file")
    if end - begin != math.prod(shape) * stored.itemsize:
        raise ValueError("a tensor has not as many numbers as its shape says")
    found = np.frombuffer(numbers[begin:end], stored).reshape(shape)
    if dtype == "BF16":  # the upper half of a float32
        return (found.astype(np.uint32) << 16).view(np.float32)
    return found.astype(np.float32)
