"""Reads the tensors of a file in PyTorch's old format, without PyTorch, and runs none of its code.

Such a file, as `torch.save` wrote until version 1.5, is five pickles, then the numbers:

    a magic number, the version 1001, the writer's machine,
    the tensors by name: each a view of a storage, which has a key and a type,
    the keys of the storages, in the order in which their numbers follow

and of each storage the count of its numbers, int64, then the numbers. A pickle is a program for a stack
machine, which may name any function and call it. Here only those operations are done that make
dictionaries, tuples and numbers; the few names that stand for tensors are known, any other is refused.
"""

import io
import math
import pickletools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

MAGIC = 0x1950A86A20F9469CFC6C
VERSION = 1001
REBUILD = "torch._utils _rebuild_tensor_v2"
DICTIONARY = "collections OrderedDict"
DTYPES = {
    "torch DoubleStorage": "<f8",
    "torch FloatStorage": "<f4",
    "torch HalfStorage": "<f2",
    "torch LongStorage": "<i8",
    "torch IntStorage": "<i4",
    "torch ShortStorage": "<i2",
    "torch CharStorage": "<i1",
    "torch ByteStorage": "<u1",
    "torch BoolStorage": "?",
}


class _Storage(NamedTuple):
    """Numbers that tensors are views of."""

    key: str
    dtype: str
    size: int
    """How many numbers."""


class _View(NamedTuple):
    """A tensor: some numbers of a storage, in some order. Offset and strides are in numbers."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _Mark:
    """Where on the stack the entries of a tuple or of a dictionary begin."""


def read_tensors(data: bytes) -> dict[str, Array]:
    """The tensors of a file by name.

    Args:
        data: the file.

    Raises:
        ValueError: it is no such file, it is damaged, or it names anything but tensors.
    """
    file = io.BytesIO(data)
    try:
        head = [_unpickled(file) for _ in range(3)]
        if head[0] != MAGIC or head[1] != VERSION or head[2].get("little_endian") is not True:
            raise ValueError("it does not begin as a file of PyTorch's old format")
        views, keys = _unpickled(file), _unpickled(file)
        numbers = _numbers(file, {v.storage.key: v.storage for v in views.values()}, keys)
        return {str(name): _tensor(view, numbers[view.storage.key]) for name, view in views.items()}
    except (
        AttributeError,
        IndexError,
        KeyError,
        OverflowError,
        RecursionError,
        TypeError,
    ) as error:
        raise ValueError(f"it is damaged ({type(error).__name__}: {error})") from None


def _numbers(file: io.BytesIO, storages: dict[str, _Storage], keys: list[str]) -> dict[str, Array]:
    found = {}
    for key in keys:
        storage = storages[key]
        if int.from_bytes(file.read(8), "little") != storage.size:
            raise ValueError(f"the storage {key} has not as many numbers as its tensors say")
        dtype = np.dtype(storage.dtype)
        numbers = file.read(storage.size * dtype.itemsize)
        if len(numbers) != storage.size * dtype.itemsize:
            raise ValueError("it ends too early")
        found[key] = np.frombuffer(numbers, dtype)
    if file.read(1):
        raise ValueError("it goes on after its last number")
    return found


def _tensor(view: _View, numbers: Array) -> Array:
    offset, shape, strides = view.offset, view.shape, view.strides
    last = offset + sum((n - 1) * stride for n, stride in zip(shape, strides, strict=True))
    if min((offset, *shape, *strides)) < 0 or (0 not in shape and last >= len(numbers)):
        raise ValueError("a tensor lies outside its storage")
    if math.prod(shape) > len(numbers):  # a stride of 0 repeats numbers without end
        raise ValueError("a tensor has more numbers than its storage")
    steps = [stride * numbers.itemsize for stride in strides]
    return np.lib.stride_tricks.as_strided(numbers[offset:], shape, steps).copy()


def _unpickled(file: io.BytesIO) -> Any:
    """The value of the next pickle, of the operations that PyTorch's files have."""
    stack: list[Any] = []
    memo: dict[Any, Any] = {}
    for operation, argument, _ in pickletools.genops(file):
        name = operation.name
        if name in PUSHES:
            stack.append(PUSHES[name](argument))
        elif name in CHANGES:
            CHANGES[name](stack)
        elif name in ("BINPUT", "LONG_BINPUT"):
            memo[argument] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            stack.append(memo[argument])
        elif name == "STOP":
            return stack.pop()
        elif name != "PROTO":
            raise ValueError(f"it has the operation {name}, which no file of tensors has")
    raise ValueError("it ends too early")


