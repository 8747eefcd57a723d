"""Defines what training uses of a model: its loss, the steps, and which weights are learnt."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import keras
import numpy as np
from keras import ops

from sparkgen.datasets.records import DataSpec
from sparkgen.layers.accumulation import terms_and_gradients
from sparkgen.layers.clock import Clock
from sparkgen.layers.network import KEEPS_DTYPE
from sparkgen.models.declared import Batch, Direction, Tensor


class Trained(keras.Model):
    """A model as training sees it: it asks for the `loss_terms` of batches.

    `models.contract` has what else a model is.
    """

    parts: Mapping[str, "Trained"] = {}
    """The models that it stands on, set by discovery. They are frozen, and saved with its weights."""
    loss_names: tuple[str, ...] = ()
    """The entries of `loss_terms` whose sum is the loss; the others are logged only."""
    metric_names: tuple[str, ...] = ()
    loss_direction: Direction | None = "lower"
    """Which way the loss and its terms are better; None where networks play against each other."""
    metric_directions: ClassVar[Mapping[str, Direction]] = {}
    """The same of further figures; those that are not named are better neither way."""
    left_out: Mapping[str, tuple[int, ...]] = {}
    """By the names of terms the labels whose rows say nothing of a term: they do not enter its mean."""
    slices: int = 1
    """In how many slices of its rows a training step is computed, one after the other."""
    compiles_gradients: bool = False
    """Whether XLA compiles the gradients of a step, without the rest of the step."""
    heeds_settings: ClassVar[bool] = True
    """Whether the `train_step` of this very class heeds `slices` and `compiles_gradients`. A class that
    overrides `train_step` declares it anew; else `training.accumulate` is refused, and with several
    workers `training.jit_compile`."""

    def __init__(self, spec: DataSpec, **kwargs: Any) -> None:
        # Images, noise and the model's own weights stay float32 in mixed precision; the layers
        # inside cast.
        super().__init__(**KEEPS_DTYPE, **kwargs)
        self.spec = spec
        names = (*self.loss_names, *self.metric_names)
        self.clock = Clock()
        self.term_trackers = [keras.metrics.Mean(name=name) for name in names]

    def train_step(self, data: tuple[Batch]) -> dict[str, Tensor]:
        """One training step; whoever overrides it lets the clock tick once."""
        figures: dict[str, Tensor]
        whole = self.slices == 1 and not self.compiles_gradients
        figures = super().train_step(data) if whole else self._step_in_slices(*data)
        self.clock.tick()
        return figures

    def _step_in_slices(self, batch: Batch) -> dict[str, Tensor]:
        variables = self.trainable_weights
        terms, gradients = terms_and_gradients(
            lambda some: self(some, training=True),
            lambda terms, some: self.optimizer.scale_loss(self._loss(terms, some, of=batch)),
            batch,
            variables,
            slices=self.slices,
            compiled=self.compiles_gradients,
        )
        self.optimizer.apply_gradients(zip(gradients, variables, strict=True))
        loss = self.compute_loss(batch, None, terms)
        self._loss_tracker.update_state(loss, sample_weight=ops.shape(batch["weight"])[0])
        return self.get_metrics_result()

    def direction(self, figure: str) -> Direction | None:
        """Which way a figure of training, validation (`val_`) or evaluation is better, if any."""
        name = figure.removeprefix("val_")
        if name == "loss" or name in self.loss_names:
            return self.loss_direction
        return self.metric_directions.get(name)

    def call(self, batch: Batch, training: bool = False) -> dict[str, Tensor]:
        """The terms of `loss_terms`: what this model computes of a batch is its loss."""
        return self.loss_terms(batch, training=training)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Tensor:
        """The mean over the batch's rows of the summed terms; every term goes to its tracker."""
        del y, sample_weight, training
        for tracker in self.term_trackers:
            counted_B = self.weights_of(tracker.name, x)
            tracker.update_state(y_pred[tracker.name], sample_weight=counted_B)
        return self._loss(y_pred, x, of=x)

    def _loss(self, terms: Mapping[str, Tensor], some: Batch, *, of: Batch) -> Tensor:
        """The part that some rows have in the loss of a batch."""
        total_B = sum(terms[name] for name in self.loss_names)
        return ops.sum(total_B * some["weight"]) / ops.maximum(ops.sum(of["weight"]), 1.0)

    def weights_of(self, term: str, batch: Batch) -> Tensor:
        """How much each row of a batch counts in the mean of a term: (B,)."""
        weight_B = batch["weight"]
        for label in self.left_out.get(term, ()):
            weight_B = weight_B * ops.cast(ops.not_equal(batch["label"], label), "float32")
        return weight_B

    def optimizer_groups(self) -> dict[str, list[Any]]:
        """The trainable variables by optimizer; a model with one optimizer has the group `model`."""
        return {"model": self.trainable_variables}

    def set_optimizers(self, optimizers: Mapping[str, Any], *, jit_compile: bool = False) -> None:
        """Takes the optimizers of `optimizer_groups`, already built and distributed."""
        self.compile(optimizer=optimizers["model"], jit_compile=jit_compile)

    def count_learnt(self) -> int:
        """Numbers that training learns: all weights but those of its parts, and those in `prepared`."""
        parts = [v for part in self.parts.values() for v in part.weights]
        apart = {id(v): v for v in (*parts, *self.prepared)}
        return int(self.count_params()) - sum(int(np.prod(v.shape)) for v in apart.values())

    @property
    def prepared(self) -> Sequence[Any]:
        """The weights that `prepare` sets: training does not learn them, nor takes them from a model that
        it starts from.
        """
        return ()

    def without_parts(self, variables: Iterable[Any]) -> list[Any]:
        """Those of some variables that are not a part's."""
        apart = {id(v) for part in self.parts.values() for v in part.variables}
        return [v for v in variables if id(v) not in apart]
