import keras
import numpy as np
import pytest
import tensorflow as tf

from sparkgen.config.experiment import OptimizerConfig, ScheduleConfig, TrainingConfig
from sparkgen.datasets.records import DataSpec, ImageRecord
from sparkgen.distribution.ring import Alone
from sparkgen.errors import RequestError
from sparkgen.models.contract import empty_batch
from sparkgen.models.discovery import build_model
from sparkgen.training.learner import Learner
from sparkgen.training.optimizers import (
    CLASSES,
    learning_rate,
    make_optimizer,
    make_optimizers,
    schedule_remarks,
)


def rates(steps, *, total=100, **schedule):
    config = OptimizerConfig.model_validate({"learning_rate": 0.5, "schedule": schedule})
    rate = learning_rate(config, total_steps=total)
    return [float(rate(step)) for step in steps]


def test_a_constant_rate_is_a_number():
    assert learning_rate(OptimizerConfig(learning_rate=0.5), total_steps=10) == 0.5


def test_cosine_goes_from_the_rate_to_its_final_fraction():
    got = rates([0, 50, 100, 200], kind="cosine", final_fraction=0.1)
    np.testing.assert_allclose(got, [0.5, 0.275, 0.05, 0.05], rtol=1e-5)


def test_exponential_halves_in_equal_times():
    got = rates([0, 50, 100], kind="exponential", final_fraction=0.25)
    np.testing.assert_allclose(got, [0.5, 0.25, 0.125], rtol=1e-5)


def test_exponential_to_zero_is_refused():
    with pytest.raises(RequestError, match="final_fraction"):
        rates([0], kind="exponential")


def test_piecewise_falls_at_its_boundaries():
    got = rates([0, 10, 11, 21], kind="piecewise", boundaries=[10, 20], factor=0.1)
    np.testing.assert_allclose(got, [0.5, 0.5, 0.05, 0.005], rtol=1e-5)


def test_warm_up_rises_to_the_rate_that_then_holds():
    got = rates([0, 5, 10, 100], warmup_steps=10)
    np.testing.assert_allclose(got, [0.0, 0.25, 0.5, 0.5])


def test_the_decay_after_a_warm_up_ends_with_the_training():
    got = rates([20, 60, 100], kind="cosine", warmup_steps=20)
    np.testing.assert_allclose(got, [0.5, 0.25, 0.0], atol=1e-6)


@pytest.mark.parametrize("name", CLASSES)
def test_every_optimizer_is_the_keras_class_of_its_name(name):
    optimizer = make_optimizer(OptimizerConfig.model_validate({"name": name}), total_steps=1)
    assert type(optimizer).__name__.lower() == name


def test_options_reach_the_class():
    config = OptimizerConfig(options={"beta_1": 0.5, "clipnorm": 1.0})
    optimizer = make_optimizer(config, total_steps=1)
    assert (optimizer.beta_1, optimizer.clipnorm) == (0.5, 1.0)


def test_an_unknown_option_is_a_wrong_request():
    with pytest.raises(RequestError, match="options that adam takes"):
        make_optimizer(OptimizerConfig(options={"beta_7": 0.5}), total_steps=1)


def test_loss_scaling_and_averaging_are_asked_for():
    optimizer = make_optimizer(
        OptimizerConfig(), total_steps=1, ema_momentum=0.9, loss_scaling=True
    )
    assert type(optimizer).__name__ == "LossScaleOptimizer"
    assert optimizer.inner_optimizer.use_ema
    assert optimizer.inner_optimizer.ema_momentum == 0.9


def test_boundaries_count_from_the_start_of_training_whatever_the_warm_up():
    got = rates([5, 10, 20, 21], kind="piecewise", boundaries=[20], factor=0.1, warmup_steps=10)
    np.testing.assert_allclose(got, [0.25, 0.5, 0.5, 0.05], rtol=1e-5)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ({"kind": "piecewise"}, "needs boundaries"),
        ({"kind": "piecewise", "boundaries": [20, 10]}, "ascend"),
        ({"kind": "piecewise", "boundaries": [5], "warmup_steps": 10}, "within the warm-up"),
        ({"decay_steps": 10}, "decay_steps has no effect on a constant rate"),
        ({"kind": "cosine", "boundaries": [5]}, "boundaries has no effect on a cosine rate"),
    ],
)
def test_a_schedule_whose_keys_do_not_fit_is_refused(schedule, expected):
    with pytest.raises(ValueError, match=expected):
        ScheduleConfig.model_validate(schedule)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ({"kind": "cosine", "warmup_steps": 10}, []),
        ({"warmup_steps": 100}, ["the warm-up of 100 steps outlasts the 100 of training"]),
        ({"kind": "cosine", "decay_steps": 90, "warmup_steps": 10}, []),
        (
            {"kind": "cosine", "decay_steps": 40},
            ["the decay ends with step 40, the training with step 100"],
        ),
        (
            {"kind": "piecewise", "boundaries": [50, 100]},
            ["boundary 100 is not before the end of training, step 100"],
        ),
    ],
)
def test_what_a_training_does_not_get_to_is_said(schedule, expected):
    config = OptimizerConfig.model_validate({"schedule": schedule})
    assert schedule_remarks(config, total_steps=100) == expected


