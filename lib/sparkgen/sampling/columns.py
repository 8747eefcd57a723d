"""Lays samples out as the columns of a sample set's files."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sparkgen.datasets.records import Record

GIVEN = "given_"
FIGURE = "figure_"

Array = npt.NDArray[Any]


class Made(NamedTuple):
    """N samples that a model made."""

    data: Array
    """The records as they are stored: (N, *shape), or N pictures of any size."""
    figures: dict[str, npt.NDArray[np.float64]]
    """The figures of each sample, by name: (N,)."""

    def take(self, rows: Any) -> "Made":
        """Some of the samples, selected by a slice or by their numbers."""
        return Made(self.data[rows], {name: values[rows] for name, values in self.figures.items()})


def as_columns(
    ids: range,
    seed: int,
    made: Made,
    record: Record,
    given: Mapping[str, tuple[Array, Record | None]],
    names: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> pa.Table:
    """The rows of a sample set as an Arrow table.

    Args:
        ids: of the N samples.
        seed: of their noise.
        made: the N samples.
        record: what they are.
        given: by name, N values each and their record; None: labels, int32, and texts.
        names: of the values that have some, such as the paths of files: N of them.
    """
    count, labels = len(ids), pa.nulls(len(ids), pa.int32())
    cells = record.encode(made.data)
    further = []
    for name, (values, one) in given.items():
        column = _given_column(values) if one is None else one.encode(values)
        if name == "label" and column.type == pa.int32():
            labels = column
        else:
            further.append((pa.field(GIVEN + name, column.type, nullable=False), column))
    for name, called in names.items():
        field = pa.field(f"{GIVEN}{name}_name", pa.string(), nullable=False)
        further.append((field, pa.array(called, pa.string())))
    columns = [
        (pa.field("id", pa.int64(), nullable=False), pa.array(range(ids.start, ids.stop))),
        (pa.field("seed", pa.int64(), nullable=False), pa.array([seed] * count, pa.int64())),
        (pa.field("label", pa.int32()), labels),
        (pa.field(record.kind, cells.type, nullable=False), cells),
        *further,
        *(
            (pa.field(FIGURE + name, pa.float64(), nullable=False), pa.array(values, pa.float64()))
            for name, values in made.figures.items()
        ),
    ]
    fields, arrays = zip(*columns, strict=True)
    return pa.Table.from_arrays(list(arrays), schema=pa.schema(list(fields)))


def _given_column(values: Array) -> pa.Array:
    """Labels or texts as an Arrow column."""
    return pa.array(values, pa.string() if values.dtype.kind in "OU" else pa.int32())
