"""Defines the registered model, a sampler; MLflow runs this script to load it (models from code).

| | columns or parameters |
| --- | --- |
| input | `id` long; a column for each thing that is given to the model, by its name: labels long, \
optional; texts string; records binary, as in a dataset version (such as `image`: uint8, H * W * C, row \
major), and pictures of any size as image files such as PNG or JPEG; no cell without a value |
| parameters | `seed`, `batch_rows`, and the options of the model's `generate` |
| output | `id` long; the record, such as `image`, binary, as in a dataset version; `picture`, a PNG \
file; `text`, a string; a column `figure_<name>`, double, for every figure of a sample that the model \
gives |

The shape and the class names are in the registered model's metadata. Nothing is pickled: the model
is JSON and a Keras weights file, and this package travels beside it.
"""

from typing import Any

import mlflow
import numpy as np
import pandas as pd

from sparkgen.datasets.images import as_objects
from sparkgen.datasets.records import Record
from sparkgen.errors import RequestError
from sparkgen.models.contract import GenerativeModel, Given
from sparkgen.models.portable import pack
from sparkgen.models.unpacking import unpack
from sparkgen.sampling.columns import FIGURE
from sparkgen.sampling.generate import Recipe, generate_rows


class Sampler(mlflow.pyfunc.PythonModel):
    """The MLflow model that makes samples by id; equal ids, columns and parameters give equal bits."""

    model: GenerativeModel

    def load_context(self, context: Any) -> None:
        self.model = unpack(pack(context.artifacts["model"]))

    def predict(
        self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        options = dict(params or {})
        seed, batch_rows = int(options.pop("seed", 0)), int(options.pop("batch_rows", 100))
        ids = [int(i) for i in model_input["id"]]
        given = {
            name: _values(one, name, model_input[name])
            for name, one in self.model.given.items()
            if name in model_input
        }
        made = generate_rows(self.model, ids, given, Recipe(seed, batch_rows, options))
        record = self.model.makes
        cells = record.encode(made.data).to_pylist()
        figures = {FIGURE + name: values for name, values in made.figures.items()}
        return pd.DataFrame({"id": ids, record.kind: cells, **figures})


def _values(given: Given, name: str, column: "pd.Series[Any]") -> Any:
    """A column as labels, texts or stored records.

    Raises:
        RequestError: a cell without a value, or a record of another size.
    """
    missing = np.flatnonzero(column.isna())
    if missing.size:
        raise RequestError(
            f"a value in every cell of the column {name}",
            found=f"none in row {missing[0]}, from 0",
            mend="give it, or leave the column out where the model does without",
        )
    if given.what == "text":
        return np.array([str(text) for text in column], object)
    if given.record is None:
        return np.array([int(n) for n in column], np.int32)
    cells = [bytes(cell) for cell in column]
    if given.record.alone:
        return as_objects([_picture(cell, given.record, name) for cell in cells])
    wrong = [len(cell) for cell in cells if len(cell) != given.record.row_bytes]
    if wrong:
        raise RequestError(
            f"{given.record.row_bytes} bytes in every cell of the column {name}, for {given.record}",
            found=str(wrong[0]),
            mend="give records as they stand in a dataset version",
        )
    return given.record.decode(cells)


def _picture(cell: bytes, record: Record, name: str) -> Any:
    from sparkgen.ingest.images.decode import BadImage, ImageRule, whole_image

    try:
        return whole_image(cell, ImageRule(shape=(0, 0, *record.shape)))
    except BadImage as error:
        raise RequestError(
            f"an image file in every cell of the column {name}",
            found=error.reason,
            mend="give the bytes of a PNG, JPEG or other image file",
        ) from None


mlflow.models.set_model(Sampler())
