"""The registered model: a sampler, as the script that MLflow runs to load it (models from code).

| | columns or parameters |
| --- | --- |
| input | `id` long; `label` long, optional, where the model is conditional |
| parameters | `seed`, `batch_rows`, and the options of the model's `generate` |
| output | `id` long; `image` binary: uint8, H * W * C, row major, as in a dataset version |

The shape and the class names are in the registered model's metadata. Nothing is pickled: the model
is JSON and a Keras weights file, and this package travels beside it.
"""

from typing import Any

import mlflow
import pandas as pd

from sparkgen.models.contract import GenerativeModel
from sparkgen.models.portable import pack
from sparkgen.models.unpacking import unpack
from sparkgen.sampling.generate import Recipe, generate_rows


class Sampler(mlflow.pyfunc.PythonModel):
    """Images by id; the same ids and parameters give the same bits."""

    model: GenerativeModel

    def load_context(self, context: Any) -> None:
        self.model = unpack(pack(context.artifacts["model"]))

    def predict(
        self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        options = dict(params or {})
        seed, batch_rows = int(options.pop("seed", 0)), int(options.pop("batch_rows", 100))
        ids = [int(i) for i in model_input["id"]]
        labels = [int(n) for n in model_input["label"]] if "label" in model_input else None
        images = generate_rows(self.model, ids, labels, Recipe(seed, batch_rows, options))
        return pd.DataFrame({"id": ids, "image": [image.tobytes() for image in images]})


mlflow.models.set_model(Sampler())
