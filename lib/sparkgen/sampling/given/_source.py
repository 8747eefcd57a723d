"""A source of what is given to a model has options, which look over what is wanted, and values."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

import numpy.typing as npt

from sparkgen.config.strict import Strict
from sparkgen.datasets.manifest import DatasetVersion, Manifest
from sparkgen.datasets.records import DataSpec, Record
from sparkgen.errors import RequestError


class Wanted(NamedTuple):
    """What a source has to give."""

    name: str
    what: Literal["label", "record", "text"]
    record: Record | None
    """None: a label or a text."""
    spec: DataSpec
    """Of the model."""
    samples: int
    """How many are made."""
    seed: int
    """Of the samples."""
    counted: str = "sampling.count"
    """The key of the request that says how many."""

    @property
    def key(self) -> str:
        """Of the request."""
        return f"sampling.given.{self.name}"

    def refuse(self, found: str) -> RequestError:
        """The error of a source that gives something else.

        Args:
            found: the source and what it gives, such as `one, which gives a label`.
        """
        return RequestError(
            f"a source of a {self.what} for {self.key}", found=found, mend="choose another"
        )


class GivenSource(ABC):
    """Values for samples, each a function of the sample's id alone. It travels by pickle."""

    @property
    @abstractmethod
    def identity(self) -> Mapping[str, Any]:
        """What the values depend on, as plain JSON: it enters the id of the sample set. Of a file that
        is its SHA-256, not its path.
        """

    @abstractmethod
    def values(self, ids: range) -> npt.NDArray[Any]:
        """The values of samples, (N, ...): labels int32, records as they are stored, or texts.

        Where the values come to an end there are fewer. Executors call this once for a whole file of
        samples.
        """


class SourceConfig(Strict, ABC):
    """The options of a source. The class `Config` of a source's file is one."""

    @property
    def needed_split(self) -> str | None:
        """The split of the dataset whose rows it gives; None: it gives no rows."""
        return None

    @abstractmethod
    def check(self, wanted: Wanted) -> None:
        """Raises a `RequestError` for what the source cannot give, as far as it is seen without data."""

    def check_rows(self, wanted: Wanted, manifest: Manifest) -> None:
        """Raises a `RequestError` for what a dataset version has not, once it is known.

        Args:
            wanted: what `check` has looked over.
            manifest: of the version that the model is trained on.

        Raises:
            RequestError: too few rows, or others than the model takes.
            ManifestError: no such split.
        """

    @abstractmethod
    def open(self, wanted: Wanted, version: Callable[[], DatasetVersion]) -> GivenSource:
        """The source of what `check` has looked over.

        Args:
            wanted: what it has to give.
            version: gives the dataset version that the model was trained on.

        Raises:
            RequestError: as `check_rows`.
            ManifestError: as `check_rows`.
        """
