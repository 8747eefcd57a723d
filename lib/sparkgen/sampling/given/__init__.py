"""Sources of what is given to a model, such as labels and pictures: each is one file, found by its name.

`sampling.given` of a request says, for each thing that the model takes, which source and its options:

```yaml
sampling:
  given:
    image: {from: rows, split: test}
```

A source's file has `Config`, its options, and `open_source`, which gives a `GivenSource`. Sources travel
to the executors, where they give the values of the samples of a file.
"""

import importlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy.typing as npt

from sparkgen.config.experiment import SamplingConfig
from sparkgen.config.load import parse
from sparkgen.config.nearest import choose
from sparkgen.config.options import check_label, check_names
from sparkgen.datasets.manifest import DatasetVersion
from sparkgen.datasets.records import DataSpec
from sparkgen.errors import RequestError
from sparkgen.models.portable import GivenEntry, PortableModel

FROM = "from"


class Wanted(NamedTuple):
    """What a source has to give."""

    name: str
    given: GivenEntry
    spec: DataSpec
    """Of the model."""
    seed: int
    """Of the samples."""
    version: Callable[[], DatasetVersion]
    """The dataset version that the model was trained on."""


class GivenSource(ABC):
    """Values for samples, each a function of the sample's id alone. It travels by pickle."""

    @property
    def length(self) -> int | None:
        """How many values there are; None: no end."""
        return None

    @property
    @abstractmethod
    def identity(self) -> Mapping[str, Any]:
        """What the values depend on, as plain JSON: it enters the id of the sample set. Of a file that
        is its SHA-256, not its path.
        """

    @abstractmethod
    def values(self, ids: range) -> npt.NDArray[Any]:
        """The values of samples, (N, ...): labels int32, records as they are stored, or texts.
        Beyond `length` there are none. Executors call this.
        """


Sources = Mapping[str, GivenSource]


def source_names() -> list[str]:
    """Every source there is."""
    files = Path(__file__).parent.glob("*.py")
    return sorted(file.stem for file in files if not file.stem.startswith("_"))


def check_given(
    config: SamplingConfig, takes: Mapping[str, Any], spec: DataSpec, *, model: str
) -> None:
    """Refuses what a request gives wrongly, as far as it can be seen without data.

    Args:
        config: the request.
        takes: what the model takes, by name: `Given` or `GivenEntry`.
        spec: of the model.
        model: its name.

    Raises:
        RequestError: something that the model does not take, or that is missing; an unknown source
            or option; a label that training did not see.
    """
    if config.label is not None:
        check_label(config.label, spec.labels if "label" in takes else None, model=model)
    entries = entries_of(config, conditional="label" in takes)
    check_names(set(entries), takes, model=model)
    for name, entry in entries.items():
        parse_source(name, entry)


def open_sources(
    packed: PortableModel, config: SamplingConfig, *, version: Callable[[], DatasetVersion]
) -> Sources:
    """The sources of a request that `check_given` has looked over, by what they give.

    Args:
        packed: the model.
        config: the request.
        version: gives the dataset version that the model was trained on.

    Raises:
        RequestError: a source that does not give what the model takes, or fewer values than samples.
    """
    takes, sources = packed.given, {}
    for name, entry in entries_of(config, conditional="label" in takes).items():
        module, parsed = parse_source(name, entry)
        wanted = Wanted(name, takes[name], packed.spec, config.seed, version)
        sources[name] = module.open_source(parsed, wanted)
        length = sources[name].length
        if length is not None and length < config.count:
            raise RequestError(
                f"sampling.count up to the {length} that sampling.given.{name} has",
                found=str(config.count),
                mend="set it lower",
            )
    return sources


def no_version() -> DatasetVersion:
    """What is asked for a dataset version where none is known."""
    raise RequestError(
        "a dataset version for sampling.given", found="none", mend="choose another source"
    )


def entries_of(config: SamplingConfig, *, conditional: bool) -> dict[str, dict[str, Any]]:
    """What a request says of each source, those included that need not be named.

    Labels that nothing is said of are those of the rows that something else is given from, or else
    each label in turn.
    """
    entries = {name: dict(entry) for name, entry in config.given.items()}
    if config.label is not None:
        if "label" in entries:
            raise RequestError(
                "one of sampling.label and sampling.given.label", found="both", mend="remove one"
            )
        entries["label"] = {FROM: "one", "value": config.label}
    if conditional and "label" not in entries:
        rows = [entry for entry in entries.values() if entry.get(FROM) == "rows"]
        entries["label"] = dict(rows[0]) if rows else {FROM: "in_turn"}
    return entries


def parse_source(name: str, entry: Mapping[str, Any]) -> tuple[Any, Any]:
    """The module of a source, and its options.

    Raises:
        RequestError: there is no such source, or it has no such option.
    """
    place, options = f"sampling.given.{name}", dict(entry)
    kind = options.pop(FROM, None)
    if kind not in source_names():
        raise RequestError(
            f"{place}.{FROM} among {', '.join(source_names())}",
            found=repr(kind),
            mend=choose(str(kind), source_names()),
        )
    module = importlib.import_module(f"{__name__}.{kind}")
    return module, parse(module.Config, options, source=place)