def _named(name: str) -> str:
    if name not in (REBUILD, DICTIONARY, *DTYPES):
        raise ValueError(f"it names {name.replace(' ', '.')}, and only tensors are read")
    return name


def _same(argument: Any) -> Any:
    return argument


PUSHES: dict[str, Callable[[Any], Any]] = {
    "BININT": _same,
    "BININT1": _same,
    "BININT2": _same,
    "LONG1": _same,
    "BINUNICODE": _same,
    "GLOBAL": _named,
    "NONE": lambda _: None,
    "NEWTRUE": lambda _: True,
    "NEWFALSE": lambda _: False,
    "EMPTY_DICT": lambda _: {},
    "EMPTY_LIST": lambda _: [],
    "EMPTY_TUPLE": lambda _: (),
    "MARK": lambda _: _Mark(),
}
"""Operations that put a value on the stack: what that is, of the operation's argument."""


def _since_mark(stack: list[Any]) -> list[Any]:
    values = []
    while not isinstance(value := stack.pop(), _Mark):
        values.append(value)
    return values[::-1]


def _last(stack: list[Any], count: int) -> list[Any]:
    return [stack.pop() for _ in range(count)][::-1]


def _tuple(values: list[Any]) -> tuple[Any, ...]:
    # Its hash takes a call for each level of tuples in it, and too many end the process.
    inner = (value for value in values if isinstance(value, tuple))
    if any(isinstance(value, tuple) for one in inner for value in one):
        raise ValueError("it has a tuple in a tuple in a tuple, which no tensor has")
    return tuple(values)


def _append(stack: list[Any], values: list[Any]) -> None:
    stack[-1].extend(values)


def _set_items(stack: list[Any], values: list[Any]) -> None:
    names = values[::2]
    if not all(isinstance(name, str) for name in names):
        raise ValueError("it has a dictionary with a key that is no text")
    stack[-1].update(zip(names, values[1::2], strict=True))


def _load_storage(stack: list[Any]) -> None:
    word, kind, key, _, count, view = stack.pop()
    if word != "storage" or view is not None:
        raise ValueError("it refers to something that is no storage")
    stack.append(_Storage(key, DTYPES[kind], count))


def _call(stack: list[Any]) -> None:
    """A call of one of the known names: it makes an empty dictionary, or a view."""
    arguments, name = stack.pop(), stack.pop()
    if name == DICTIONARY and arguments == ():
        stack.append({})
    elif name == REBUILD and isinstance(arguments[0], _Storage):
        stack.append(_View(*arguments[:4]))
    else:
        raise ValueError("it calls something that makes no tensor")


def _leave_out_state(stack: list[Any]) -> None:
    # The dictionary's own attributes, which are notes of PyTorch's.
    if not isinstance(stack[-2], dict):
        raise ValueError("it changes something that is no dictionary")
    stack.pop()


CHANGES: dict[str, Callable[[list[Any]], None]] = {
    "TUPLE": lambda stack: stack.append(_tuple(_since_mark(stack))),
    "TUPLE1": lambda stack: stack.append(_tuple(_last(stack, 1))),
    "TUPLE2": lambda stack: stack.append(_tuple(_last(stack, 2))),
    "TUPLE3": lambda stack: stack.append(_tuple(_last(stack, 3))),
    "APPEND": lambda stack: _append(stack, [stack.pop()]),
    "APPENDS": lambda stack: _append(stack, _since_mark(stack)),
    "SETITEM": lambda stack: _set_items(stack, _last(stack, 2)),
    "SETITEMS": lambda stack: _set_items(stack, _since_mark(stack)),
    "BINPERSID": _load_storage,
    "REDUCE": _call,
    "BUILD": _leave_out_state,
}
"""Operations on the values of the stack."""
