"""One label for every sample."""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from sparkgen.config.options import check_label
from sparkgen.config.strict import Strict
from sparkgen.errors import RequestError
from sparkgen.sampling.given import GivenSource, Wanted


class Config(Strict):
    """Options of the source `one`."""

    value: Annotated[int, Field(ge=0)]
    """The label."""


@dataclass(frozen=True)
class One(GivenSource):
    """The same label again and again."""

    value: int

    @property
    def identity(self) -> dict[str, Any]:
        return {"value": self.value}

    def values(self, ids: range) -> npt.NDArray[np.int32]:
        return np.full(len(ids), self.value, np.int32)


def open_source(config: Config, wanted: Wanted) -> GivenSource:
    """The source of a label that training rows have.

    Raises:
        RequestError: another label, or no label is wanted.
    """
    if wanted.given.what != "label":
        raise RequestError(
            f"a source of a {wanted.given.what} for sampling.given.{wanted.name}",
            found="one, which gives a label",
            mend="choose another",
        )
    check_label(config.value, wanted.spec.labels, model="the model")
    return One(config.value)
