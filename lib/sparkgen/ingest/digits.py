"""scikit-learn's handwritten digits as libsvm text, which the same parser reads.

1,797 pictures of 8 x 8 with values 0 to 16. The test split is the last fifth in the data set's own
order, 359 rows: other writers than those of the first rows, as its makers split it too.
"""

from importlib.metadata import version
from io import BytesIO

from sparkgen.config.dataset import LibsvmSource
from sparkgen.datasets.manifest import SourceEntry
from sparkgen.datasets.storage import write_bytes

TEST_ROWS = 359


def digits_entry() -> SourceEntry:
    """What stands for the data set among a manifest's sources."""
    return SourceEntry(
        uri="builtin:digits", size=0, modified=f"scikit-learn {version('scikit-learn')}"
    )


def write_digits(folder: str) -> LibsvmSource:
    """Writes the two splits into a folder that the executors can read."""
    from sklearn.datasets import dump_svmlight_file, load_digits

    images, labels = load_digits(return_X_y=True)
    for split, rows in (("train", slice(None, -TEST_ROWS)), ("test", slice(-TEST_ROWS, None))):
        text = BytesIO()
        dump_svmlight_file(images[rows], labels[rows], text, zero_based=False)
        write_bytes(f"{folder}/digits-{split}.txt", text.getvalue())
    return LibsvmSource(
        format="libsvm",
        train=f"{folder}/digits-train.txt",
        test=f"{folder}/digits-test.txt",
        value_max=16.0,
    )
