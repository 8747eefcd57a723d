"""Sources of what is given to a model, such as labels and pictures: each is one file, found by its name.

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
    """Every source there is."""
    files = Path(__file__).parent.glob("*.py")
    return sorted(file.stem for file in files if not file.stem.startswith("_"))


def source_configs() -> dict[str, type[SourceConfig]]:
    """The class of the options of each source."""
    return {name: _config(name) for name in source_names()}


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
    """Refuses what a dataset version cannot give, of a request that `check_given` has looked over.

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
    """The sources of a request that `check_given` has looked over, by what they give.

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
    """The splits whose rows a request gives, by its keys that say so."""
    parsed = {name: parse_source(name, entry) for name, entry in config.given.items()}
    return {
        f"sampling.given.{name}.split": source.needed_split
        for name, source in parsed.items()
        if source.needed_split is not None
    }


def no_version() -> DatasetVersion:
    """What is asked for a dataset version where none is known."""
    raise RequestError(
        "a dataset version for sampling.given", found="none", mend="choose another source"
    )


def entries_of(config: SamplingConfig, takes: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What a request says of each source, those included that need not be named.

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
        entries.setdefault(name, default or {FROM: "in_turn"})
    return entries


def filled_in(takes: Mapping[str, Any]) -> list[str]:
    """The names of what a model needs and a request need not give: labels."""
    return [name for name, one in takes.items() if one.what == "label" and one.required]


def parse_source(name: str, entry: Mapping[str, Any]) -> SourceConfig:
    """The options of a source.

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
    """The sources of a request, each looked over by its `check`, and what each has to give."""
    chosen = []
    for name, entry in entries_of(config, takes).items():
        one = takes[name]
        wanted = Wanted(name, one.what, one.record, spec, config.count, config.seed)
        source = parse_source(name, entry)
        source.check(wanted)
        chosen.append((source, wanted))
    return chosen


def _config(name: str) -> type[SourceConfig]:
    config: type[SourceConfig] = importlib.import_module(f"{__name__}.{name}").Config
    return config
