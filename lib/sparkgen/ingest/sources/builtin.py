"""Reads a data set that comes with the program: scikit-learn's handwritten digits.

1,797 pictures of 8 x 8 with values 0 to 16. The test split is the last fifth in the data set's own
order, 359 rows: other writers than those of the first rows, as its makers split it too. The digits are
written as libsvm text, which the same parser reads.
"""

from importlib.metadata import version
from typing import Literal

from sparkgen.config.dataset import DatasetConfig
from sparkgen.ingest.source import Files, Source, Work
from sparkgen.ingest.sources import libsvm

TEST_ROWS = 359


class Config(Source):
    """A data set that comes with the program: `digits`, scikit-learn's handwritten digits."""

    dataset: Literal["digits"] = "digits"

    def files(self, dataset: DatasetConfig) -> Files:
        from sparkgen.datasets.manifest import SourceEntry

        release = f"scikit-learn {version('scikit-learn')}"
        entry = SourceEntry(uri="builtin:digits", size=0, modified=release)
        return {"train": [entry], "test": [entry]}

    def shares(self, dataset: DatasetConfig, files: Files, *, tasks: int, scratch: str) -> Work:
        names = dataset.class_names or tuple(map(str, range(10)))
        dataset = dataset.model_copy(update={"class_names": names})
        text = write_digits(scratch)
        work = text.shares(dataset, text.files(dataset), tasks=tasks, scratch=scratch)
        return work._replace(class_names=names)


def write_digits(folder: str) -> libsvm.Config:
    """Writes the two splits into a folder that the executors can read."""
    from io import BytesIO

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
