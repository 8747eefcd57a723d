"""Says what data a model will be for, as far as a request tells before there is a dataset version."""

from typing import TYPE_CHECKING

from sparkgen.config.dataset import NO_CLASSES, DatasetConfig
from sparkgen.ingest.sources import source_of
from sparkgen.pipeline.parts import Parts, tokenizer_to_come

if TYPE_CHECKING:
    from sparkgen.datasets.records import DataSpec

UNKNOWN_CLASSES = 2
"""The classes where the source will say how many there are."""


def unknown_to_come(dataset: DatasetConfig) -> str | None:
    """Names what a model is built from and only the ingest of a data set will say.

    None: nothing is, so `spec_to_come` gives the data as it will be.
    """
    if _names_to_come(dataset) is None:
        return "dataset.class_names"
    if dataset.tokenizer is not None and dataset.tokenizer.path is None:
        return "dataset.tokenizer.path"
    return None if dataset.captions is None else "the words of dataset.captions"


def spec_to_come(dataset: DatasetConfig, parts: Parts) -> "DataSpec":
    """The data of a dataset version that is yet to be made.

    Args:
        dataset: its request.
        parts: of the model.
    """
    from sparkgen.datasets.records import DataSpec, record_of

    names = _names_to_come(dataset)
    kept = None if names is None else dataset.label_numbers(names)
    seen = None if kept is None else tuple(sorted(set(kept)))
    classes = _classes_to_come(parts) if names is None else len(names)
    record = record_of(dataset, tokenizer_to_come(dataset, [p.packed for p in parts.values()]))
    return DataSpec(record, classes, seen)


def _names_to_come(dataset: DatasetConfig) -> tuple[str, ...] | None:
    """The names of the classes; None where the source will say them."""
    if dataset.class_names is None and not source_of(dataset).labelled:
        return NO_CLASSES
    return dataset.class_names


def _classes_to_come(parts: Parts) -> int:
    """The classes where the source will say how many there are: those of a part, if any."""
    counts = [part.packed.spec.classes for part in parts.values()]
    return max(counts, default=UNKNOWN_CLASSES)
