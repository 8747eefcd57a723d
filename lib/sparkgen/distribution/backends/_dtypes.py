"""Tensors of several dtypes are exchanged: those of each dtype together."""

from collections.abc import Callable, Sequence
from itertools import groupby

from sparkgen.distribution.ring import Tensor


def by_dtype(
    exchange: Callable[[Sequence[Tensor]], Sequence[Tensor]], tensors: Sequence[Tensor]
) -> list[Tensor]:
    """What an exchange of tensors of one dtype gives of tensors of any, in their order."""
    given: dict[int, Tensor] = {}
    for _, group in groupby(sorted(enumerate(tensors), key=_dtype), key=_dtype):
        indices, some = zip(*group, strict=True)
        given |= zip(indices, exchange(some), strict=True)
    return [given[i] for i in range(len(tensors))]


def _dtype(numbered: tuple[int, Tensor]) -> str:
    return str(numbered[1].dtype.name)
