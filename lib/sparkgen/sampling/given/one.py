"""The source `one` gives one label to every sample."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from sparkgen.config.options import check_label
from sparkgen.datasets.manifest import DatasetVersion
from sparkgen.errors import RequestError
from sparkgen.sampling.given._source import GivenSource, SourceConfig, Wanted


class Config(SourceConfig):
    """It gives one label to every sample."""

    value: Annotated[int, Field(ge=0)]
    """The label, one that training rows have, or a number of the model's own, as that of a filter."""

    def check(self, wanted: Wanted) -> None:
        if wanted.what != "label":
            raise wanted.refuse("one, which gives a label")
        key = f"{wanted.key}.value"
        if wanted.choices is None:
            check_label(self.value, wanted.spec.labels, model="the model", key=key)
        elif self.value >= wanted.choices:
            raise RequestError(
                f"{key} from 0 to {wanted.choices - 1}", found=str(self.value), mend="correct it"
            )

    def open(self, wanted: Wanted, version: Callable[[], DatasetVersion]) -> GivenSource:
        return One(self.value)


@dataclass(frozen=True)
class One(GivenSource):
    """The values of the source: the same label for every sample."""

    value: int

    @property
    def identity(self) -> dict[str, Any]:
        return {"value": self.value}

    def values(self, ids: range) -> npt.NDArray[np.int32]:
        return np.full(len(ids), self.value, np.int32)
