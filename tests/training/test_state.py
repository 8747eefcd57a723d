import json

from sparkgen.config.experiment import TrainingConfig
from sparkgen.training.state import Best, State, from_facts


def config(**values):
    return TrainingConfig.model_validate({"epochs": 10, "batch_size": 8, **values})


def stop_epoch(figures, higher_is_better=False, **stopping):
    """The epoch after which early stopping ends a training with these figures."""
    state, rules = State(), config(early_stopping=stopping)
    for epoch, figure in enumerate(figures, start=1):
        state.best.see(figure, epoch, rules.early_stopping.min_delta, higher_is_better)
        if state.ended(rules):
            return epoch, state.best.epoch
    return None, state.best.epoch


def test_training_stops_after_patience_epochs_without_a_better_figure():
    assert stop_epoch([5, 4, 4.5, 4.2, 3], patience=2) == (4, 2)


def test_patience_begins_anew_with_every_better_figure():
    assert stop_epoch([5, 4, 4.5, 3, 3.5], patience=2) == (None, 4)


def test_a_gain_below_min_delta_is_none():
    assert stop_epoch([5, 4.9, 4.8], patience=2, min_delta=0.5) == (3, 1)


def test_a_figure_that_is_better_higher_is_best_where_it_is_highest():
    accuracies = [0.2, 0.9, 0.5, 0.91, 0.8]
    assert stop_epoch(accuracies, higher_is_better=True, patience=2, min_delta=0.05) == (4, 2)
    assert stop_epoch([-5, -3, -4], higher_is_better=True, patience=1) == (3, 2)


def test_a_figure_that_is_not_finite_is_never_the_best():
    assert stop_epoch([float("nan"), 2.0], patience=5) == (None, 2)
    assert stop_epoch([float("inf"), 2.0], higher_is_better=True, patience=5) == (None, 2)


def test_training_ends_with_its_epochs_or_its_steps():
    assert State(epoch=10).ended(config())
    assert not State(epoch=9, steps=99).ended(config(max_steps=100))
    assert State(epoch=3, steps=100).ended(config(max_steps=100))


def test_the_state_survives_json():
    state = State(epoch=2, step=3, steps=23, history=[{"loss": 1.0}], best=Best(1.0, 2, 1))
    assert from_facts(json.loads(json.dumps(state.facts())), []) == state


def test_a_state_without_a_best_epoch_is_plain_json():
    text = json.dumps(State().facts(), allow_nan=False)
    assert from_facts(json.loads(text), []) == State()
