"""The variational autoencoder is dense or convolutional, and may be given labels.

Kingma and Welling, "Auto-Encoding Variational Bayes", 2013. With the prior p(z) = N(0, I) and the
posterior q(z | x) = N(μ(x), σ²(x)) it maximises

    ELBO(x) = E_q log p(x | z) - KL(q(z | x) ‖ p(z)),   z = μ(x) + σ(x) ε.

What differs: β weighs the KL (Higgins et al., 2017), free bits keep it from falling below λ nats a
latent entry (Kingma et al., 2016; here of every row, where the paper takes a batch's mean, so that
the loss does not depend on how a batch is dealt to workers), and labels, where asked for, enter
encoder and decoder as one-hot vectors (Sohn et al., 2015). `likelihoods` has the ELBO and the
importance-weighted bound (Burda et al., 2016), the latter also of a density fitted to draws of q in
the place of p(z), from which it then samples (a second stage: Dai and Wipf, 2019).
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal

import keras
from keras import ops
from pydantic import Field

from sparkgen.config.strict import Positive, Strict
from sparkgen.datasets.records import DataSpec
from sparkgen.layers.binarisation import Binarisation, binarisation_noise, binarise
from sparkgen.layers.distributions import (
    bernoulli_log_probability,
    importance_bound,
    logistic_log_probability,
    normal_kl,
    normal_log_density,
    reparameterise,
)
from sparkgen.layers.labels import with_one_hot
from sparkgen.layers.network import Network
from sparkgen.layers.resizing import (
    coarse_sides,
    dense_map,
    enlarged_logits,
    halving_convolutions,
)
from sparkgen.models.contract import (
    LABEL,
    NOTHING,
    Batch,
    GenerativeModel,
    Likelihood,
    Protocol,
    Tensor,
)
from sparkgen.models.variational._base import VariationalModel
from sparkgen.noise import NoiseSpec

LogDensity = Callable[[Tensor], Tensor]


class Config(Strict):
    """Options of the variational autoencoder."""

    latent: int = Field(20, gt=0)
    """Size Z of the latent."""
    filters: tuple[Positive, ...] = Field((), strict=False)
    """Of 3×3 convolutions that halve the image, before the dense layers; none: a dense VAE."""
    blocks: int = Field(0, ge=0)
    """Residual blocks after each of these convolutions, and before each of those that enlarge."""
    hidden: tuple[Positive, ...] = Field((400,), strict=False)
    """Units of the encoder's dense relu layers; the decoder has them in reverse."""
    likelihood: Literal["bernoulli", "gaussian", "logistic"] = "bernoulli"
    """`gaussian` and `logistic` (in 256 levels) learn one scale for all pixels."""
    binarisation: Binarisation = "none"
    """How a Bernoulli's pixels are made binary; `none`: grey values stand for probabilities."""
    beta: float = Field(1.0, ge=0)
    """Weight of the KL in the loss."""
    free_bits: float = Field(0.0, ge=0)
    """Nats λ of KL a latent entry that cost nothing more."""
    conditional: bool = False
    """Whether encoder and decoder are given the label."""


def encoder_layers(config: Config) -> tuple[Network, Network]:
    """The layers before and after the labels come in: images → features, features → μ, log σ²."""
    stem = halving_convolutions(config.filters, config.blocks)
    body = [keras.layers.Dense(units, activation="relu") for units in config.hidden]
    head = keras.layers.Dense(2 * config.latent, dtype="float32", name="posterior")
    return (
        Network([*stem, keras.layers.Flatten()], name="encoder_stem"),
        Network([*body, head], name="encoder"),
    )


def decoder_layers(config: Config, spec: DataSpec) -> Network:
    """Latents (and labels) → logits (B, H, W, C)."""
    up = config.filters[::-1]
    body: list[Any] = [
        keras.layers.Dense(units, activation="relu") for units in reversed(config.hidden)
    ]
    if up:
        body += dense_map(coarse_sides(spec.shape, len(up)), up[0])
        body += enlarged_logits(spec.shape, up, config.blocks)
    else:
        body.append(keras.layers.Dense(spec.size, dtype="float32"))
        body.append(keras.layers.Reshape(spec.shape))
    return Network(body, name="decoder")


def standard_normal(latents_NZ: Tensor) -> Tensor:
    """Log N(z; 0, I) of latents (N, Z): (N,)."""
    return ops.sum(normal_log_density(latents_NZ, 0.0, ops.zeros_like(latents_NZ)), axis=-1)


