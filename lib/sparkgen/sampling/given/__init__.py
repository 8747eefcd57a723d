"""Finds the sources of model inputs, such as labels and pictures; each source is one file here.

`sampling.given` of a request says, for each thing that the model takes, which source and its options:

```yaml
sampling:
  given:
    image: {from: rows, split: test}
```

A source's file has `Config`, a `SourceConfig`, which opens a `GivenSource` (`_source.py`). Sources travel
to the executors, where they give the values of the samples of a file.
"""

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sparkgen.archive import module_names
from sparkgen.config.experiment import SamplingConfig
from sparkgen.config.load import parse
from sparkgen.config.nearest import choose
from sparkgen.config.options import check_label, check_names
from sparkgen.datasets.manifest import DatasetVersion, Manifest
from sparkgen.datasets.records import DataSpec
from sparkgen.errors import RequestError
from sparkgen.models.portable import PortableModel
from sparkgen.sampling.given._source import GivenSource, SourceConfig, Wanted

FROM = "from"

Sources = Mapping[str, GivenSource]


def source_names() -> list[str]:
    """The names of all sources."""
    return module_names(Path(__file__).parent)


def source_configs() -> dict[str, type[SourceConfig]]:
    """The options class of each source, by the source's name."""
    return {name: _config(name) for name in source_names()}


def check_given(
    config: SamplingConfig, takes: Mapping[str, Any], spec: DataSpec, *, model: str
) -> None:
    """Refuses a request with wrong model inputs, as far as that can be checked without data.

    Args:
        config: the request.
        takes: what the model takes, by name: `Given` or `GivenEntry`.
        spec: of the model.
        model: its name.

    Raises:
        RequestError: something that the model does not take, or that is missing; an unknown source
            or option; a source that does not give what the model takes; a label that training did
            not see.
    """
    if config.label is not None:
        check_label(config.label, spec.labels if "label" in takes else None, model=model)
    check_names(set(entries_of(config, takes)), takes, model=model)
    _chosen(config, takes, spec)


def check_given_rows(
    config: SamplingConfig,
    takes: Mapping[str, Any],
    spec: DataSpec,
    manifest: Manifest,
    *,
    counted: str = "sampling.count",
) -> None:
    """Refuses a request, accepted by `check_given`, whose inputs a dataset version cannot supply.

    Args:
        config: the request.
        takes: as for `check_given`.
        spec: of the model.
        manifest: of the dataset version that the model is trained on.
        counted: the key that says how many samples are made.

    Raises:
        RequestError: fewer rows than samples, or rows that the model does not take.
        ManifestError: a split that has no rows.
    """
    for source, wanted in _chosen(config, takes, spec):
        source.check_rows(wanted._replace(counted=counted), manifest)


def open_sources(
    packed: PortableModel, config: SamplingConfig, *, version: Callable[[], DatasetVersion]
) -> Sources:
    """Opens the sources of a request that `check_given` has accepted, by the name of the input.

    Args:
        packed: the model.
        config: the request.
        version: gives the dataset version that the model was trained on.

    Raises:
        RequestError: fewer values than samples, or values that the model does not take.
        ManifestError: a split that has no rows.
    """
    return {
        wanted.name: source.open(wanted, version)
        for source, wanted in _chosen(config, packed.given, packed.spec)
    }


def needed_splits(config: SamplingConfig) -> dict[str, str]:
    """The splits whose rows a request gives to the model, by the keys that name them."""
    parsed = {name: parse_source(name, entry) for name, entry in config.given.items()}
    return {
        f"sampling.given.{name}.split": source.needed_split
        for name, source in parsed.items()
        if source.needed_split is not None
    }


def no_version() -> DatasetVersion:
    """Raises a `RequestError`: a source needs a dataset version, and none is known."""
    raise RequestError(
        "a dataset version for sampling.given", found="none", mend="choose another source"
    )


def entries_of(config: SamplingConfig, takes: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The entry of the request for each model input, with defaults for labels that it does not mention.

    Labels that the model needs and that nothing is said of are those of the rows that something else is
    given from, or else each label in turn.
    """
    entries = {name: dict(entry) for name, entry in config.given.items()}
    if config.label is not None:
        if "label" in entries:
            raise RequestError(
                "one of sampling.label and sampling.given.label", found="both", mend="remove one"
            )
        entries["label"] = {FROM: "one", "value": config.label}
    rows = [entry for entry in entries.values() if entry.get(FROM) == "rows"]
    default = {k: v for k, v in rows[0].items() if k in (FROM, "split")} if rows else {}
    for name in filled_in(takes):
        of_rows = default if takes[name].choices is None else {}
        entries.setdefault(name, of_rows or {FROM: "in_turn"})
    return entries


def filled_in(takes: Mapping[str, Any]) -> list[str]:
    """The names of the required labels, which get a default if a request does not mention them."""
    return [name for name, one in takes.items() if one.what == "label" and one.required]


def parse_source(name: str, entry: Mapping[str, Any]) -> SourceConfig:
    """The options of a source, from its entry in a request.

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
    return parse(_config(kind), options, source=place)


def _chosen(
    config: SamplingConfig, takes: Mapping[str, Any], spec: DataSpec
) -> list[tuple[SourceConfig, Wanted]]:
    """The sources of a request, each accepted by its `check`, and the input that each has to supply."""
    chosen = []
    for name, entry in entries_of(config, takes).items():
        one = takes[name]
        wanted = Wanted(
            name, one.what, one.record, spec, config.count, config.seed, choices=one.choices
        )
        source = parse_source(name, entry)
        source.check(wanted)
        chosen.append((source, wanted))
    return chosen


def _config(name: str) -> type[SourceConfig]:
    config: type[SourceConfig] = importlib.import_module(f"{__name__}.{name}").Config
    return config
