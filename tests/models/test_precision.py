"""Every model, with every option that changes its layers, in mixed precision."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import keras
import numpy as np
import pytest
from parts import names_that_learn

from sparkgen.config.experiment import TrainingConfig
from sparkgen.distribution.ring import Alone
from sparkgen.layers.network import Network
from sparkgen.models.adversarial._base import AdversarialModel
from sparkgen.models.contract import GenerativeModel
from sparkgen.models.encoder_decoder import EncoderDecoder
from sparkgen.models.variational.vq_vae import VqVae
from sparkgen.training.optimizers import make_optimizers

SMALL = {
    "adversarial.acgan": {"filters": 8},
    "adversarial.dcgan": {"filters": 8},
    "adversarial.gan": {"generator": [16], "discriminator": [16]},
    "adversarial.wgan_gp": {"filters": 8, "critic_steps": 2},
    "autoregressive.gated_pixel_cnn": {"features": 4, "layers": 2, "head": 4},
    "autoregressive.pixel_cnn": {"features": 4, "blocks": 1, "head": 4},
    "autoregressive.pixel_rnn": {"features": 4, "layers": 1, "head": 4},
    "diffusion.ddpm": {"channels": [8], "embedding": 8, "sampling_steps": 1},
    "discriminative.full_classifier": {"filters": 8, "hidden": 16},
    "discriminative.residual_classifier": {"filters": 8, "blocks": 1},
    "variational.vq_vae": {"codes": 16, "prior_features": 8, "prior_blocks": 1},
}
VARIANTS = {
    "adversarial.dcgan": [{"conditional": True}, {"r1": 1.0}],
    "adversarial.gan": [{"conditional": True}],
    "adversarial.wgan_gp": [{"network": "dense", "hidden": [8]}],
    "autoregressive.pixel_rnn": [{"lstm": "row"}],
    "diffusion.ddpm": [
        {"conditional": True, "prediction": "epsilon", "patch": 2},
        {"guide_channels": [8], "guidance": 2.0},
    ],
    "reconstruction.conv_autoencoder": [{"invert": False}],
    "variational.vq_vae": [{"conditional": True}],
    "variational.vae": [
        {"conditional": True},
        {"likelihood": "gaussian"},
        {"filters": [8], "blocks": 1},
        {"likelihood": "logistic", "filters": [8], "conditional": True},
    ],
}


def cases() -> Iterator[tuple[str, dict, str]]:
    for name in names_that_learn("gradient"):
        for variant in ({}, *VARIANTS.get(name, [])):
            yield name, {**SMALL.get(name, {}), **variant}, "mixed_bfloat16"
        yield name, SMALL.get(name, {}), "mixed_float16"


@contextmanager
def policy(name: str) -> Iterator[None]:
    keras.mixed_precision.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.mixed_precision.set_dtype_policy("float32")


def loss(model: GenerativeModel, batch: dict) -> float:
    terms = model(batch, training=False)
    assert {keras.backend.standardize_dtype(term.dtype) for term in terms.values()} == {"float32"}
    return float(np.mean(sum(np.asarray(terms[name]) for name in model.loss_names)))


def learn(model: GenerativeModel, batch: dict, *, loss_scaling: bool) -> None:
    config = TrainingConfig(epochs=1, batch_size=8, ema_momentum=0.9)
    make_optimizers(model, config, Alone(), total_steps=1, loss_scaling=loss_scaling)
    model.train_step((batch,))
    assert int(model.clock.steps) == 1


def images(model: GenerativeModel, batch: dict) -> Iterator:
    """What a model makes of latents; the others draw in loops of their own."""
    labels = keras.ops.convert_to_tensor(batch["label"])
    if isinstance(model, EncoderDecoder):
        yield model.reconstruct(batch["image"], {"label": labels})
        if not isinstance(model, VqVae):  # whose latents are codes
            yield model.density(np.zeros((2, *model.noise.shape), np.float32))
    if isinstance(model, AdversarialModel):
        yield model.generate(
            batch["noise"]["generator"], {"label": labels} if model.conditional else {}
        )


@pytest.mark.parametrize(("name", "options", "precision"), list(cases()))
def test_a_model_learns_in_half_precision_what_it_learns_in_full(
    name: str, options: dict, precision: str, build: Callable, batch_of: Callable
) -> None:
    full = build(name, **options)
    batch = batch_of(full, 8)
    with policy(precision):
        half = build(name, **options)
        assert loss(half, batch) == pytest.approx(loss(full, batch), rel=0.02)
        learn(half, batch, loss_scaling=precision == "mixed_float16")
        assert np.isfinite(loss(half, batch))
        for image in images(half, batch):
            assert keras.backend.standardize_dtype(image.dtype) == "float32"
    assert {v.dtype for v in half.trainable_variables} == {"float32"}


def test_training_attacks_images_that_a_classifier_is_sure_of_in_half_precision_too(
    build: Callable, batch_of: Callable
) -> None:
    options = {"adversarial_training": {"epsilon": 0.1, "step_size": 0.05, "steps": 2}}
    moved, weights = {}, None
    for precision in ("float32", "mixed_float16"):
        with policy(precision):
            model = build("discriminative.conv_classifier", **options)
            batch = batch_of(model, 8)
            batch["noise"]["attack"] = np.full_like(batch["image"], 0.5)  # it starts at the image
            batch["label"] = np.zeros(8, np.int32)
            weights = weights or model.get_weights()
            model.set_weights(weights)
            model.head.bias.assign([30.0, *9 * [0.0]])  # nats: the cross-entropy is 1e-12
            found = np.asarray(model._attacked(batch, model.attack))
            moved[precision] = (np.abs(found - batch["image"]) > 0.02).mean(axis=(1, 2, 3))
    assert moved["float32"].min() > 0.3
    np.testing.assert_allclose(moved["mixed_float16"], moved["float32"], atol=0.05)


def test_what_follows_a_float32_head_does_not_round_its_values() -> None:
    with policy("mixed_bfloat16"):
        head = keras.layers.Dense(4, use_bias=False, dtype="float32")
        network = Network([head, keras.layers.Reshape((2, 2))])
        network.build((None, 1))
        head.kernel.assign(np.full((1, 4), 1 + 2**-20))
        y = network(np.ones((1, 1), np.float32))
    assert (np.asarray(y) == np.float32(1 + 2**-20)).all()


def test_a_network_tells_its_layers_whether_they_train() -> None:
    network = Network([keras.layers.Dropout(0.5)])
    x = np.ones((1, 100), np.float32)
    assert (np.asarray(network(x, training=True)) == 0).any()
    assert (np.asarray(network(x)) == 1).all()
