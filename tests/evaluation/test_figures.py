import pytest

from sparkgen.errors import RequestError
from sparkgen.evaluation.figures import Figure, comparable, difference, from_json

FIGURE = Figure(92.5, 0.1, "-log p in nats, exact", 10_000, "mnist", "abc", "test", 0)


def test_a_figure_survives_its_json() -> None:
    assert from_json(FIGURE.to_json()) == FIGURE


def test_figures_of_one_protocol_and_split_are_compared() -> None:
    assert difference(FIGURE._replace(value=95.0, seed=1), FIGURE) == 2.5


@pytest.mark.parametrize(
    "change",
    [
        {"protocol": "-log p in nats, bound"},
        {"dataset_version": "abd"},
        {"dataset": "fashion_mnist"},
        {"split": "validation"},
        {"rows": 1000},
    ],
)
def test_figures_of_different_questions_refuse_to_be_compared(change: dict) -> None:
    other = FIGURE._replace(**change)
    assert not comparable(FIGURE, other)
    with pytest.raises(RequestError, match="same protocol and data"):
        difference(FIGURE, other)
