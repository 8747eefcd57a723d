"""Every rank of a training calls the function `train` of this file.

This file loads neither TensorFlow nor Keras, so that a driver can name its function cheaply.
"""

from typing import Any

from sparkgen.config.load import parse
from sparkgen.config.request import ExperimentConfig
from sparkgen.distribution.ring import Ring
from sparkgen.training.request import TrainRequest


def train(request: dict[str, Any], ring: Ring) -> dict[str, Any]:
    """Trains the model of a request, starting at the newest checkpoint in its folder if there is one.

    Args:
        request: the fields of `TrainRequest`, the experiment as JSON.
        ring: this worker's.

    Returns:
        On rank 0 `metrics` (the figures of the epoch whose weights are kept), `history` (of every
        epoch), `model` (the folder of the saved model), `checkpoint` (the newest, a path), `steps`
        and `seconds` of training steps; elsewhere an empty dictionary.

    Raises:
        RequestError: what the request asks for does not fit together.
        Interrupted: a signal stopped it; a checkpoint is written.
        SparkgenError: the loss is no longer finite.
    """
    from sparkgen.training.run import run

    experiment = parse(ExperimentConfig, request["experiment"], source="the training request")
    return run(TrainRequest(**{**request, "experiment": experiment}), ring)
