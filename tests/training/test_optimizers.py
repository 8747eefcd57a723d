import numpy as np
import pytest

from sparkgen.config.experiment import OptimizerConfig
from sparkgen.errors import RequestError
from sparkgen.training.optimizers import CLASSES, learning_rate, make_optimizer


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
