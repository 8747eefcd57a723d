"""Reads a data set that comes with the program: scikit-learn's digits, its photographs, or its texts.

The digits are 1,797 pictures of 8 x 8 with values 0 to 16. The test split is the last fifth in the data
set's own order, 359 rows: other writers than those of the first rows, as its makers split it too. The
digits are written as libsvm text, which the same parser reads.

The two photographs, `china` and `flower`, are 427 pixels high and 640 wide. They are cut into tiles of
the data set's shape, which do not overlap; see `ingest.images.photographs`. The tiles are written as
NumPy arrays.

The descriptions are the English texts that scikit-learn has of its data sets, a document each, in the
order of their names. They are joined, and the end of the whole is what is held out.

The sentences are those of the same texts, each with the data set that it describes as its class. Every
fifth of a text is for the test.
"""

from importlib.metadata import version
from io import BytesIO
from typing import ClassVar, Literal

from sparkgen.config.dataset import DatasetConfig
from sparkgen.errors import RequestError
from sparkgen.ingest.source import Files, Source, Work
from sparkgen.ingest.sources import labelled_text, libsvm, numpy, text

TEST_ROWS = 359
TEXTS = ("descriptions", "sentences")
PHOTOGRAPH_SHAPE = (427, 640)
"""Height and width."""


class Config(Source):
    """A data set that comes with the program: `digits`, scikit-learn's handwritten digits; `photographs`,
    tiles of its two photographs; for a tokenizer `descriptions`, texts about its data sets, or
    `sentences`, those of the same texts, with the data set as their class.
    """

    dataset: Literal["digits", "photographs", "descriptions", "sentences"] = "digits"

    records: ClassVar[tuple[str, ...]] = ("image", "tokens")
    tokenized: ClassVar[bool] = True

    @property
    def splits(self) -> tuple[str, ...]:
        return ("train",) if self.dataset == "descriptions" else super().splits

    @property
    def joins(self) -> bool:
        return self.dataset == "descriptions"

    def check(self, dataset: DatasetConfig) -> None:
        if self.dataset == "descriptions":
            _texts("").check(dataset)
        self._check_record(dataset)
        height, width = PHOTOGRAPH_SHAPE
        # Half the width, so that there is a column of tiles for training and one for the test.
        if self.dataset == "photographs" and (
            len(dataset.shape) != 3 or dataset.shape[0] > height or dataset.shape[1] > width // 2
        ):
            raise RequestError(
                f"tiles of at most {height} x {width // 2} pixels of the photographs",
                found=f"dataset.shape {list(dataset.shape)}",
                mend="set it to [64, 64, 3], say",
            )

    def files(self, dataset: DatasetConfig) -> Files:
        from sparkgen.datasets.manifest import SourceEntry

        release = f"scikit-learn {version('scikit-learn')}"
        entry = SourceEntry(uri=f"builtin:{self.dataset}", size=0, modified=release)
        return {split: [entry] for split in self.splits}

    def _check_record(self, dataset: DatasetConfig) -> None:
        record = "tokens" if self.dataset in TEXTS else "image"
        if dataset.record != record:
            raise RequestError(
                f"{record} as dataset.record, which {self.dataset} are",
                found=dataset.record,
                mend="correct it, or source.dataset",
            )
        several = dataset.class_names is not None and len(dataset.class_names) > 1
        if self.dataset == "descriptions" and (several or dataset.labels):
            raise RequestError(
                "no dataset.class_names and no dataset.labels for descriptions, which have none",
                found="some",
                mend="remove them",
            )

    def shares(self, dataset: DatasetConfig, files: Files, *, tasks: int, scratch: str) -> Work:
        if self.dataset == "descriptions":
            texts = write_descriptions(scratch)
            return texts.shares(dataset, texts.files(dataset), tasks=tasks, scratch=scratch)
        names = dataset.class_names or self._class_names
        dataset = dataset.model_copy(update={"class_names": names})
        source: Source
        if self.dataset == "digits":
            source = write_digits(scratch)
        elif self.dataset == "sentences":
            source = write_sentences(scratch)
        else:
            source = write_photographs(scratch, dataset.shape)
        work = source.shares(dataset, source.files(dataset), tasks=tasks, scratch=scratch)
        return work._replace(class_names=names)

    @property
    def _class_names(self) -> tuple[str, ...]:
        from sparkgen.ingest.images.photographs import PHOTOGRAPHS
        from sparkgen.ingest.texts.sentences import labelled_lines

        if self.dataset == "sentences":
            return labelled_lines()[0]
        return tuple(map(str, range(10))) if self.dataset == "digits" else PHOTOGRAPHS


def _texts(pattern: str) -> text.Config:
    return text.Config(train=pattern, documents="file", held_out="end")


def write_descriptions(folder: str) -> text.Config:
    """Writes the descriptions into a folder that the executors can read."""
    from sparkgen.datasets.storage import write_bytes
    from sparkgen.ingest.texts.sentences import description_texts

    for name, written in description_texts():
        write_bytes(f"{folder}/descriptions/{name}.rst", written.encode())
    return _texts(f"{folder}/descriptions/*.rst")


def write_sentences(folder: str) -> labelled_text.Config:
    """Writes the sentences of the two splits into a folder that the executors can read."""
    from sparkgen.datasets.storage import write_bytes
    from sparkgen.ingest.texts.sentences import labelled_lines

    for split, lines in labelled_lines()[1].items():
        write_bytes(f"{folder}/sentences-{split}.txt", "\n".join([*lines, ""]).encode())
    return labelled_text.Config(
        train=f"{folder}/sentences-train.txt", test=f"{folder}/sentences-test.txt"
    )


def write_digits(folder: str) -> libsvm.Config:
    """Writes the two splits into a folder that the executors can read."""
    from sklearn.datasets import dump_svmlight_file, load_digits

    from sparkgen.datasets.storage import write_bytes

    images, labels = load_digits(return_X_y=True)
    for split, rows in (("train", slice(None, -TEST_ROWS)), ("test", slice(-TEST_ROWS, None))):
        text = BytesIO()
        dump_svmlight_file(images[rows], labels[rows], text, zero_based=False)
        write_bytes(f"{folder}/digits-{split}.txt", text.getvalue())
    return libsvm.Config(
        train=f"{folder}/digits-train.txt",
        test=f"{folder}/digits-test.txt",
        value_max=16.0,
    )


def write_photographs(folder: str, shape: tuple[int, ...]) -> numpy.Config:
    """Writes the tiles of the two splits into a folder that the executors can read."""
    import numpy as np

    from sparkgen.datasets.storage import write_bytes
    from sparkgen.ingest.images.photographs import load_photographs, tiles

    def uri(name: str) -> str:
        return f"{folder}/photographs-{name}.npy"

    for split, (pictures, labels) in tiles(load_photographs(), shape).items():
        for name, array in ((split, pictures), (f"{split}-labels", labels)):
            data = BytesIO()
            np.save(data, array)
            write_bytes(uri(name), data.getvalue())
    return numpy.Config(
        train=uri("train"),
        test=uri("test"),
        train_labels=uri("train-labels"),
        test_labels=uri("test-labels"),
    )
