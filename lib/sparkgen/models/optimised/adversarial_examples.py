"""Adversarial examples are pictures changed so little that people hardly notice, and a classifier errs.

Projected gradient ascent (Madry et al., "Towards Deep Learning Models Resistant to Adversarial Attacks",
2018) looks for the worst picture that is nowhere further than ε from the given one,

    max_{|d| <= ε} -log p(y | x + d),

from random points of that cube. Of its restarts and the given picture itself it keeps the one at which
another class is furthest above the true one, so that no attack makes a classifier right. With a target t
it ascends log p(t | x + d). The fast gradient sign method (Goodfellow et al., "Explaining and Harnessing
Adversarial Examples", 2015) is one step of size ε from the picture itself. Networks that were trained
against this step alone withstand it, and fall to several smaller ones: so its figure, `fgsm_accuracy`,
always stands beside `robust_accuracy`, that of the full attack.

What differs: the attack ends in pictures of 8 bits, as a file holds them, within ε of the given ones, and
success is measured of these. So of ε = 0.3 an attack can use 76 of 255 levels, 0.298.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from keras import ops
from pydantic import Field

from sparkgen.config.options import Range
from sparkgen.config.strict import Strict
from sparkgen.datasets.records import DataSpec
from sparkgen.layers.attack import Bounds, levels_within, strongest
from sparkgen.layers.compiled import compiled
from sparkgen.layers.gradients import evenly
from sparkgen.layers.labels import accuracy, cross_entropy, margin
from sparkgen.models.contract import LABEL, Batch, Direction, GenerativeModel, Given, Part, Tensor
from sparkgen.noise import NoiseSpec

PARTS = {"classifier": Part(classifies=True, classes=True)}


class Config(Strict):
    """The attack by which the classifier is evaluated; `generate` has the same options but `loss`."""

    epsilon: float = Field(0.3, ge=0, le=1)
    """The most by which a pixel changes, in units of [0, 1]."""
    step_size: float = Field(0.01, ge=0, le=1)
    """Of each step, in the same unit."""
    steps: int = Field(40, ge=0)
    """Steps of each attack."""
    restarts: int = Field(1, gt=0)
    """Attacks on each picture, from random points of their own; for `generate` this is the most."""
    loss: Literal["cross_entropy", "margin"] = "cross_entropy"
    """What the attack ascends. `margin`, by how much the logit of another class is above that of the true
    one, has a gradient also where a classifier is so sure that the cross-entropy has none."""


class AdversarialExamples(GenerativeModel):
    """Attacks on the pictures that are given, and the accuracy of a classifier under them."""

    learns = "nothing"
    metric_names = ("accuracy", "fgsm_accuracy", "robust_accuracy")
    metric_directions: ClassVar[Mapping[str, Direction]] = dict.fromkeys(metric_names, "higher")
    figure_names = ("predicted", "confidence", "success", "change")

    def __init__(
        self, config: Config, spec: DataSpec, classifier: GenerativeModel, **kwargs: Any
    ) -> None:
        super().__init__(spec, **kwargs)
        self.config, self.classifier = config, classifier
        self.given = {
            spec.record.kind: Given("record", spec.record.bare),
            **LABEL,
            "target": Given("label", required=False),
        }
        self.noise = NoiseSpec((config.restarts, *spec.shape), "uniform")
        self.training_noise = {"attack": self.noise}
        self.generate_options = {  # type: ignore[misc]
            **config.model_dump(include={"epsilon", "step_size", "steps", "restarts"}),
            "fgsm": False,
        }
        self.generate_ranges = {  # type: ignore[misc]
            "epsilon": Range(0, 1),
            "step_size": Range(0, 1),
            "steps": Range(0),
            "restarts": Range(1, config.restarts),
        }
        self.protocols = {
            "fgsm_accuracy": (
                f"one step of {config.epsilon:g} along the sign of the gradient, or none, 8 bits"
            ),
            "robust_accuracy": (
                f"PGD on the {config.loss.replace('_', '-')}, epsilon {config.epsilon:g}, "
                f"{config.steps} steps of {config.step_size:g}, {config.restarts} random starts, or "
                "none, 8 bits"
            ),
        }
        self.compiled_attack = compiled(self.attack, xla=False)

    def logits(self, x: Tensor) -> Tensor:
        """What the classifier says of pictures: float32 (B, classes)."""
        return self.classifier.head(self.classifier.features(x))

    def make(self, noise: Tensor, given: Mapping[str, Tensor], **options: Any) -> Tensor:
        """The pictures after the attack.

        `fgsm` takes one step of size `epsilon` from the picture itself, whatever else is said.
        """
        if options["fgsm"]:
            options |= {"step_size": options["epsilon"], "steps": 1, "restarts": 1}
        starts = 2.0 * ops.convert_to_tensor(noise) - 1.0
        target = given.get("target")
        return self.compiled_attack(
            ops.convert_to_tensor(given[self.spec.record.kind]),
            ops.zeros_like(starts) if options["fgsm"] else starts,
            ops.convert_to_tensor(given["label"] if target is None else target),
            ops.convert_to_tensor(1.0 if target is None else -1.0),
            Bounds(
                ops.convert_to_tensor(options["epsilon"], "float32"),
                ops.convert_to_tensor(options["step_size"], "float32"),
                ops.convert_to_tensor(options["steps"], "int32"),
                ops.convert_to_tensor(levels_within(options["epsilon"]), "int32"),
            ),
            ops.convert_to_tensor(options["restarts"], "int32"),
        )

    def attack(
        self,
        x_BHWC: Tensor,
        starts_BRHWC: Tensor,
        label_B: Tensor,
        sign: Tensor,
        bounds: Bounds,
        restarts: Tensor,
    ) -> Tensor:
        """Pictures away from the labels where `sign` is 1, and towards them where it is -1."""
        ascended = {"cross_entropy": cross_entropy, "margin": margin}[self.config.loss]
        return strongest(
            lambda x: sign * ascended(label_B, evenly(self.logits(x))),
            lambda x: sign * margin(label_B, self.logits(x)),
            x_BHWC,
            starts_BRHWC,
            bounds,
            restarts,
        )

    def figures_of(self, made: Tensor, given: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The class that is predicted, its probability, whether that is success, and the largest change
        of a pixel, in units of [0, 1].
        """
        p_BK = ops.softmax(self.logits(made))
        predicted_B = ops.cast(ops.argmax(p_BK, axis=-1), "int32")
        aim, equal = given.get("target"), ops.equal
        if aim is None:
            aim, equal = given["label"], ops.not_equal
        change = ops.abs(made - given[self.spec.record.kind])
        return {
            "predicted": ops.cast(predicted_B, "float32"),
            "confidence": ops.max(p_BK, axis=-1),
            "success": ops.cast(equal(predicted_B, aim), "float32"),
            "change": ops.max(change, axis=(1, 2, 3)),
        }

    def loss_terms(self, batch: Batch, *, training: bool) -> dict[str, Tensor]:
        x, label_B = batch[self.spec.record.kind], batch["label"]
        given = {self.spec.record.kind: x, "label": label_B}
        seen = {
            "accuracy": x,
            "fgsm_accuracy": self.generate(batch["noise"]["attack"], given, fgsm=True),
            "robust_accuracy": self.generate(batch["noise"]["attack"], given),
        }
        return {name: accuracy(label_B, self.logits(x)) for name, x in seen.items()}


def build(config: Config, spec: DataSpec, parts: Mapping[str, GenerativeModel]) -> GenerativeModel:
    """Attacks on a classifier of pictures of `spec.shape`."""
    return AdversarialExamples(config, spec, parts["classifier"], name="adversarial_examples")
