"""The report on a trained classifier shows its confusion matrix, and images with predicted classes."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sparkgen.datasets.manifest import Manifest
from sparkgen.datasets.rows import first_rows
from sparkgen.drawing.charts import confusion_matrix
from sparkgen.drawing.grids import prediction_grid
from sparkgen.models.contract import GenerativeModel
from sparkgen.training.attempt import attempt

ROWS = 10_000
SHOWN = 50
BATCH_ROWS = 100

Labels = npt.NDArray[np.integer[Any]]


def draw_classes(
    model: GenerativeModel, manifest: Manifest, *, version_uri: str, split: str, folder: Path
) -> None:
    """Writes `confusion_matrix.png` of a split's first 10,000 rows, and for images `predictions.png` too.

    The latter shows the first 50 images.

    Args:
        model: as trained.
        manifest: the dataset version.
        version_uri: where it is.
        split: its name.
        folder: for the files, local.
    """
    rows = first_rows(version_uri, manifest, split=split, limit=ROWS)
    record = model.spec.record
    images, labels = rows[record.kind], rows["label"]
    predicted, names = predict(model, images), manifest.class_names
    counts = confusion(labels, predicted, classes=len(names))
    right, total = np.trace(counts), manifest.split(split).rows
    of = f"{len(labels):,} rows" if len(labels) == total else f"{len(labels):,} of {total:,} rows"
    title = f"{split}: {of}, {right / len(labels):.1%} right"
    with attempt("confusion_matrix.png"):
        confusion_matrix(counts, names, folder / "confusion_matrix.png", title=title)
    if not record.pictures:
        return
    with attempt("predictions.png"):
        prediction_grid(
            images[:SHOWN],
            labels[:SHOWN],
            predicted[:SHOWN],
            names,
            folder / "predictions.png",
            title=f"{split} images: the true class, below it the predicted one",
        )


def predict(model: Any, images: npt.NDArray[Any]) -> Labels:
    """The most likely class of each record (N, *shape), by a model that classifies: int (N,)."""
    import keras

    parts = [images[n : n + BATCH_ROWS] for n in range(0, len(images), BATCH_ROWS)]
    logits = [model.head(model.features(part)) for part in parts]
    return np.concatenate([keras.ops.convert_to_numpy(part) for part in logits]).argmax(axis=1)


def confusion(labels: Labels, predicted: Labels, *, classes: int) -> Labels:
    """The number of rows by true class (down) and predicted class (across): (classes, classes)."""
    cells = np.bincount(labels.astype(np.int64) * classes + predicted, minlength=classes**2)
    return cells.reshape(classes, classes)
