"""VQ-VAE encodes an image as a grid of codes, and has an autoregressive prior over the grid.

van den Oord et al., "Neural Discrete Representation Learning", 2017. The encoder's vectors z_e are
replaced by the nearest of K vectors e of the code book; the gradient of z_e is taken to be that of e. The
loss of a picture is

    - log p(x | e) + |sg(z_e) - e|² + β |z_e - sg(e)|² - log p(codes),   sg: stop-gradient.

What differs: the prior, a small PixelCNN over codes, is trained along with the rest instead of after
it. No gradient passes from it to the encoder, so that is the same but for the codes changing while
it learns. The encoder ends in batch normalisation and the book starts as normal as what comes out of
it (Łańcucki et al., "Robust Training of Vector Quantized Bottleneck Models", 2020): else all vectors
share an offset that outweighs their differences, and one code is the nearest of all. Pixels are
discretised logistics with one learned scale. As the posterior is one point,
log p(x) ≥ log p(x | e) + log p(codes), a bound in nats for pixels of 256 levels. Labels, where asked
for, are given to the prior alone: the code book is one for all classes.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import keras
from keras import layers, ops
from pydantic import Field

from sparkgen.config.options import Range
from sparkgen.config.strict import Positive, Strict
from sparkgen.datasets.records import DataSpec
from sparkgen.errors import RequestError
from sparkgen.layers.batch_norm import BatchNormalization
from sparkgen.layers.code_prior import CodePrior
from sparkgen.layers.compiled import compiled
from sparkgen.layers.distributions import logistic_log_probability
from sparkgen.layers.network import Network
from sparkgen.layers.resizing import coarse_sides, enlarged_logits, halving_convolutions
from sparkgen.models.contract import (
    LABEL,
    NOTHING,
    Batch,
    GenerativeModel,
    Likelihood,
    Tensor,
)
from sparkgen.models.variational._base import VariationalModel
from sparkgen.noise import NoiseSpec

MOMENTUM = 0.9  # of the moving averages of batch normalisation


class Config(Strict):
    """Options of the VQ-VAE."""

    codes: int = Field(128, gt=1)
    """K, vectors in the code book."""
    code_size: int = Field(16, gt=0)
    """Entries of one vector."""
    filters: tuple[Positive, ...] = Field((32, 64), strict=False)
    """Of 3×3 convolutions that halve the image; the grid of codes is that small."""
    commitment: float = Field(0.25, ge=0)
    """β, the weight of the squared distance of the encoder's vectors from their codes."""
    prior_features: int = Field(64, gt=0)
    """Of the prior's convolutions."""
    prior_blocks: int = Field(4, ge=0)
    """Residual blocks of the prior."""
    conditional: bool = False
    """Whether the prior is given the label."""
    temperature: float = Field(1.0, ge=0)
    """Of `generate`: the prior's logits are divided by it; 0: each code is the most likely one."""


class Quantised(NamedTuple):
    """The nearest codes of a grid of vectors."""

    code: Tensor
    """int32 (B, h, w)."""
    vector: Tensor
    """The book's vectors of those codes, float32 (B, h, w, D)."""


def encoder_layers(config: Config) -> Network:
    """Images (B, H, W, C) → vectors (B, h, w, D)."""
    stages = halving_convolutions(config.filters)
    stages.append(layers.Conv2D(config.filters[-1], 3, padding="same", activation="relu"))
    head = [layers.Conv2D(config.code_size, 1, use_bias=False, dtype="float32")]
    return Network([*stages, *head, BatchNormalization(MOMENTUM)])


def decoder_layers(config: Config, spec: DataSpec) -> Network:
    """Vectors (B, h, w, D) → logits of the pixels' means (B, H, W, C)."""
    first = layers.Conv2D(config.filters[-1], 3, padding="same", activation="relu")
    return Network([first, *enlarged_logits(spec.shape, config.filters[::-1])])


