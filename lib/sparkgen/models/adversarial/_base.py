"""Every adversarial model has a generator and a discriminator, which are trained in turn.

Goodfellow et al., "Generative Adversarial Networks", 2014. With logits d(x), D = sigmoid(d), the
discriminator minimises

    -log D(x) - log(1 - D(G(z))),

and the generator log(1 - D(G(z))) in the minimax form, or -log D(G(z)) in the non-saturating one.
As in algorithm 1 there, a training step is some updates of the discriminator, each with latents of
its own, then one of the generator, each network with an optimizer of its own. Every loss is a mean
over rows, so that gradients averaged over workers are those of the global batch.

Where labels are asked for (Mirza and Osindero, "Conditional Generative Adversarial Nets", 2014),
they enter the generator as one-hot vectors, and the discriminator has a logit a class, of which the
row's label picks one (Miyato and Koyama, "cGANs with Projection Discriminator", 2018).
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

from keras import ops
from pydantic import Field

from sparkgen.config.strict import Strict
from sparkgen.datasets.records import DataSpec
from sparkgen.layers.accumulation import terms_and_gradients
from sparkgen.layers.adversarial import (
    Convolutions,
    convolutional_discriminator,
    convolutional_generator,
)
from sparkgen.layers.labels import with_one_hot
from sparkgen.layers.network import Network
from sparkgen.models.contract import LABEL, Batch, GenerativeModel, Tensor
from sparkgen.noise import NoiseSpec

Loss = Literal["non_saturating", "minimax"]
TermsOf = Callable[..., dict[str, Tensor]]


class Networks(NamedTuple):
    """A generator from latents (and one-hot labels), a discriminator from images in [-1, 1]."""

    generator: Network
    discriminator: Network


class ConvolutionalConfig(Strict):
    """Options of every model with convolutional networks."""

    latent: int = Field(100, gt=0)
    """Size Z of the latent."""
    halvings: int = Field(2, gt=0)
    """Convolutions of stride 2; both sides of the image must be multiples of 2 to this power."""
    filters: int = Field(64, gt=0)
    """Of the finest feature maps; each coarser one has twice as many."""
    kernel: int = Field(4, gt=1)
    """Side of the convolutions' kernels."""

    def networks(self, spec: DataSpec, *, outputs: int = 1, normalise: bool = True) -> Networks:
        """Both networks, as `sparkgen.layers.adversarial` describes them.

        Args:
            spec: of the dataset.
            outputs: logits a row.
            normalise: whether the discriminator has batch normalisation.

        Raises:
            RequestError: an image whose sides cannot be halved so often.
        """
        cut = Convolutions(self.halvings, self.filters, self.kernel)
        return Networks(
            convolutional_generator(spec.shape, cut),
            convolutional_discriminator(spec.shape, cut, outputs=outputs, normalise=normalise),
        )


