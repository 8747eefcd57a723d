"""The registered sampler with pixels as arrays of integers: MLflow's Spark function gives no bytes.

MLflow runs this file as it runs sparkgen/sampling/sampler.py.
"""

from typing import Any

import mlflow
import numpy as np
import pandas as pd

from sparkgen.sampling.sampler import Sampler


class ArraySampler(Sampler):
    """Images by id, as `id` and `image`, an array of H * W * C pixels."""

    def predict(
        self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        made = super().predict(context, model_input, params)
        return made.assign(image=[np.frombuffer(image, np.uint8) for image in made["image"]])


mlflow.models.set_model(ArraySampler())
