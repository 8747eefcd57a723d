"""Variational models share a bound of the log-likelihood and a learned scale of the pixels."""

from collections.abc import Mapping
from typing import Any, ClassVar

import keras

from sparkgen.models.contract import Direction, EncoderDecoder, Likelihood, Protocol
from sparkgen.noise import NoiseSpec

INITIAL_LOG_SCALE = -2.0  # of the pixels' spread about the decoded mean, in [0, 1]: e^-2 = 0.14


class VariationalModel(EncoderDecoder):
    """An encoder-decoder that maximises a lower bound of log p(x), the term `elbo`, in nats a row."""

    metric_names = ("elbo",)
    metric_directions: ClassVar[Mapping[str, Direction]] = {"elbo": "higher"}

    def new_log_scale(self) -> Any:
        """A weight: the natural logarithm of the scale of every pixel, pixels in [0, 1]."""
        initial = keras.initializers.Constant(INITIAL_LOG_SCALE)
        return self.add_weight(shape=(), initializer=initial, name="log_scale")

    def elbo(self, pixels: str, noise: Mapping[str, NoiseSpec]) -> Likelihood:
        """The bound by one latent sample a row.

        Args:
            pixels: what they are taken as, as in `Protocol.binarisation`.
            noise: what `loss_terms` needs of it.
        """
        return Likelihood(
            Protocol("bound", "elbo", pixels, 1),
            dict(noise),
            lambda batch: self.loss_terms(batch, training=False)["elbo"],
        )