class VqVae(VariationalModel):
    """Images → nearest codes → images. The latents are the vectors before they are replaced."""

    loss_names = ("reconstruction", "codebook", "commitment", "prior")

    def __init__(self, config: Config, spec: DataSpec, **kwargs: Any) -> None:
        super().__init__(spec, **kwargs)
        self.config = config
        self.grid = coarse_sides(spec.shape, len(config.filters))
        self.latent_size = self.grid[0] * self.grid[1] * config.code_size
        self.encoder = encoder_layers(config)
        self.decoder = decoder_layers(config, spec)
        self.prior = CodePrior(
            config.codes,
            self.grid,
            features=config.prior_features,
            blocks=config.prior_blocks,
            labels=spec.classes if config.conditional else 0,
            name="prior",
        )
        self.book_KD = self.add_weight(
            shape=(config.codes, config.code_size),
            initializer=keras.initializers.RandomNormal(stddev=1.0),
            name="book",
        )
        self.log_scale = self.new_log_scale()
        if config.conditional:
            self.given = {**self.given, **LABEL}
        self.draw_codes = compiled(self.prior.draw)

    @property
    def codes_by_label(self) -> bool:
        return False

    def expect_density(self, kind: str) -> None:
        """Only the prior is given the label, and has a temperature.

        Raises:
            RequestError: another density for a model that was to have one of them.
        """
        if kind == "prior":
            self.generate_options = {"temperature": self.config.temperature}  # type: ignore[misc]
            self.generate_ranges = {"temperature": Range(0)}  # type: ignore[misc]
        elif self.conditional or "temperature" in self.config.model_fields_set:
            raise RequestError(
                "density.kind prior for model.options conditional or temperature, which are the prior's",
                found=kind,
                mend="remove the density section, or these options",
            )

    def set_density(self, kind: str = "prior", components: int = 1) -> None:
        """`prior` is the autoregressive one; the others are fitted on latents as for any model."""
        self.density_kind = kind
        if kind == "prior":
            self.noise = NoiseSpec((*self.grid, 1), "uniform")
        else:
            super().set_density(kind, components)

    def quantise(self, vectors: Tensor) -> Quantised:
        """The nearest codes of vectors (B, h, w, D)."""
        # |z - e|² without |z|², which is the same for every e.
        squares_K = ops.sum(ops.square(self.book_KD), axis=1)
        distances = squares_K - 2.0 * ops.matmul(vectors, ops.transpose(self.book_KD))
        code = ops.cast(ops.argmin(distances, axis=-1), "int32")
        return Quantised(code, ops.take(self.book_KD, code, axis=0))

    def encode(self, x: Tensor, given: Mapping[str, Tensor] = NOTHING) -> Tensor:
        return ops.reshape(self.encoder(x), (-1, self.latent_size))

    def decode(self, latent: Tensor, given: Mapping[str, Tensor] = NOTHING) -> Tensor:
        vectors = ops.reshape(latent, (-1, *self.grid, self.config.code_size))
        return ops.sigmoid(self.decoder(self.quantise(vectors).vector))

    def make(self, noise: Tensor, given: Mapping[str, Tensor], **options: Any) -> Tensor:
        if self.density_kind != "prior" or self.spec.record.kind in given:
            return super().make(noise, given, **options)
        code = self.draw_codes(
            ops.convert_to_tensor(noise, "float32"),
            given["label"] if self.conditional else None,
            ops.convert_to_tensor(options["temperature"], "float64"),
        )
        return ops.sigmoid(self.decoder(ops.take(self.book_KD, code, axis=0)))

    def loss_terms(self, batch: Batch, *, training: bool) -> dict[str, Tensor]:
        x, cells = ops.convert_to_tensor(batch["image"]), (1, 2, 3)
        vectors = self.encoder(x, training=training)
        code, vector = self.quantise(vectors)
        passed = vectors + ops.stop_gradient(vector - vectors)
        mean = ops.sigmoid(self.decoder(passed))
        log_p_B = ops.sum(logistic_log_probability(x, mean, self.log_scale), axis=cells)
        to_book_B = ops.sum(ops.square(ops.stop_gradient(vectors) - vector), axis=cells)
        to_code_B = ops.sum(ops.square(vectors - ops.stop_gradient(vector)), axis=cells)
        label_B = batch["label"] if self.conditional else None
        log_prior_B = self.prior.log_probability(code, label_B)
        return {
            "reconstruction": -log_p_B,
            "codebook": to_book_B,
            "commitment": self.config.commitment * to_code_B,
            "prior": -log_prior_B,
            "elbo": log_p_B + log_prior_B,
        }

    def likelihoods(self, *, samples: int) -> dict[str, Likelihood]:
        """`elbo`: the bound with the nearest codes, of pixels in 256 levels."""
        return {"elbo": self.elbo("none", {})}


def build(config: Config, spec: DataSpec) -> GenerativeModel:
    """The VQ-VAE for images of `spec.shape`."""
    return VqVae(config, spec, name="vq_vae")
