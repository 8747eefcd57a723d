"""The source `texts` gives the samples the texts of a list, one after the other."""

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import Field, field_validator

from sparkgen.datasets.manifest import DatasetVersion
from sparkgen.sampling.given._source import SourceConfig, Wanted
from sparkgen.sampling.given._texts import Texts


class Config(SourceConfig):
    """It gives each text of a list, in turn."""

    values: Annotated[tuple[str, ...], Field(min_length=1)]
    """The texts."""

    @field_validator("values", mode="before")
    @classmethod
    def _list_is_tuple(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    def check(self, wanted: Wanted) -> None:
        if wanted.what != "text":
            raise wanted.refuse("texts, which gives texts")

    def open(self, wanted: Wanted, version: Callable[[], DatasetVersion]) -> Texts:
        return Texts(self.values, in_turn=True)
