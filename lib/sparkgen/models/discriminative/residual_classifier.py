"""The residual classifier is a deep network of convolutions with ways past them.

He et al., "Deep Residual Learning for Image Recognition", 2016, section 4.2: a 3×3 convolution of F
filters, then three stages of n residual blocks with F, 2F and 4F filters, of which the second and the
third halve the map, then the mean over the map and the softmax; F = 16, n = 3 is ResNet-20. What
differs: the layers of a block are in the order of "Identity Mappings in Deep Residual Networks", 2016,
and where a block changes the shape the way past it is a 1×1 convolution.
"""

from typing import Any

import keras
from pydantic import Field

from sparkgen.datasets.records import DataSpec
from sparkgen.layers.batch_norm import BatchNormalization
from sparkgen.layers.network import Network
from sparkgen.layers.residual import UNBIASED, NormalisedResidual
from sparkgen.models.contract import GenerativeModel
from sparkgen.models.discriminative._base import Classifier, ClassifierConfig

STAGES = 3


class Config(ClassifierConfig):
    """Options of the residual classifier."""

    filters: int = Field(16, gt=0)
    """F, of the first stage; each next stage has twice as many."""
    blocks: int = Field(3, gt=0)
    """n, residual blocks of each stage."""


class ResidualClassifier(Classifier):
    """A convolution, three stages of residual blocks, the mean over the map, and the softmax."""

    def __init__(self, config: Config, spec: DataSpec, **kwargs: Any) -> None:
        super().__init__(config, spec, **kwargs)
        layers: list[Any] = [keras.layers.Conv2D(config.filters, 3, padding="same", **UNBIASED)]
        for stage in range(STAGES):
            for block in range(config.blocks):
                strides = 2 if stage and not block else 1
                layers.append(NormalisedResidual(config.filters << stage, strides))
        layers += [BatchNormalization(), keras.layers.ReLU(), keras.layers.GlobalAveragePooling2D()]
        self.body = Network(layers, name="body")


def build(config: Config, spec: DataSpec) -> GenerativeModel:
    """The residual classifier for images of `spec.shape`."""
    return ResidualClassifier(config, spec, name="residual_classifier")
