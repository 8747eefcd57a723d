import numpy as np
import tensorflow as tf

from sparkgen.datasets.records import DataSpec, ImageRecord
from sparkgen.models.contract import empty_batch
from sparkgen.models.discovery import build_model
from sparkgen.training.statistics import make_statistics


def batches(model, count, rows=6):
    for seed in range(count):
        random = np.random.default_rng(seed)
        batch = empty_batch(model.spec, model.training_noise, rows=rows)
        batch["image"] = random.uniform(size=batch["image"].shape).astype(np.float32)
        batch["noise"] = {
            name: random.normal(size=noise.shape).astype(np.float32)
            for name, noise in batch["noise"].items()
        }
        yield tf.nest.map_structure(tf.convert_to_tensor, batch)


def test_statistics_are_the_means_of_the_moments_of_the_batches():
    """By hand for the first normalisation of a generator, of which a loss makes two batches."""
    model = build_model(
        "adversarial.dcgan", {"latent": 3, "filters": 4}, DataSpec(ImageRecord((4, 4, 1)), 2)
    )
    given = list(batches(model, 3))
    make_statistics(model, given)()
    kernel = model.generator.layers[0].kernel.numpy()
    latents = [b["noise"][name].numpy() for b in given for name in ("latent_0", "generator")]
    moments = [
        (x.mean((0, 1)), x.var((0, 1))) for x in ((z @ kernel).reshape(6, 1, -1) for z in latents)
    ]
    mean, variance = np.mean(moments, axis=0)
    norm = model.generator.layers[2]
    np.testing.assert_allclose(norm.moving_mean.numpy(), mean, atol=1e-6)
    np.testing.assert_allclose(norm.moving_variance.numpy(), variance, rtol=1e-4)


def test_nothing_is_dropped_or_moved_while_statistics_are_taken():
    options = {"filters": 4, "hidden": 8, "dropout": 0.5}
    model = build_model(
        "discriminative.full_classifier", options, DataSpec(ImageRecord((8, 8, 1)), 2)
    )
    fit = make_statistics(model, list(batches(model, 2)))
    before = [v.numpy() for v in model.variables]
    fit()
    fitted = [v.numpy() for v in model.variables]
    fit()
    moved = {
        v.name for v, old in zip(model.variables, before, strict=True) if (v.numpy() != old).any()
    }
    assert moved == {"moving_mean", "moving_variance"}
    for variable, value in zip(model.variables, fitted, strict=True):
        np.testing.assert_allclose(variable.numpy(), value, atol=1e-6)
