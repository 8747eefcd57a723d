"""Every classifier gives features and logits of an image, and generates an image of a class.

Training minimises the cross-entropy -log p(y | x). `generate` is activation maximisation (Erhan et
al., "Visualizing Higher-Layer Features of a Deep Network", 2009): from a noisy grey image it takes
steps of gradient ascent on

    log p(y | x) - w TV(x),

with the total variation TV as a regulariser (Mahendran and Vedaldi, "Understanding Deep Image
Representations by Inverting Them", 2015). What differs: each step has the same root mean square.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import keras
from keras import ops

from sparkgen.config.options import Range
from sparkgen.datasets.records import DataSpec
from sparkgen.layers.labels import accuracy, cross_entropy
from sparkgen.layers.network import Network
from sparkgen.models.contract import LABEL, Batch, Direction, GenerativeModel, Tensor
from sparkgen.noise import NoiseSpec


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

    def __init__(self, spec: DataSpec, **kwargs: Any) -> None:
        super().__init__(spec, **kwargs)
        self.noise, self.given = NoiseSpec(spec.shape), LABEL
        self.head = keras.layers.Dense(spec.classes, dtype="float32", name="logits")

    def features(self, x: Tensor, *, training: bool = False) -> Tensor:
        """The input of the last layer for images (B, H, W, C) in [0, 1]: float32 (B, F)."""
        return self.body(x, training=training)

    def logits(self, x: Tensor, *, training: bool = False) -> Tensor:
        """Unnormalised log-probabilities of the classes: float32 (B, classes)."""
        return self.head(self.features(x, training=training))

    def probabilities(self, x: Tensor) -> Tensor:
        """Probabilities of the classes: float32 (B, classes), rows summing to 1."""
        return ops.softmax(self.logits(x))

    def loss_terms(self, batch: Batch, *, training: bool) -> dict[str, Tensor]:
        logits_BK = self.logits(batch["image"], training=training)
        label_B = batch["label"]
        return {
            "cross_entropy": cross_entropy(label_B, logits_BK),
            "accuracy": accuracy(label_B, logits_BK),
        }

    def make(  # type: ignore[override]
        self,
        noise: Tensor,
        given: Mapping[str, Tensor],
        *,
        steps: int = 64,
        step_size: float = 0.02,
        total_variation: float = 0.05,
    ) -> Tensor:
        import tensorflow as tf

        x_BHWC = tf.clip_by_value(0.5 + 0.1 * tf.convert_to_tensor(noise), 0.0, 1.0)
        wanted_BK = tf.one_hot(given["label"], self.spec.classes)
        for _ in tf.range(steps):
            with tf.GradientTape() as tape:
                tape.watch(x_BHWC)
                log_p_B = tf.reduce_sum(wanted_BK * tf.nn.log_softmax(self.logits(x_BHWC)), -1)
                score_B = log_p_B - total_variation * tf.image.total_variation(x_BHWC)
            gradient_BHWC = tape.gradient(score_B, x_BHWC)
            square_B = tf.reduce_mean(tf.square(gradient_BHWC), axis=(1, 2, 3), keepdims=True)
            x_BHWC += step_size * gradient_BHWC * tf.math.rsqrt(square_B + 1e-12)
            x_BHWC = tf.clip_by_value(x_BHWC, 0.0, 1.0)
        return x_BHWC
