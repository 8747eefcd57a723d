"""Defines a whole request: an experiment together with its dataset and its environment.

So one dotted key reaches every value: `--set training.epochs=3`, `--set dataset.labels=[1,5,6]`,
`--set environment.workers=4`.
"""

from typing import Annotated, Any

from pydantic import Field, field_validator, model_validator

from sparkgen.config.dataset import DatasetConfig
from sparkgen.config.environment import EnvironmentConfig
from sparkgen.config.experiment import (
    MEMORISATION_GATE,
    DensityConfig,
    EvaluationConfig,
    Gate,
    ModelConfig,
    SamplingConfig,
    TrainingConfig,
)
from sparkgen.config.strict import Strict


class ExperimentConfig(Strict):
    """A whole request: an experiment with its dataset and its environment."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_]*$")]
    """The experiment's name, which is also that of its registered model: small letters, digits, _."""
    dataset: DatasetConfig
    model: ModelConfig
    training: TrainingConfig = TrainingConfig()
    density: DensityConfig = DensityConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    sampling: SamplingConfig = SamplingConfig()
    gates: tuple[Gate, ...] = ()
    """The conditions for becoming champion. `--set` takes the whole list, such as
    `--set 'gates=[{metric: kid, max: 0.1}]'`. A gate `memorised` with max 0.05 holds besides, where
    the list has none on that figure and `evaluation.samples` is not 0."""
    environment: EnvironmentConfig

    @field_validator("gates", mode="before")
    @classmethod
    def _sequences_are_tuples(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    @property
    def all_gates(self) -> tuple[Gate, ...]:
        """The gates of the request, and the default gate on memorisation where it applies."""
        own = any(gate.metric == MEMORISATION_GATE.metric for gate in self.gates)
        return (
            self.gates if own or not self.evaluation.samples else (*self.gates, MEMORISATION_GATE)
        )

    @model_validator(mode="after")
    def _batch_and_workers_fit_the_lanes(self) -> "ExperimentConfig":
        lanes, batch, workers = (
            self.dataset.lanes,
            self.training.batch_size,
            self.environment.workers,
        )
        if batch % lanes:
            below = max(lanes, batch // lanes * lanes)
            raise ValueError(
                f"training.batch_size must be a multiple of the {lanes} lanes, found {batch}; "
                f"set it to {below} or {below + lanes}"
            )
        slices = lanes * self.training.accumulate
        if batch % slices:
            raise ValueError(
                f"training.batch_size must be a multiple of the {lanes} lanes times "
                f"training.accumulate {self.training.accumulate}, found {batch}; "
                f"set it to {-(-batch // slices) * slices}"
            )
        if lanes % workers:
            raise ValueError(
                f"environment.workers must divide the {lanes} lanes, found {workers}; "
                f"set it to {', '.join(str(n) for n in range(1, lanes + 1) if lanes % n == 0)}"
            )
        return self


class DatasetRequest(Strict):
    """The request of the ingest step: a dataset and an environment."""

    dataset: DatasetConfig
    environment: EnvironmentConfig
