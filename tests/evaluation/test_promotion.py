import pytest

from sparkgen.config.experiment import Gate
from sparkgen.errors import RequestError
from sparkgen.evaluation.figures import Figure
from sparkgen.evaluation.promotion import decide


def figure(value: float, protocol: str = "exact") -> Figure:
    return Figure(value, None, protocol, 10, "digits", "abc", "test", 0)


def test_a_challenger_that_keeps_every_gate_is_promoted() -> None:
    gates = [Gate(metric="mse", max=0.02), Gate(metric="accuracy", min=0.9, max=1.0)]
    assert decide(gates, {"mse": figure(0.02), "accuracy": figure(0.95)}) == (True, [])


def test_without_gates_every_challenger_is_promoted() -> None:
    assert decide([], {}).promoted


def test_a_refusal_names_the_gate_the_figure_and_the_bound() -> None:
    gates = [Gate(metric="mse", max=0.02), Gate(metric="accuracy", min=0.9)]
    verdict = decide(gates, {"mse": figure(0.025), "accuracy": figure(0.5)})
    assert verdict == (
        False,
        ["gates[0] mse: 0.025 is above max 0.02", "gates[1] accuracy: 0.5 is below min 0.9"],
    )


def test_a_figure_that_is_missing_or_no_number_breaks_its_gate() -> None:
    gates = [Gate(metric="mse", max=0.02), Gate(metric="fid", max=10.0)]
    verdict = decide(gates, {"mse": figure(float("nan"))})
    assert verdict.reasons == [
        "gates[0] mse: nan is above max 0.02",
        "gates[1] fid: not among the figures mse",
    ]


@pytest.mark.parametrize(("value", "promoted"), [(0.9, True), (1.05, True), (1.2, False)])
def test_a_regression_is_measured_against_the_champion(value: float, promoted: bool) -> None:
    gate = Gate(metric="mse", max_regression=0.1)
    verdict = decide([gate], {"mse": figure(value)}, {"mse": figure(1.0)})
    assert verdict.promoted == promoted
    assert promoted or verdict.reasons == [
        "gates[0] mse: 1.2 is worse than the champion's 1 by more than max_regression 0.1 of it"
    ]


@pytest.mark.parametrize(("value", "promoted"), [(0.99, True), (0.91, True), (0.8, False)])
def test_a_regression_can_look_downwards(value: float, promoted: bool) -> None:
    gate = Gate(metric="accuracy", max_regression=0.1, higher_is_better=True)
    verdict = decide([gate], {"accuracy": figure(value)}, {"accuracy": figure(1.0)})
    assert verdict.promoted == promoted


def test_a_first_challenger_has_nobody_to_fall_behind() -> None:
    assert decide([Gate(metric="mse", max_regression=0.0)], {"mse": figure(9.0)}).promoted


def test_a_champion_with_figures_of_another_protocol_is_no_measure() -> None:
    gate = Gate(metric="mse", max_regression=0.1)
    with pytest.raises(RequestError, match="same protocol"):
        decide([gate], {"mse": figure(1.0)}, {"mse": figure(1.0, "bound")})
