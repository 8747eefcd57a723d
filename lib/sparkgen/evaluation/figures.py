"""Defines a figure: a measured number together with how, and on which data, it was computed."""

import json
from typing import NamedTuple

from sparkgen.errors import RequestError


class Figure(NamedTuple):
    """One measured number of a model, with its protocol and its data."""

    value: float
    standard_error: float | None
    """Of the mean over the rows; None where the figure is no mean."""
    protocol: str
    """How it was computed, in words that are equal for comparable figures."""
    rows: int
    """Rows or samples that it was computed from."""
    dataset: str
    dataset_version: str
    split: str
    seed: int
    """Of whatever noise the figure needs."""

    def to_json(self) -> str:
        """The figure as a JSON object."""
        return json.dumps(self._asdict(), sort_keys=True)


def from_json(text: str) -> Figure:
    """The figure in a JSON text that `to_json` wrote."""
    return Figure(**json.loads(text))


def comparable(one: Figure, other: Figure) -> bool:
    """Whether two figures can be compared: same protocol, same data, same number of rows."""
    return _question(one) == _question(other)


def difference(one: Figure, other: Figure) -> float:
    """The value of `one` minus the value of `other`.

    Raises:
        RequestError: they are figures of different protocols or different data.
    """
    if not comparable(one, other):
        raise RequestError(
            f"a figure of the same protocol and data as [{' | '.join(_question(one))}]",
            found=f"[{' | '.join(_question(other))}]",
            mend="evaluate both models on the same dataset version with the same settings",
        )
    return one.value - other.value


def _question(figure: Figure) -> tuple[str, ...]:
    data = (figure.dataset, figure.dataset_version, figure.split, f"{figure.rows} rows")
    return (figure.protocol, *data)