class Course:
    """A few training steps of a tiny model: the rates before each, and its weights after each."""

    def __init__(self, name, options, steps, *, loss_scaling=False, overflow=(), **training):
        keras.utils.set_random_seed(0)
        self.model = build_model(name, options, DataSpec(ImageRecord((4, 4, 1)), 3))
        config = TrainingConfig.model_validate({"epochs": 1, "batch_size": 4, **training})
        self.optimizers = make_optimizers(
            self.model, config, Alone(), total_steps=steps, loss_scaling=loss_scaling
        )
        learner = Learner(self.model, self.optimizers, Alone())
        batch = tf.nest.map_structure(
            tf.convert_to_tensor, empty_batch(self.model.spec, self.model.training_noise, rows=4)
        )
        step = tf.function(lambda batch: self.model.train_step((batch,)), autograph=False)
        self.rates, self.weights = [], []
        for k in range(steps):
            self.rates.append(learner.learning_rates())
            step({**batch, "image": batch["image"] + (np.inf if k in overflow else 0.1 * k)})
            self.weights.append(self.model.trainable_variables[0].numpy())


AUTOENCODER = ("reconstruction.dense_autoencoder", {"latent": 2})
WARM_COSINE = {"learning_rate": 0.1, "schedule": {"kind": "cosine", "warmup_steps": 2}}


def warm_cosine(step, steps):
    return 0.05 * step if step < 2 else 0.05 * (1 + np.cos(np.pi * (step - 2) / (steps - 2)))


def test_the_rates_of_all_groups_follow_the_steps_of_the_training():
    """A critic takes five steps for one of the training, of which its schedule knows nothing."""
    options = {"network": "dense", "hidden": [4], "latent": 2, "critic_steps": 5}
    course = Course("adversarial.wgan_gp", options, 6, optimizer=WARM_COSINE)
    assert int(course.optimizers["discriminator"].iterations) == 30
    for group in ("discriminator", "generator"):
        got = [rates[f"learning_rate_{group}"] for rates in course.rates]
        np.testing.assert_allclose(got, [warm_cosine(k, 6) for k in range(6)], atol=1e-7)


def test_a_rate_follows_the_steps_whose_gradients_are_gathered_first():
    optimizer = {**WARM_COSINE, "options": {"gradient_accumulation_steps": 3}}
    course = Course(*AUTOENCODER, 6, optimizer=optimizer)
    got = [rates["learning_rate"] for rates in course.rates]
    np.testing.assert_allclose(got, [warm_cosine(k, 6) for k in range(6)], atol=1e-7)


def test_a_rate_follows_steps_that_are_skipped_for_their_overflow():
    course = Course(*AUTOENCODER, 6, optimizer=WARM_COSINE, loss_scaling=True, overflow=[1, 2])
    assert int(course.optimizers["model"].iterations) == 4
    assert (course.weights[1] == course.weights[0]).all()
    got = [rates["learning_rate"] for rates in course.rates]
    np.testing.assert_allclose(got, [warm_cosine(k, 6) for k in range(6)], atol=1e-7)


@pytest.mark.parametrize("every", [None, 3])
def test_averages_follow_the_updates_of_the_weights(every):
    options = {"gradient_accumulation_steps": every} if every else {}
    optimizer = {"name": "sgd", "learning_rate": 0.5, "options": options}
    course = Course(*AUTOENCODER, 9, optimizer=optimizer, ema_momentum=0.75)
    updated = course.weights[(every or 1) - 1 :: every or 1]
    average = updated[0]
    for weights in updated[1:]:
        assert (weights != average).any()
        average = 0.75 * average + 0.25 * weights
    variables = course.model.trainable_variables
    course.optimizers["model"].finalize_variable_values(variables)
    np.testing.assert_allclose(variables[0].numpy(), average, atol=1e-6)


def test_averages_are_asked_for_in_one_place():
    with pytest.raises(RequestError, match="use_ema"):
        make_optimizer(OptimizerConfig(options={"use_ema": True}), total_steps=1)
