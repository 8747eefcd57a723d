from collections.abc import Callable

import numpy as np

NAME = "discriminative.conv_classifier"


def test_the_reference_has_15120_parameters(build: Callable, parameters: Callable) -> None:
    model = build(NAME, (32, 32, 3))
    assert parameters(model.body) == (16 * 3 + 1) * 10 + (9 * 10 + 1) * 20
    assert parameters(model) == 2310 + (8 * 8 * 20 + 1) * 10 == 15_120


def test_the_cross_entropy_is_that_of_the_probabilities(
    build: Callable, batch_of: Callable
) -> None:
    model = build(NAME)
    batch = batch_of(model)
    terms = model(batch)
    p = np.asarray(model.probabilities(batch["image"]))
    label = batch["label"]
    np.testing.assert_allclose(
        terms["cross_entropy"], -np.log(p[np.arange(len(p)), label]), rtol=1e-4
    )
    np.testing.assert_array_equal(terms["accuracy"], p.argmax(-1) == label)


def test_the_robust_reference_has_166406_parameters(build: Callable, parameters: Callable) -> None:
    model = build(NAME, (28, 28, 1), filters=16, kernels=(4, 4), hidden=100)
    assert parameters(model) == 272 + 8_224 + 156_900 + 1_010 == 166_406


def test_adversarial_training_takes_the_worst_images_near_those_of_the_batch(
    build: Callable, batch_of: Callable
) -> None:
    attack = {"epsilon": 0.1, "step_size": 0.05, "steps": 4, "ramp_steps": 10}
    model = build(NAME, adversarial_training=attack)
    batch = batch_of(model)
    assert batch["noise"]["attack"].shape == batch["image"].shape
    plain = np.asarray(model.loss_terms(batch, training=False)["cross_entropy"])
    losses = []
    for steps in (0, 4, 9, 50):
        model.clock.steps.assign(steps)
        changed = np.asarray(model._attacked(batch, model.attack))
        most = 0.1 * min((steps + 1) / 10, 1)
        assert 0.5 * most < np.abs(changed - batch["image"]).max() <= most + 1e-6
        losses.append(np.asarray(model.loss_terms(batch, training=True)["cross_entropy"]))
    assert (losses[0] > plain - 1e-4).all()
    assert [loss.mean() for loss in losses[:3]] == sorted(loss.mean() for loss in losses[:3])
    np.testing.assert_array_equal(losses[2], losses[3])
