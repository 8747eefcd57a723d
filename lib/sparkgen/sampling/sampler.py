"""Defines the registered model, a sampler; MLflow runs this script to load it (models from code).

| | columns or parameters |
| --- | --- |
| input | `id`, an integer from 0; a column for each thing that is given to the model, by its name: \
labels, integers, optional; texts string; records binary, as in a dataset version (such as `image`: \
uint8, H * W * C, row major), and pictures of any size as image files such as PNG or JPEG; no cell \
without a value |
| parameters | `seed`, `batch_rows`, `format` of pictures, and the options of the model's `generate` |
| output | `id` long; `label`, and whatever else is a label of what the model is given, long; `shape`, \
an array of integers; the record by its kind: `image` and `picture`, a PNG file in base64, or with \
`format=array` the pixels, row major; `tokens`, an array; `text`, a string; a column `figure_<name>`, \
double, for every figure of a sample that the model gives |

In JSON a binary cell is base64. The shape and the class names are in the registered model's metadata.
Nothing is pickled: the model is JSON and a Keras weights file, and this package travels beside it.
"""

from typing import Any

import mlflow
import pandas as pd
from mlflow.exceptions import MlflowException

from sparkgen.errors import RequestError
from sparkgen.models.contract import GenerativeModel
from sparkgen.models.portable import pack
from sparkgen.models.unpacking import unpack
from sparkgen.sampling.answers import answer


class Sampler(mlflow.pyfunc.PythonModel):
    """The MLflow model that makes samples by id; equal ids, columns and parameters give equal bits."""

    model: GenerativeModel

    def load_context(self, context: Any) -> None:
        self.model = unpack(pack(context.artifacts["model"]))

    def predict(
        self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        try:
            return answer(self.model, model_input, params or {})
        except RequestError as error:  # MLflow's server answers its own errors with their message
            raise MlflowException.invalid_parameter_value(str(error)) from error


mlflow.models.set_model(Sampler())
