"""Activation maximisation makes images that a classifier is sure of: what an 8 looks like to it.

Erhan et al., "Visualizing Higher-Layer Features of a Deep Network", 2009: gradient ascent by the pixels
(`optimised/_ascent.py`) on what a class has in a classifier. Here that is, with logits l and the class y,

    l_y - (1 - a) log sum_{j != y} exp l_j - a mean_{j != y} l_j.

For a = 0 these are the log-odds log p / (1 - p), which unlike log p is never content; `all_rivals` a > 0
has the image told from every other class, not only from the likeliest one. Before the classifier sees
the image, one step of an attack (`layers.attack`) turns it against the class by at most `attack`: what
counts is then only what withstands that, which is strokes and not patterns of single pixels, also with a
classifier that was not trained to be robust.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from keras import ops

from sparkgen.config.options import Range
from sparkgen.datasets.records import DataSpec
from sparkgen.layers.attack import attacked
from sparkgen.models.contract import LABEL, GenerativeModel, Part, Tensor
from sparkgen.models.optimised._ascent import Ascent, AscentConfig

PARTS = {"classifier": Part(classifies=True, classes=True)}
FAR = 1e9  # taken off a logit, it leaves nothing of it in a sum of exponentials


class Config(AscentConfig):
    """Options of activation maximisation."""


class ActivationMaximisation(Ascent):
    """Images of classes, by gradient ascent on what a classifier says of them."""

    generate_options: ClassVar[dict[str, Any]] = {
        **Ascent.ascent_options,
        "all_rivals": 0.25,
        "attack": 0.05,
    }
    """Those of every ascent; the weight a; and by how much the attack changes a pixel, in units of
    [0, 1]."""
    generate_ranges: ClassVar[dict[str, Range]] = {
        **Ascent.ascent_ranges,
        "all_rivals": Range(0, 1),
        "attack": Range(0, 1),
    }

    def __init__(
        self, config: Config, spec: DataSpec, classifier: GenerativeModel, **kwargs: Any
    ) -> None:
        height, width, channels = spec.shape
        super().__init__(config, spec, (height, width, channels), **kwargs)
        self.classifier, self.given = classifier, LABEL

    def wanted(self, given: Mapping[str, Tensor]) -> Tensor:
        return ops.one_hot(ops.convert_to_tensor(given["label"]), self.spec.classes)

    def score(self, x_BHWC: Tensor, given: Tensor, options: Mapping[str, Tensor]) -> Tensor:
        def leads(x_BHWC: Tensor) -> Tensor:
            logits_BK = self.classifier.head(self.classifier.features(x_BHWC))
            return lead(logits_BK, given, options["all_rivals"])

        def against() -> Tensor:
            zeros, by = ops.zeros_like(x_BHWC), options["attack"]
            turned = attacked(lambda x: -leads(x), x_BHWC, zeros, epsilon=by, step_size=by, steps=1)
            return ops.stop_gradient(turned - x_BHWC)

        change = ops.cond(options["attack"] > 0, against, lambda: ops.zeros_like(x_BHWC))
        return leads(x_BHWC + change)


def lead(logits_BK: Tensor, wanted_BK: Tensor, all_rivals: Tensor) -> Tensor:
    """By how much the logit of a class is over those of the others: (B,).

    Args:
        logits_BK: of K classes.
        wanted_BK: 1 at the class.
        all_rivals: 0 for the log-odds of the class, 1 for the difference to the mean of the others.
    """
    own_B = ops.sum(wanted_BK * logits_BK, axis=-1)
    likeliest_B = ops.logsumexp(logits_BK - FAR * wanted_BK, axis=-1)
    rivals = max(logits_BK.shape[-1] - 1, 1)
    mean_B = ops.sum((1.0 - wanted_BK) * logits_BK, axis=-1) / rivals
    return own_B - (1.0 - all_rivals) * likeliest_B - all_rivals * mean_B


def build(config: Config, spec: DataSpec, parts: Mapping[str, GenerativeModel]) -> GenerativeModel:
    """Activation maximisation for images of `spec.shape`, by a classifier of them."""
    name = "activation_maximisation"
    return ActivationMaximisation(config, spec, parts["classifier"], name=name)