class AdversarialModel(GenerativeModel):
    """A generator and a discriminator, their losses, and their updates in turn.

    Subclasses make the networks, and may define other losses by their own `discriminator_terms` and
    `generator_terms`. The names in `loss_names` are those of the optimizer groups.

    Args:
        spec: of the dataset.
        networks: made by the subclass.
        latent: size Z of the latents.
        loss: what the generator minimises.
        conditional: whether the generator is given the label.
        candidates: K, images made for a sample, of which that with the highest logit is kept.
        discriminator_steps: updates of the discriminator for one of the generator.
        row_noise: what `discriminator_terms` needs beside latents, drawn anew for every step.
    """

    loss_names = ("discriminator", "generator")
    loss_direction = None
    heeds_settings = True

    def __init__(
        self,
        spec: DataSpec,
        networks: Networks,
        *,
        latent: int,
        loss: Loss = "non_saturating",
        conditional: bool = False,
        candidates: int = 1,
        discriminator_steps: int = 1,
        row_noise: Mapping[str, NoiseSpec] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(spec, **kwargs)
        self.generator, self.discriminator = networks
        self.loss_form, self.given = loss, LABEL if conditional else {}
        one = NoiseSpec((latent,))
        self.latent_size, self.candidates = latent, candidates
        self.noise = one if candidates == 1 else NoiseSpec((candidates, latent))
        self.step_noise = {"latent": one, **(row_noise or {})}
        self.discriminator_steps = discriminator_steps
        steps = range(discriminator_steps)
        self.training_noise = {
            "generator": one,
            **{f"{name}_{k}": s for name, s in self.step_noise.items() for k in steps},
        }

    # -- the losses, which a model may change -------------------------------------------------------

    def discriminator_terms(
        self, batch: Batch, noise: Mapping[str, Tensor], *, training: bool
    ) -> dict[str, Tensor]:
        """The loss `discriminator` of every row, (B,), and further figures of the update.

        `noise` has `latent` (B, Z) and the further noises of the model.
        """
        fake = ops.stop_gradient(self.fake(noise["latent"], batch["label"], training=training))
        real_B = self.logit(signed(batch["image"]), batch["label"], training=training)
        fake_B = self.logit(fake, batch["label"], training=training)
        return {"discriminator": self.discriminator_loss(real_B, fake_B)}

    def generator_terms(
        self, batch: Batch, noise: Mapping[str, Tensor], *, training: bool
    ) -> dict[str, Tensor]:
        """The loss `generator` of every row, (B,), for `noise["latent"]` (B, Z)."""
        fake = self.fake(noise["latent"], batch["label"], training=training)
        fake_B = self.logit(fake, batch["label"], training=training)
        return {"generator": self.generator_loss(fake_B)}

    def discriminator_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        """-log D(x) - log(1 - D(G(z))) from logits."""
        return ops.softplus(-real) + ops.softplus(fake)

    def generator_loss(self, fake: Tensor) -> Tensor:
        """-log D(G(z)), or log(1 - D(G(z))) in the minimax form, from logits."""
        return -ops.softplus(fake) if self.loss_form == "minimax" else ops.softplus(-fake)

    # -- what they share -------------------------------------------------------------------------

    def fake(self, latent: Tensor, labels: Tensor | None, *, training: bool) -> Tensor:
        """Generated images in [-1, 1]: (B, H, W, C)."""
        return ops.tanh(self.generator(self._with_labels(latent, labels), training=training))

    def logit(self, image: Tensor, labels: Tensor | None, *, training: bool) -> Tensor:
        """The discriminator's logit of every image in [-1, 1], that of its label where it is conditional:
        (B,).
        """
        logits = self.discriminator(image, training=training)
        if not self.conditional:
            return logits[:, 0]
        return ops.sum(logits * ops.one_hot(labels, self.spec.classes), axis=-1)

    def make(self, noise: Tensor, given: Mapping[str, Tensor], **options: Any) -> Tensor:
        labels, many = given.get("label"), self.candidates
        if many == 1:
            return 0.5 * (self.fake(noise, labels, training=False) + 1.0)
        latent = ops.reshape(noise, (-1, self.latent_size))
        repeated = None if labels is None else ops.repeat(labels, many, axis=0)
        image = self.fake(latent, repeated, training=False)
        logit_BK = ops.reshape(self.logit(image, repeated, training=False), (-1, many))
        first_B = many * ops.arange(ops.shape(logit_BK)[0], dtype="int32")
        best_B = first_B + ops.cast(ops.argmax(logit_BK, axis=1), "int32")
        return 0.5 * (ops.take(image, best_B, axis=0) + 1.0)

    def loss_terms(self, batch: Batch, *, training: bool) -> dict[str, Tensor]:
        """The terms of the discriminator's first step and of the generator's."""
        first, last = self._discriminator_noise(batch, 0), self._generator_noise(batch)
        return {
            **self.discriminator_terms(batch, first, training=training),
            **self.generator_terms(batch, last, training=training),
        }

    def optimizer_groups(self) -> dict[str, list[Any]]:
        return {
            "discriminator": self.discriminator.trainable_variables,
            "generator": self.generator.trainable_variables,
        }

    def set_optimizers(self, optimizers: Mapping[str, Any], *, jit_compile: bool = False) -> None:
        self.compile(optimizer=optimizers["generator"], jit_compile=jit_compile)
        self.discriminator_optimizer = optimizers["discriminator"]

    def train_step(self, data: tuple[Batch]) -> dict[str, Tensor]:
        (batch,) = data
        terms: dict[str, Tensor] = {}
        for k in range(self.discriminator_steps):
            noise = self._discriminator_noise(batch, k)
            terms |= self._update("discriminator", self.discriminator_terms, batch, noise)
        noise = self._generator_noise(batch)
        terms |= self._update("generator", self.generator_terms, batch, noise)
        loss = self.compute_loss(batch, None, terms)
        self._loss_tracker.update_state(loss, sample_weight=ops.shape(batch["weight"])[0])
        self.clock.tick()
        return self.get_metrics_result()

    def _update(
        self, group: str, terms_of: TermsOf, batch: Batch, noise: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """One update of one network; the terms of its loss."""
        variables = self.optimizer_groups()[group]
        optimizer = self.optimizer if group == "generator" else self.discriminator_optimizer
        total = ops.sum(batch["weight"])

        def loss_of(terms: dict[str, Tensor], some: Batch) -> Tensor:
            loss = ops.sum(terms[group] * some["weight"]) / total
            return optimizer.scale_loss(loss)  # in half precision; the optimizer scales back

        terms, gradients = terms_and_gradients(
            lambda some: terms_of(some, some["noise"], training=True),
            loss_of,
            {**batch, "noise": noise},
            variables,
            slices=self.slices,
            compiled=self.compiles_gradients,
        )
        optimizer.apply(gradients, variables)
        return terms

    def _discriminator_noise(self, batch: Batch, k: int) -> dict[str, Tensor]:
        return {name: batch["noise"][f"{name}_{k}"] for name in self.step_noise}

    def _generator_noise(self, batch: Batch) -> dict[str, Tensor]:
        return {"latent": batch["noise"]["generator"]}

    def _with_labels(self, latent: Tensor, labels: Tensor | None) -> Tensor:
        return with_one_hot(latent, labels, self.spec.classes) if self.conditional else latent


def signed(image: Tensor) -> Tensor:
    """Images of [0, 1] in the range of a tanh, [-1, 1]."""
    return 2.0 * image - 1.0