class Vae(VariationalModel):
    """Images → N(μ, σ²) over Z latents → pixel likelihood."""

    loss_names = ("reconstruction", "kl")

    def __init__(self, config: Config, spec: DataSpec, **kwargs: Any) -> None:
        super().__init__(spec, **kwargs)
        self.config = config
        self.latent_size = config.latent
        if config.conditional:
            self.given = {**self.given, **LABEL}
        self.training_noise = {
            "latent": NoiseSpec((config.latent,)),
            **binarisation_noise(spec.shape, config.binarisation),
        }
        self.encoder_stem, self.encoder = encoder_layers(config)
        self.decoder = decoder_layers(config, spec)
        if config.likelihood != "bernoulli":
            self.log_scale = self.new_log_scale()

    def posterior(self, x: Tensor, labels: Tensor | None) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of q(z | x): (B, Z) each."""
        features = self._with_labels(self.encoder_stem(x), labels)
        mean_BZ, log_variance_BZ = ops.split(self.encoder(features), 2, axis=-1)
        return mean_BZ, log_variance_BZ

    def logits(self, latent: Tensor, labels: Tensor | None) -> Tensor:
        """The decoder's output before the sigmoid: (B, H, W, C)."""
        return self.decoder(self._with_labels(latent, labels))

    def log_probability(self, x: Tensor, logits: Tensor) -> Tensor:
        """Log p(x | z) in nats, summed over each row's pixels: (B,)."""
        if self.config.likelihood == "bernoulli":
            each = bernoulli_log_probability(x, logits)
        elif self.config.likelihood == "gaussian":
            each = normal_log_density(x, ops.sigmoid(logits), 2.0 * self.log_scale)
        else:
            each = logistic_log_probability(x, ops.sigmoid(logits), self.log_scale)
        return ops.sum(each, axis=(1, 2, 3))

    def encode(self, x: Tensor, given: Mapping[str, Tensor] = NOTHING) -> Tensor:
        return self.posterior(x, given.get("label"))[0]

    def decode(self, latent: Tensor, given: Mapping[str, Tensor] = NOTHING) -> Tensor:
        return ops.sigmoid(self.logits(latent, given.get("label")))

    def latents(self, batch: Batch) -> Tensor:
        mean_BZ, log_variance_BZ = self.posterior(self._pixels(batch), batch["label"])
        return reparameterise(mean_BZ, log_variance_BZ, batch["noise"]["latent"])

    def loss_terms(self, batch: Batch, *, training: bool) -> dict[str, Tensor]:
        x, labels = self._pixels(batch), batch["label"]
        mean_BZ, log_variance_BZ = self.posterior(x, labels)
        z_BZ = reparameterise(mean_BZ, log_variance_BZ, batch["noise"]["latent"])
        reconstruction_B = -self.log_probability(x, self.logits(z_BZ, labels))
        kl_BZ = normal_kl(mean_BZ, log_variance_BZ)
        paid_BZ = ops.maximum(kl_BZ, self.config.free_bits)
        return {
            "reconstruction": reconstruction_B,
            "kl": self.config.beta * ops.sum(paid_BZ, axis=-1),
            "elbo": -reconstruction_B - ops.sum(kl_BZ, axis=-1),
        }

    def likelihoods(self, *, samples: int) -> dict[str, Likelihood]:
        """`elbo`, with one draw of the posterior, and `iwae` with `samples`.

        `iwae_fitted` is the latter with a fitted density in the place of N(0, I), as the model samples.
        """
        pixels = "relaxed" if self.config.likelihood == "bernoulli" else "density"
        if self.config.binarisation != "none" or self.config.likelihood == "logistic":
            pixels = self.config.binarisation
        noise = {**self.training_noise, "latent": NoiseSpec((samples, self.latent_size))}
        priors: dict[str, tuple[str, LogDensity]] = {"iwae": ("iwae", standard_normal)}
        kind = self.blueprint.density["kind"]  # an outline has no density yet
        if kind != "prior":
            fitted = (f"iwae, prior {kind}", lambda z: self.density.log_density(z))
            priors["iwae_fitted"] = fitted
        return {"elbo": self.elbo(pixels, self.training_noise)} | {
            name: Likelihood(
                Protocol("bound", estimator, pixels, samples),
                noise,
                partial(self.importance_weighted, log_prior=log_prior),
            )
            for name, (estimator, log_prior) in priors.items()
        }

    def importance_weighted(self, batch: Batch, *, log_prior: LogDensity) -> Tensor:
        """The importance-weighted bound, nats (B,), with noise `latent` (B, K, Z).

        `log_prior` gives log p(z) of latents (N, Z): (N,).
        """
        x, labels = self._pixels(batch), batch["label"]
        noise_BKZ = batch["noise"]["latent"]
        samples = noise_BKZ.shape[1]
        mean_BZ, log_variance_BZ = self.posterior(x, labels)
        mean_BKZ = ops.repeat(ops.expand_dims(mean_BZ, 1), samples, axis=1)
        log_variance_BKZ = ops.repeat(ops.expand_dims(log_variance_BZ, 1), samples, axis=1)
        z_BKZ = reparameterise(mean_BKZ, log_variance_BKZ, noise_BKZ)
        log_q_BK = ops.sum(normal_log_density(z_BKZ, mean_BKZ, log_variance_BKZ), axis=-1)
        z_NZ = ops.reshape(z_BKZ, (-1, self.latent_size))
        logits = self.logits(z_NZ, ops.repeat(labels, samples, axis=0))
        log_p_N = self.log_probability(ops.repeat(x, samples, axis=0), logits) + log_prior(z_NZ)
        return importance_bound(ops.reshape(log_p_N, (-1, samples)) - log_q_BK)

    def _pixels(self, batch: Batch) -> Tensor:
        noise = batch["noise"].get("binarisation")
        return binarise(batch["image"], self.config.binarisation, noise)

    def _with_labels(self, features: Tensor, labels: Tensor | None) -> Tensor:
        return with_one_hot(features, labels, self.spec.classes) if self.conditional else features


def build(config: Config, spec: DataSpec) -> GenerativeModel:
    """The variational autoencoder for images of `spec.shape`."""
    return Vae(config, spec, name="vae")
