"""Makes noise as a pure function of a key: the seed, the purpose, and numbers such as a row's id.

Every random number of the project comes from a counter-based generator, Philox 4x64-10 (Salmon et
al., "Parallel Random Numbers: As Easy as 1, 2, 3", 2011). Its key is `(seed, stream, name)` and its
counter starts at three coordinates, such as `(epoch, step, lane)` or `(row id, 0, 0)`. Nothing is
drawn from shared state, so a number is the same on one core or a thousand executors, in whatever
order the work is done.
"""

import zlib
from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]


class NoiseSpec(NamedTuple):
    """The noise of one sample: its shape, and the distribution of every entry.

    `normal` is the standard normal, `uniform` is uniform on [0, 1).
    """

    shape: tuple[int, ...]
    distribution: Literal["normal", "uniform"] = "normal"


class Stream(IntEnum):
    """The purposes of random numbers; streams of one seed are independent of each other."""

    SAMPLE = 1
    TRAIN = 2
    EVALUATE = 3
    SHARDS = 4
    ROWS = 5
    INGEST = 6


def generator(
    seed: int, stream: Stream, name: str = "", at: tuple[int, int, int] = (0, 0, 0)
) -> np.random.Generator:
    """The random number generator of one key.

    Args:
        seed: 0 to 2**64 - 1.
        stream: what the numbers are for.
        name: tells several noises of one stream apart.
        at: coordinates, 0 to 2**64 - 1 each; every triple has 2**64 blocks of its own.
    """
    tag = (int(stream) << 32) | zlib.crc32(name.encode())
    key = np.array([seed, tag], dtype=np.uint64)
    counter = np.array([0, *at], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=counter))


def _draw(random: np.random.Generator, spec: NoiseSpec, rows: int) -> FloatArray:
    shape = (rows, *spec.shape)
    if spec.distribution == "normal":
        return random.standard_normal(shape, dtype=np.float32)
    return random.random(shape, dtype=np.float32)


def row_noise(
    spec: NoiseSpec,
    ids: Iterable[int],
    *,
    seed: int,
    stream: Stream = Stream.SAMPLE,
    name: str = "",
    epoch: int = 0,
) -> FloatArray:
    """The noise of rows or samples; each row depends on seed, stream, name, id and epoch alone.

    Args:
        spec: shape and distribution of one row's noise.
        ids: the B ids, 0 or more each.

    Returns:
        float32 (B, *spec.shape).
    """
    ids = list(ids)
    noise = np.empty((len(ids), *spec.shape), np.float32)
    random = generator(seed, stream, name)
    bits = random.bit_generator
    state = bits.state
    for row, i in enumerate(ids):
        # The state that `generator` would give a new one, which takes six times as long to make.
        state["state"]["counter"][:] = (0, int(i), epoch, 0)
        bits.state = state
        noise[row : row + 1] = _draw(random, spec, 1)
    return noise


def row_noises(
    specs: Mapping[str, NoiseSpec],
    ids: Iterable[int],
    *,
    seed: int,
    stream: Stream,
    epoch: int = 0,
) -> dict[str, FloatArray]:
    """The noise of rows or samples, by name, for several named noises; see `row_noise`."""
    ids = list(ids)
    return {
        name: row_noise(spec, ids, seed=seed, stream=stream, name=name, epoch=epoch)
        for name, spec in specs.items()
    }


def training_noise(
    spec: NoiseSpec, *, name: str, seed: int, epoch: int, step: int, lane: int, rows: int
) -> FloatArray:
    """The noise of the rows of one lane in one training step: float32 (rows, *spec.shape)."""
    return _draw(generator(seed, Stream.TRAIN, name, (lane, step, epoch)), spec, rows)


def permutation(
    length: int, *, seed: int, stream: Stream, at: tuple[int, int, int] = (0, 0, 0)
) -> IntArray:
    """A uniformly random permutation of 0 .. length - 1, as a function of its key."""
    return generator(seed, stream, at=at).permutation(length)
