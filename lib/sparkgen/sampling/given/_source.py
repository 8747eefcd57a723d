"""Defines the base classes of a source of model inputs: its options and its values."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy.typing as npt

from sparkgen.config.strict import Strict
from sparkgen.datasets.manifest import DatasetVersion, Manifest
from sparkgen.datasets.records import DataSpec, Record
from sparkgen.errors import RequestError
from sparkgen.models.declared import labels_of


class Wanted(NamedTuple):
    """The input that a source has to supply: its name, its kind and the number of samples."""

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
    choices: int | None = None
    """Of a label that is none of the data: how many there are."""

    @property
    def key(self) -> str:
        """The key of the request that names the source."""
        return f"sampling.given.{self.name}"

    @property
    def labels(self) -> Sequence[int]:
        """The labels that it may be."""
        return labels_of(self.choices, self.spec)

    def refuse(self, found: str) -> RequestError:
        """The error for a source that supplies another kind of input.

        Args:
            found: the source and what it gives, such as `one, which gives a label`.
        """
        return RequestError(
            f"a source of a {self.what} for {self.key}", found=found, mend="choose another"
        )


class GivenSource(ABC):
    """The values of a source; each is a function of the sample's id alone. It travels by pickle."""

    @property
    @abstractmethod
    def identity(self) -> Mapping[str, Any]:
        """Everything that the values depend on, as plain JSON, for the id of the sample set.

        For a file that is its SHA-256, not its path.
        """

    @abstractmethod
    def values(self, ids: range) -> npt.NDArray[Any]:
        """The input values of samples, (N, ...): int32 labels, stored records, or texts.

        Where the values come to an end there are fewer. Executors call this once for a whole file of
        samples.
        """

    def names(self, ids: range) -> list[str] | None:
        """The names of the values of samples, such as the paths of files; None: they have none."""
        return None


class SourceConfig(Strict, ABC):
    """The options of a source. The class `Config` of a source's file is one."""

    @property
    def needed_split(self) -> str | None:
        """The split of the dataset whose rows the source supplies; None: it supplies no rows."""
        return None

    @abstractmethod
    def check(self, wanted: Wanted) -> None:
        """Raises a `RequestError` for an input that the source cannot supply; it reads no data."""

    def check_rows(self, wanted: Wanted, manifest: Manifest) -> None:
        """Raises a `RequestError` for an input that a dataset version cannot supply.

        Args:
            wanted: what `check` has looked over.
            manifest: of the version that the model is trained on.

        Raises:
            RequestError: too few rows, or others than the model takes.
            ManifestError: no such split.
        """

    @abstractmethod
    def open(self, wanted: Wanted, version: Callable[[], DatasetVersion]) -> GivenSource:
        """Opens the source, after `check` has accepted the request.

        Args:
            wanted: what it has to give.
            version: gives the dataset version that the model was trained on.

        Raises:
            RequestError: as `check_rows`.
            ManifestError: as `check_rows`.
        """
