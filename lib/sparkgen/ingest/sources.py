"""From a dataset's source to the files that it names, and from those to shares of work."""

from sparkgen.config import DatasetConfig, IdxSource, LibsvmSource
from sparkgen.datasets.manifest import SourceEntry
from sparkgen.errors import RequestError
from sparkgen.ingest.block import Slice
from sparkgen.ingest.digits import digits_entry, write_digits
from sparkgen.ingest.files import find_files
from sparkgen.ingest.idx import idx_slices
from sparkgen.ingest.libsvm_line import Rule
from sparkgen.ingest.text import text_slices

Sources = dict[str, list[SourceEntry]]


def find_sources(dataset: DatasetConfig) -> Sources:
    """The source files of each split as they are now.

    Raises:
        RequestError: one that is not there.
    """
    source = dataset.source
    if source.format == "builtin":
        return {"train": [digits_entry()]}
    if source.format == "libsvm":
        paths = {"train": [source.train], "test": [source.test]}
    elif source.format == "idx":
        paths = {
            "train": [source.train_images, source.train_labels],
            "test": [source.test_images, source.test_labels],
        }
    else:
        return {"train": find_files(source.path)}
    found = {split: [find_files(uri) for uri in uris if uri] for split, uris in paths.items()}
    return {split: [f for files in found[split] for f in files] for split in found if found[split]}


def make_slices(
    dataset: DatasetConfig, sources: Sources, *, tasks: int, scratch: str
) -> list[Slice]:
    """The sources cut into shares of work, for about `tasks` tasks at a time.

    Args:
        dataset: the configuration.
        sources: from `find_sources`.
        tasks: cores of the executors.
        scratch: URI of a folder for what has to be written first.
    """
    source = dataset.source
    if isinstance(source, IdxSource):
        return [s for split in sources for s in _idx(dataset, split, sources[split], tasks)]
    if source.format == "builtin":
        source = write_digits(scratch)
        dataset = dataset.model_copy(update={"source": source})
        sources = find_sources(dataset)
    if isinstance(source, LibsvmSource):
        rule = _rule(dataset, source)
        return [
            part
            for split, files in sources.items()
            for number, file in enumerate(files)
            for part in text_slices(split, number, file.uri, size=file.size, rule=rule, tasks=tasks)
        ]
    raise RequestError("x", found="images", mend="")


def _rule(dataset: DatasetConfig, source: LibsvmSource) -> Rule:
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


def _idx(dataset: DatasetConfig, split: str, files: list[SourceEntry], tasks: int) -> list[Slice]:
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
