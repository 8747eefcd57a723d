"""The source `one` gives one label or one text to every sample."""

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
    """It gives one label or one text to every sample."""

    value: Annotated[int, Field(ge=0)] | str
    """The label, one that training rows have, or a number of the model's own, as that of a filter; or the
    text."""

    def check(self, wanted: Wanted) -> None:
        key = f"{wanted.key}.value"
        if wanted.what == "record":
            raise wanted.refuse("one, which gives a label or a text")
        if isinstance(self.value, str) != (wanted.what == "text"):
            raise RequestError(
                f"{key}, a {'text' if wanted.what == 'text' else 'number'}",
                found=repr(self.value),
                mend="correct it",
            )
        if isinstance(self.value, str):
            return
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
    """The values of the source: the same label or text for every sample."""

    value: int | str

    @property
    def identity(self) -> dict[str, Any]:
        return {"value": self.value}

    def values(self, ids: range) -> npt.NDArray[Any]:
        return np.full(len(ids), self.value, object if isinstance(self.value, str) else np.int32)
