"""Every classifier gives features and logits of an image, and generates an image of a class.

Training minimises the cross-entropy -log p(y | x). `generate` is activation maximisation (Erhan et
al., "Visualizing Higher-Layer Features of a Deep Network", 2009): from a noisy grey image it takes
steps of gradient ascent on

    log p(y | x) - w TV(x),

with the total variation TV as a regulariser (Mahendran and Vedaldi, "Understanding Deep Image
Representations by Inverting Them", 2015). What differs: each step has the same root mean square.

Adversarial training minimises the cross-entropy of images that an attack changed (`layers.attack`):

    min E max_{|d| <= e} -log p(y | x + d).

Training images may be mirrored and moved at random.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import keras
from keras import ops
from pydantic import Field

from sparkgen.config.options import Range
from sparkgen.config.strict import Strict
from sparkgen.datasets.records import DataSpec
from sparkgen.layers import augmentation
from sparkgen.layers.attack import attacked
from sparkgen.layers.compiled import compiled
from sparkgen.layers.gradients import evenly, gradient, repeat
from sparkgen.layers.labels import accuracy, cross_entropy
from sparkgen.layers.network import Network, block_ends, outputs
from sparkgen.layers.variation import total_variation
from sparkgen.models.contract import LABEL, Batch, Direction, GenerativeModel, Tensor
from sparkgen.noise import NoiseSpec


class AdversarialTraining(Strict):
    """The attack on the images that a classifier is trained on. Without this section it is trained on the
    images as they are.
    """

    epsilon: float = Field(0.3, gt=0, le=1)
    """The most by which it changes a pixel, in units of [0, 1]."""
    step_size: float = Field(0.075, gt=0, le=1)
    """Of each step of the attack, in the same unit."""
    steps: int = Field(10, gt=0)
    """Steps of the attack on each batch; each costs as much as a training step without attack."""
    ramp_steps: int = Field(0, ge=0)
    """In so many first training steps `epsilon` and `step_size` rise from 0 in a straight line."""


class ClassifierConfig(Strict):
    """Options of every classifier."""

    adversarial_training: AdversarialTraining | None = None
    """Train on images that an attack changed so that the classifier errs; null: on the images as they
    are. Validation and evaluation are on the images as they are."""
    mirror: bool = False
    """Whether to mirror training images left to right, half of them."""
    shift: int = Field(0, ge=0)
    """Pixels by which training images are moved at most, each way."""


class Classifier(GenerativeModel):
    """A network with a softmax over the classes, trained by cross-entropy.

    Subclasses build `self.body`, a network from images to features (B, F).
    """

    classifies = True
    by_class = ("accuracy",)
    loss_names = ("cross_entropy",)
    metric_names = ("accuracy",)
    metric_directions: ClassVar[Mapping[str, Direction]] = {"accuracy": "higher"}
    generate_options: ClassVar[dict[str, Any]] = {
        "steps": 64,
        "step_size": 0.02,
        "total_variation": 0.05,
    }
    """Ascent steps; root mean square of one step, in pixel range [0, 1]; the regulariser's weight."""
    generate_ranges: ClassVar[dict[str, Range]] = {
        "steps": Range(0),
        "step_size": Range(0),
        "total_variation": Range(0),
    }

    body: Network

    def __init__(self, config: ClassifierConfig, spec: DataSpec, **kwargs: Any) -> None:
        super().__init__(spec, **kwargs)
        self.noise, self.given = NoiseSpec(spec.shape), LABEL
        self.attack = config.adversarial_training
        if self.attack is not None:
            self.training_noise = {"attack": NoiseSpec(spec.shape, "uniform")}
        self.moves: dict[str, Any] = {"mirror": config.mirror, "shift": config.shift}
        if any(self.moves.values()):
            self.training_noise = {**self.training_noise, "augmentation": augmentation.NOISE}
        self.head = keras.layers.Dense(spec.classes, dtype="float32", name="logits")
        self.compiled_ascent = compiled(self.ascent, xla=False)

    def features(self, x: Tensor, *, training: bool = False) -> Tensor:
        """The input of the last layer for images (B, H, W, C) in [0, 1]: float32 (B, F)."""
        return self.body(x, training=training)

    def logits(self, x: Tensor, *, training: bool = False) -> Tensor:
        """Unnormalised log-probabilities of the classes: float32 (B, classes)."""
        return self.head(self.features(x, training=training))

    @property
    def activation_names(self) -> tuple[str, ...]:
        return tuple(self._ends())

    def answers(self, x: Tensor, names: Sequence[str]) -> dict[str, Tensor]:
        ends = self._ends()
        return outputs([*self.body.layers, self.head], x, {name: ends[name] for name in names})

    def _ends(self) -> dict[str, int]:
        """By the names of `activation_names`, the numbers of layers."""
        return {**block_ends(self.body.layers), "logits": len(self.body.layers)}

    def probabilities(self, x: Tensor) -> Tensor:
        """Probabilities of the classes: float32 (B, classes), rows summing to 1."""
        return ops.softmax(self.logits(x))

    def loss_terms(self, batch: Batch, *, training: bool) -> dict[str, Tensor]:
        if training and any(self.moves.values()):
            noise = batch["noise"]["augmentation"]
            image = augmentation.augment(batch["image"], noise, **self.moves)
            batch = {**batch, "image": image}
        x_BHWC = batch["image"]
        if training and self.attack is not None:
            x_BHWC = self._attacked(batch, self.attack)
        logits_BK = self.logits(x_BHWC, training=training)
        label_B = batch["label"]
        return {
            "cross_entropy": cross_entropy(label_B, logits_BK),
            "accuracy": accuracy(label_B, logits_BK),
        }

    def _attacked(self, batch: Batch, config: AdversarialTraining) -> Tensor:
        """The images of a batch after the attack of the present training step."""
        label_B = batch["label"]
        part = 1.0
        if config.ramp_steps:
            part = ops.minimum(ops.cast(self.clock.steps + 1, "float32") / config.ramp_steps, 1.0)
        return attacked(
            lambda x: cross_entropy(label_B, evenly(self.logits(x))),
            batch["image"],
            2.0 * batch["noise"]["attack"] - 1.0,
            epsilon=part * config.epsilon,
            step_size=part * config.step_size,
            steps=config.steps,
        )

    def make(  # type: ignore[override]
        self,
        noise: Tensor,
        given: Mapping[str, Tensor],
        *,
        steps: int = 64,
        step_size: float = 0.02,
        total_variation: float = 0.05,
    ) -> Tensor:
        x_BHWC = ops.clip(0.5 + 0.1 * ops.convert_to_tensor(noise), 0.0, 1.0)
        wanted_BK = ops.one_hot(given["label"], self.spec.classes)
        numbers = [ops.convert_to_tensor(n, "float32") for n in (step_size, total_variation)]
        return self.compiled_ascent(x_BHWC, wanted_BK, ops.convert_to_tensor(steps), *numbers)

    def ascent(
        self, x_BHWC: Tensor, wanted_BK: Tensor, steps: Tensor, step_size: Tensor, weight: Tensor
    ) -> Tensor:
        """Images in [0, 1] after steps of activation maximisation.

        Args:
            x_BHWC: the first images, in [0, 1].
            wanted_BK: the wanted class of each, 1 in a row of zeros.
            steps: how many, int32 ().
            step_size: root mean square of one step over an image, in [0, 1].
            weight: w, of the total variation.
        """

        def score(x_BHWC: Tensor) -> Tensor:
            log_p_B = ops.sum(wanted_BK * ops.log_softmax(self.logits(x_BHWC)), -1)
            return log_p_B - weight * total_variation(x_BHWC)

        def step(_: Tensor, x_BHWC: Tensor) -> Tensor:
            gradient_BHWC = gradient(score, x_BHWC)[1]
            square_B = ops.mean(ops.square(gradient_BHWC), axis=(1, 2, 3), keepdims=True)
            x_BHWC += step_size * gradient_BHWC * ops.rsqrt(square_B + 1e-12)
            return ops.clip(x_BHWC, 0.0, 1.0)

        return repeat(step, x_BHWC, steps)
