"""What a training is asked for."""

from typing import NamedTuple

from sparkgen.config.request import ExperimentConfig


class TrainRequest(NamedTuple):
    """What to train on, and where what comes of it goes."""

    experiment: ExperimentConfig
    version_uri: str
    """The dataset version's folder."""
    checkpoint_uri: str
    """A folder of this run's own, on storage that all workers share."""
    run_id: str | None = None
    """The run that rank 0 logs to; None: no logging."""
    tracking_uri: str | None = None
