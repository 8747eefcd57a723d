"""What holds for every adversarial game: who moves when, and by which optimizer."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

from sparkgen.models.adversarial._base import AdversarialModel
from sparkgen.models.discovery import model_names

GAMES = [name for name in model_names() if name.startswith("adversarial.")]
every_game = pytest.mark.parametrize("name", GAMES)


def step(model: AdversarialModel, batch: dict[str, Any], **learning_rates: float) -> dict[str, Any]:
    """One training step by plain gradient descent; how far each network's weights moved."""
    groups = model.optimizer_groups()
    optimizers = {name: keras.optimizers.SGD(learning_rates[name]) for name in groups}
    before = {name: [v.numpy() for v in variables] for name, variables in groups.items()}
    for name, variables in groups.items():
        optimizers[name].build(variables)
    model.set_optimizers(optimizers)
    model.train_step((batch,))
    return {
        name: max(
            np.abs(v.numpy() - b).max() for v, b in zip(groups[name], before[name], strict=True)
        )
        for name in groups
    }


@every_game
def test_each_network_has_its_own_optimizer(name: str, build: Callable, batch_of: Callable) -> None:
    model = build(name, (8, 8, 1))
    groups = model.optimizer_groups()
    ids = {k: {id(v) for v in variables} for k, variables in groups.items()}
    assert not ids["generator"] & ids["discriminator"]
    assert ids["generator"] | ids["discriminator"] == {id(v) for v in model.trainable_variables}
    moved = step(model, batch_of(model), generator=0.1, discriminator=0.0)
    assert moved["generator"] > 0
    assert moved["discriminator"] == 0
    moved = step(model, batch_of(model), generator=0.0, discriminator=0.1)
    assert moved["generator"] == 0
    assert moved["discriminator"] > 0


@every_game
@pytest.mark.parametrize("learner", ["discriminator", "generator"])
def test_a_network_lowers_its_own_loss_against_another_that_stands_still(
    name: str, learner: str, build: Callable, batch_of: Callable
) -> None:
    model = build(name)
    batch = batch_of(model)

    def own_loss() -> float:
        return float(np.mean(model.loss_terms(batch, training=True)[learner]))

    before = own_loss()
    rates = {"discriminator": 0.0, "generator": 0.0, learner: 0.01}
    for _ in range(5):
        step(model, batch, **rates)
    assert own_loss() < before


@every_game
def test_every_update_has_latents_of_its_own(name: str, build: Callable) -> None:
    model = build(name)
    latents = [k for k in model.training_noise if k == "generator" or k.startswith("latent_")]
    assert len(latents) == model.discriminator_steps + 1
    assert all(model.training_noise[k] == model.noise for k in latents)


@every_game
def test_a_rows_validation_terms_do_not_depend_on_the_rows_beside_it(
    name: str, build: Callable, batch_of: Callable
) -> None:
    model = build(name)
    together, alone = model(batch_of(model, 8)), model(batch_of(model, 1))
    for term in together:
        np.testing.assert_allclose(together[term][:1], alone[term], rtol=1e-4, atol=1e-5)


@every_game
def test_a_training_step_tells_the_mean_of_every_term(
    name: str, build: Callable, batch_of: Callable, train: Callable
) -> None:
    model = build(name)
    train(model, [batch_of(model)])
    told = {k: float(v) for k, v in model.get_metrics_result().items()}
    assert set(told) == {"loss", *model.loss_names, *model.metric_names}
    assert told["loss"] == pytest.approx(told["generator"] + told["discriminator"], rel=1e-5)
