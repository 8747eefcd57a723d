"""What every model with latents is: an encoder, a decoder, and a density to draw latents of."""

from collections.abc import Mapping
from typing import Any

from sparkgen.datasets.records import DataSpec
from sparkgen.layers.density import LatentDensity
from sparkgen.models.contract import NOTHING, Batch, GenerativeModel, Given, Tensor


class EncoderDecoder(GenerativeModel):
    """A model with latents, which generates by decoding draws of a density on them.

    Subclasses set `self.latent_size` (Z) in their constructor; discovery then sets the density. Where a
    record is given, it is reconstructed in place of a draw.
    """

    reconstructs = True
    has_latents = True

    latent_size: int
    density: LatentDensity

    def __init__(self, spec: DataSpec, **kwargs: Any) -> None:
        super().__init__(spec, **kwargs)
        self.given = {spec.record.kind: Given("record", spec.record.bare, required=False)}

    @property
    def codes_by_label(self) -> bool:
        """Whether `encode` and `decode` look at the label."""
        return self.conditional

    def expect_density(self, kind: str) -> None:
        """Declares what the model takes with a density of a kind, which is set later, if at all."""

    def set_density(self, kind: str = "prior", components: int = 1) -> None:
        """Chooses, once, the density that `generate` draws latents of."""
        self.density = LatentDensity(self.latent_size, kind, components, name="density")
        self.density.build()
        self.noise = self.density.noise

    def encode(self, x: Tensor, given: Mapping[str, Tensor] = NOTHING) -> Tensor:
        """The latents of images (B, H, W, C) in [0, 1]: float32 (B, Z); a posterior's mean.

        `given` has the label where the model is conditional, here and below; what a model does not
        look at does no harm.
        """
        raise TypeError(f"{type(self).__name__} does not encode")

    def decode(self, latent: Tensor, given: Mapping[str, Tensor] = NOTHING) -> Tensor:
        """Images float32 (B, H, W, C) in [0, 1] from latents (B, Z)."""
        raise TypeError(f"{type(self).__name__} does not decode")

    def latents(self, batch: Batch) -> Tensor:
        """The latents (B, Z) of a batch that the density is fitted to; a variational model has draws of
        its posterior, which are what it learnt to decode.
        """
        return self.encode(batch[self.spec.record.kind], batch)

    def reconstruct(self, x: Tensor, given: Mapping[str, Tensor] = NOTHING) -> Tensor:
        """Images as the model brings them back through its latents."""
        return self.decode(self.encode(x, given), given)

    def count_learnt(self) -> int:
        """All weights but those of the density, where there is one: it is fitted afterwards."""
        density = getattr(self, "density", None)
        return super().count_learnt() - (0 if density is None else int(density.count_params()))

    def make(self, noise: Tensor, given: Mapping[str, Tensor], **options: Any) -> Tensor:
        """A draw of the density, decoded; or the record that is given, reconstructed."""
        x = given.get(self.spec.record.kind)
        if x is not None:
            return self.reconstruct(x, given)
        return self.decode(self.density(noise), given)
