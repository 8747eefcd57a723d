"""Finds the source formats by name: each file of this folder is one, and there is no list to edit."""

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sparkgen.archive import module_names
from sparkgen.config.dataset import DatasetConfig
from sparkgen.config.load import parse
from sparkgen.config.nearest import choose
from sparkgen.errors import RequestError
from sparkgen.ingest.source import Source

MOST_RECORD_BYTES = 256 << 20  # of one record; a task holds a block of them several times


def source_names() -> list[str]:
    """The names of all source formats."""
    return module_names(Path(__file__).parent)


def source_configs() -> dict[str, type[Source]]:
    """The class of `dataset.source` for each format."""
    return {name: _config(name) for name in source_names()}


def source_of(dataset: DatasetConfig) -> Source:
    """The source of a dataset, checked.

    Raises:
        RequestError: an unknown format, a wrong key or value, or options of the dataset that have no
            meaning for the format or the kind of records.
    """
    section = dataset.source
    if section.format not in source_names():
        raise RequestError(
            "a known format as dataset.source.format",
            found=repr(section.format),
            mend=choose(section.format, source_names()),
        )
    source = parse(
        _config(section.format), dict(section.model_extra or {}), source="dataset.source"
    )
    _check_record(dataset, source)
    _check_labels(dataset, source)
    _check_test(dataset, source)
    _check_captions(dataset, source)
    source.check(dataset)
    return source


def joins_documents(config: Mapping[str, Any]) -> bool:
    """Whether the records of a dataset version are blocks of joined documents; see `Source.joins`.

    Args:
        config: of its manifest.
    """
    section = config["source"]
    form = _config(section["format"])
    keys = {key: value for key, value in section.items() if key in form.model_fields}
    return parse(form, keys, source="dataset.source").joins


def _config(name: str) -> type[Source]:
    config: type[Source] = importlib.import_module(f"sparkgen.ingest.sources.{name}").Config
    return config


def _check_record(dataset: DatasetConfig, source: Source) -> None:
    from sparkgen.datasets.records import record_of

    if dataset.tokenizer is not None and not source.tokenized:
        raise RequestError(
            f"no dataset.tokenizer for the source format {dataset.source.format}, which reads no text",
            found="one",
            mend="remove it",
        )
    record = record_of(dataset)
    if record.kind not in source.records:
        raise RequestError(
            f"{' or '.join(source.records)} as dataset.record, what the source format "
            f"{dataset.source.format} makes",
            found=record.kind,
            mend="set dataset.record or choose another dataset.source.format",
        )
    if record.row_bytes > MOST_RECORD_BYTES:
        raise RequestError(
            f"records of at most {MOST_RECORD_BYTES >> 20} MiB",
            found=f"dataset.shape {[*dataset.shape]}, {record.row_bytes >> 20} MiB each",
            mend="set a smaller shape",
        )
    if dataset.invert and record.unit is None:
        raise RequestError(
            f"dataset.invert false for {record.kind}, which are no levels of brightness",
            found="true",
            mend="remove it",
        )


def _check_labels(dataset: DatasetConfig, source: Source) -> None:
    stated = {"class_names": dataset.class_names, "labels": dataset.labels}
    found = [f"{key} {', '.join(map(str, value))}" for key, value in stated.items() if value]
    if not source.labelled and found:
        raise RequestError(
            "no dataset.class_names and no dataset.labels for the source format "
            f"{dataset.source.format}, whose records have no labels",
            found=", ".join(found),
            mend="remove them",
        )


def _check_captions(dataset: DatasetConfig, source: Source) -> None:
    config = dataset.captions
    if config is None:
        return
    if config.kind not in source.captions:
        raise RequestError(
            f"{' or '.join(source.captions)} as dataset.captions.kind, what there is for the source "
            f"format {dataset.source.format}",
            found=config.kind,
            mend="choose another",
        )
    classes = dataset.class_names
    if config.names and classes and len(config.names) != len(classes):
        raise RequestError(
            f"as many dataset.captions.names as the {len(classes)} class_names",
            found=str(len(config.names)),
            mend="correct them",
        )


def _check_test(dataset: DatasetConfig, source: Source) -> None:
    """Refuses a test split both of the source's own and cut from the training records."""
    own = [
        key for key in source.model_fields_set if key.startswith("test") and getattr(source, key)
    ]
    if dataset.test_fraction and own:
        raise RequestError(
            f"one test split of dataset {dataset.name}",
            found=f"source.{min(own)} and test_fraction {dataset.test_fraction}",
            mend="remove one of them",
        )
