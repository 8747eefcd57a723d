"""From a dataset's source to the files that it names, and from those to shares of work."""

from collections import Counter
from typing import NamedTuple

from sparkgen.config.dataset import (
    BuiltinSource,
    DatasetConfig,
    IdxSource,
    ImageSource,
    LibsvmSource,
)
from sparkgen.datasets.manifest import SourceEntry
from sparkgen.errors import RequestError
from sparkgen.ingest.archives import list_members
from sparkgen.ingest.block import Slice
from sparkgen.ingest.decode import ImageRule
from sparkgen.ingest.digits import digits_entry, write_digits
from sparkgen.ingest.files import find_files, find_trees, passed_over
from sparkgen.ingest.foreign import refuse_foreign
from sparkgen.ingest.idx import idx_slices
from sparkgen.ingest.images import image_slices
from sparkgen.ingest.libsvm_line import Rule
from sparkgen.ingest.placement import place
from sparkgen.ingest.spots import Rules
from sparkgen.ingest.text import text_slices

Sources = dict[str, list[SourceEntry]]


class Work(NamedTuple):
    """Shares of the sources for the tasks, and how much of the sources is in none, by reason."""

    slices: list[Slice]
    unused: dict[str, int]


def find_sources(dataset: DatasetConfig) -> Sources:
    """The source files of each split as they are now.

    Raises:
        RequestError: one that is not there.
    """
    source = dataset.source
    if isinstance(source, BuiltinSource):
        return {"train": [digits_entry()], "test": [digits_entry()]}
    if isinstance(source, ImageSource):
        found = find_trees(source.path, dataset.class_names)
        return {"train": found} if source.test is None else {"train": found, "test": found}
    paths: dict[str, list[str | None]]
    if isinstance(source, LibsvmSource):
        paths = {"train": [source.train], "test": [source.test]}
    else:
        paths = {
            "train": [source.train_images, source.train_labels],
            "test": [source.test_images, source.test_labels],
        }
    files = {s: [f for uri in uris if uri for f in find_files(uri)] for s, uris in paths.items()}
    return {split: entries for split, entries in files.items() if entries}


def make_slices(dataset: DatasetConfig, sources: Sources, *, tasks: int, scratch: str) -> Work:
    """The sources cut into shares of work.

    Args:
        dataset: the configuration.
        sources: from `find_sources`.
        tasks: how many run at a time: the cores of the executors.
        scratch: URI of a folder for what has to be written first.
    """
    source = dataset.source
    if isinstance(source, ImageSource):
        return _image_work(dataset, source, sources, tasks)
    if isinstance(source, IdxSource):
        parts = [s for split in sources for s in _idx_slices(dataset, split, sources[split], tasks)]
        return Work(parts, {})
    if isinstance(source, BuiltinSource):
        dataset = dataset.model_copy(update={"source": write_digits(scratch)})
        return make_slices(dataset, find_sources(dataset), tasks=tasks, scratch=scratch)
    rule = libsvm_rule(dataset, source)
    refuse_foreign([file.uri for files in sources.values() for file in files])
    slices: list[Slice] = [
        part
        for split, files in sources.items()
        for number, file in enumerate(files)
        for part in text_slices(split, number, file.uri, size=file.size, rule=rule, tasks=tasks)
    ]
    unused = sum((passed_over(uri) for uri in (source.train, source.test) if uri), Counter[str]())
    return Work(slices, dict(sorted(unused.items())))


def _image_work(dataset: DatasetConfig, source: ImageSource, sources: Sources, tasks: int) -> Work:
    rule = ImageRule(dataset.shape, source.resize, source.background, source.max_pixels)
    splits = {"train": source.train, "test": source.test}
    folders = {split: folder for split, folder in splits.items() if folder}
    uris = [entry.uri for entry in sources["train"]]
    rules = Rules(source.path, folders, dataset.class_names, dataset.max_bad_fraction)
    candidates, unused = place([list_members(uri) for uri in uris], rules)
    slices: list[Slice] = [
        part
        for split in folders
        for number, uri in enumerate(uris)
        for part in image_slices(
            split, number, uri, candidates[split][number], rule=rule, tasks=tasks
        )
    ]
    return Work(slices, unused)


def libsvm_rule(dataset: DatasetConfig, source: LibsvmSource) -> Rule:
    """What a configuration says of the lines of libsvm text.

    Raises:
        RequestError: a range of values without 0 or of no width.
    """
    low, high = source.value_min, source.value_max
    if not low <= 0 <= high or low == high:
        raise RequestError(
            "value_min <= 0 <= value_max, since columns that are left out are 0",
            found=f"{low} and {high}",
            mend="correct source.value_min and source.value_max",
        )
    height, width, channels = dataset.shape
    first = 0 if source.zero_based else 1
    return Rule(height * width * channels, len(dataset.class_names), first, low, high)


def _idx_slices(
    dataset: DatasetConfig, split: str, files: list[SourceEntry], tasks: int
) -> list[Slice]:
    if len(files) != 2:
        raise RequestError(
            f"one file of images and one of labels for the {split} split",
            found=f"{len(files)} files",
            mend=f"set source.{split}_images and source.{split}_labels to one file each",
        )
    images, labels = (f.uri for f in files)
    classes = len(dataset.class_names)
    return list(
        idx_slices(split, images, labels, shape=dataset.shape, classes=classes, tasks=tasks)
    )
