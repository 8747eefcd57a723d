from collections.abc import Callable

import numpy as np
import pytest

from sparkgen.models.contract import GenerativeModel
from sparkgen.noise import Stream, row_noise, row_noises

NAME = "optimised.adversarial_examples"
ROWS = 48
LEARNT: list[np.ndarray] = []
"""The weights of a small classifier that has learnt some digits, once one has."""


@pytest.fixture
def attack(build: Callable, train: Callable, batch_of: Callable) -> Callable[..., GenerativeModel]:
    """`attack(**options)`: attacks on a small classifier that has learnt some digits."""
    if not LEARNT:
        classifier = build("discriminative.conv_classifier")
        train(classifier, 60 * [batch_of(classifier, 4 * ROWS)], learning_rate=1e-2)
        LEARNT.extend(classifier.get_weights())

    def make(**options: object) -> GenerativeModel:
        model = build(NAME, **options)
        model.parts["classifier"].set_weights(LEARNT)
        return model

    return make


def pictures(model: GenerativeModel, batch: dict, **given_and_options: object) -> np.ndarray:
    """What the attack makes of a batch; `target` is given, the rest are options."""
    noise = row_noise(model.noise, range(len(batch["label"])), seed=2)
    given = {name: batch[name] for name in ("image", "label")}
    if "target" in given_and_options:
        given["target"] = given_and_options.pop("target")
    return np.asarray(model.generate(noise, given, **given_and_options))


def in_8_bits(batch: dict) -> dict:
    return {**batch, "image": (np.rint(batch["image"] * 255) / 255).astype(np.float32)}


def test_attacks_of_more_steps_and_restarts_succeed_more_often(
    attack: Callable, batch_of: Callable
) -> None:
    model = attack(epsilon=0.15, step_size=0.03, steps=10, restarts=3)
    batch = in_8_bits(batch_of(model, ROWS))
    wrong = {
        name: np.asarray(
            model.figures_of(pictures(model, batch, **options), batch)["success"]
        ).mean()
        for name, options in {
            "none": {"epsilon": 0.0, "restarts": 1},
            "one": {"restarts": 1},
            "all": {},
        }.items()
    }
    assert wrong["none"] < 0.2 < wrong["one"] <= wrong["all"]


def test_no_pixel_changes_by_more_than_epsilon_in_8_bits(
    build: Callable, batch_of: Callable
) -> None:
    model = build(NAME, epsilon=0.3, step_size=0.2, steps=3)
    batch = in_8_bits(batch_of(model, ROWS))
    grey = np.rint(batch["image"] * 255).astype(int)
    for epsilon, levels, fgsm in ((0.3, 76, True), (0.3, 76, False), (8 / 255, 8, False)):
        made = pictures(model, batch, epsilon=epsilon, fgsm=fgsm)
        np.testing.assert_allclose(made, np.rint(made * 255) / 255, atol=1e-7)
        assert np.abs(np.rint(made * 255).astype(int) - grey).max() == levels
        change = np.asarray(model.figures_of(made, batch)["change"])
        np.testing.assert_allclose(change.max(), levels / 255, atol=1e-6)


def test_a_targeted_attack_leads_to_its_target(attack: Callable, batch_of: Callable) -> None:
    model = attack(epsilon=0.5, step_size=0.05, steps=20)
    batch = in_8_bits(batch_of(model, 20))
    target = (batch["label"] + 3) % 10
    made = pictures(model, batch, target=target)
    figures = model.figures_of(made, {**batch, "target": target})
    assert np.asarray(figures["success"]).mean() > 0.8
    hit = np.asarray(figures["predicted"])[np.asarray(figures["success"]) == 1]
    assert set(hit) <= set(target)
    missed = model.figures_of(made, {**batch, "target": batch["label"]})
    assert np.asarray(missed["success"]).mean() < 0.2


def test_the_figures_of_rows_are_those_of_the_attack_of_its_options(
    attack: Callable, batch_of: Callable
) -> None:
    model = attack(epsilon=0.1, step_size=0.02, steps=10, restarts=2, loss="margin")
    batch = in_8_bits(batch_of(model, ROWS))
    batch["noise"] = row_noises(model.training_noise, range(ROWS), seed=0, stream=Stream.TRAIN)
    terms = {name: np.asarray(v) for name, v in model.loss_terms(batch, training=False).items()}
    made = model.generate(batch["noise"]["attack"], {k: batch[k] for k in ("image", "label")})
    success = np.asarray(model.figures_of(made, batch)["success"])
    np.testing.assert_array_equal(terms["robust_accuracy"], 1 - success)
    clean, *attacked = (terms[name].mean() for name in model.metric_names)
    assert clean > 0.8 > max(attacked)
    assert model.protocols["robust_accuracy"] == (
        "PGD on the margin, epsilon 0.1, 10 steps of 0.02, 2 random starts, or none, 8 bits"
    )


def test_an_example_does_not_depend_on_the_others_of_its_batch(
    attack: Callable, batch_of: Callable
) -> None:
    model = attack(epsilon=0.1, step_size=0.02, steps=3)
    batch = in_8_bits(batch_of(model, 4))
    others = {**batch, "image": batch["image"].copy()}
    others["image"][1:] = others["image"][:0:-1]
    np.testing.assert_array_equal(pictures(model, batch)[0], pictures(model, others)[0])
