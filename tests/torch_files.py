"""Small files in PyTorch's old format, put together without PyTorch."""

import pickle
from collections.abc import Mapping

import numpy as np

STORAGES = {"<f4": "FloatStorage", "<i8": "LongStorage"}
MACHINE = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"long": 4}}


def torch_file(tensors: Mapping[str, np.ndarray]) -> bytes:
    """A file with tensors, each a view of a storage of its own in which its first axis comes last."""
    storages = {
        str(n): np.moveaxis(one, 0, -1) if one.ndim else one
        for n, one in enumerate(tensors.values())
    }
    entries = (
        _text(name) + _view(str(n), storages[str(n)], one)
        for n, (name, one) in enumerate(tensors.items())
    )
    state = b"\x80\x02ccollections\nOrderedDict\n)R(" + b"".join(entries) + b"u}b."
    head = (pickle.dumps(value, 2) for value in (0x1950A86A20F9469CFC6C, 1001, MACHINE))
    numbers = (
        storages[key].size.to_bytes(8, "little") + storages[key].tobytes()
        for key in sorted(storages, reverse=True)
    )
    keys = pickle.dumps(sorted(storages, reverse=True), 2)
    return b"".join((*head, state, keys, *numbers))


def calling(module: str, function: str, argument: str) -> bytes:
    """A file whose pickle calls a function."""
    state = b"\x80\x02" + f"c{module}\n{function}\n".encode() + _text(argument) + b"\x85R."
    head = (pickle.dumps(value, 2) for value in (0x1950A86A20F9469CFC6C, 1001, MACHINE))
    return b"".join((*head, state, pickle.dumps([], 2)))


def _view(key: str, storage: np.ndarray, tensor: np.ndarray) -> bytes:
    kind = STORAGES[tensor.dtype.str]
    steps = [step // tensor.itemsize for step in storage.copy("C").strides]
    strides = steps[-1:] + steps[:-1]
    of = b"(" + _text("storage") + f"ctorch\n{kind}\n".encode() + _text(key) + _text("cpu")
    of += _number(tensor.size) + b"NtQ"
    rest = _numbers(tensor.shape) + _numbers(strides) + b"\x89ccollections\nOrderedDict\n)R"
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + of + b"K\x00" + rest + b"tR"


def _text(text: str) -> bytes:
    return b"X" + len(text).to_bytes(4, "little") + text.encode()


def _number(number: int) -> bytes:
    return b"J" + number.to_bytes(4, "little")


def _numbers(numbers: tuple[int, ...] | list[int]) -> bytes:
    return b"(" + b"".join(map(_number, numbers)) + b"t"
