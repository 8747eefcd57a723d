"""What the card of a model version says, in its whole and in its short form."""

from pathlib import Path

import pytest

from sparkgen.config.experiment import Gate
from sparkgen.config.request import ExperimentConfig
from sparkgen.evaluation.figures import Figure
from sparkgen.pipeline.card import judged_gates, log_sheet, sheets_in
from sparkgen.sampling.sample_set import Sampled, SampleSet
from sparkgen.tracking.card import DESCRIPTION_CHARACTERS, Card, Column, Interface, card, short_card
from sparkgen.tracking.registry import ModelVersion
from sparkgen.tracking.runs import Subject, open_run


def card_of(figures: int = 3, *, params: int = 1) -> Card:
    return Card(
        uri="models:/tiny/1",
        run_id="a",
        experiment_id="1",
        summary="A model.",
        facts={"data": "digits"},
        figures=[(f"figure_{n:03}", "1", "test", "100", "how") for n in range(figures)],
        gates=[("mse at most 1", "yes")],
        sheets=["samples/a.png", "samples/b.txt"],
        picture=None,
        interface=Interface(
            [Column("id", "any", example=0)],
            [Column(f"option_{n:03}", "long", n) for n in range(params)],
        ),
    )


def test_a_card_that_fits_is_short_as_it_is() -> None:
    text = short_card(card_of())
    assert "figures stand only" not in text
    assert "figure_002" in text
    assert text.count("```") == card(card_of()).count("```") == 8


def test_a_short_card_says_how_many_figures_it_leaves_out() -> None:
    text = short_card(card_of(200))
    kept = text.count("| figure_")
    assert 0 < kept < 200
    assert f"\n{200 - kept} of 200 figures stand only in `model_card.md`.\n" in text
    assert len(text) <= DESCRIPTION_CHARACTERS
    assert text.count("```") == 8


@pytest.mark.parametrize("params", [150, 1000])
def test_a_short_card_ends_in_no_midst_of_a_block(params: int) -> None:
    text = short_card(card_of(3, params=params))
    assert len(text) <= DESCRIPTION_CHARACTERS
    assert text.count("```") % 2 == 0
    assert text.endswith("The rest stands in `model_card.md`.\n")
    assert "option_000" not in text
    assert "3 of 3 figures stand only in" in text


def test_a_card_numbers_gates_as_promotion_does_and_leaves_the_champion_to_it() -> None:
    figure = Figure(2.0, None, "how", 10, "digits", "0", "test", 0)
    gates = [
        Gate(metric="mse", max=3.0),
        Gate(metric="mse", max=1.0),
        Gate(metric="mse", max_regression=0.1),
        Gate(metric="mse", max=1.0, max_regression=0.1),
    ]
    held = [row[1] for row in judged_gates(gates, {"mse": figure}, None)]
    assert held == [
        "yes",
        "gates[1] mse: 2 is above max 1",
        "beside a champion, at promotion",
        "gates[3] mse: 2 is above max 1",
    ]
    assert judged_gates([], {}, "hold") == [("all of them, at promotion", "hold")]


def test_the_newest_sheet_is_the_first_and_one_of_texts_has_its_picture(
    experiment: ExperimentConfig, subject: Subject, tmp_path: Path
) -> None:
    with open_run(experiment.environment, subject) as run:
        version = ModelVersion("tiny", 1, run.run_id, {})
        for name, kind, shape in (("b", "text", ()), ("a", "image", (8, 8, 1)), ("b", "text", ())):
            uri = tmp_path / name
            uri.mkdir(exist_ok=True)
            sample_set = SampleSet.model_construct(id=name, kind=kind, shape=shape)
            made = Sampled(str(uri), sample_set)
            for sheet in made.sheets:
                Path(sheet).write_bytes(b"drawn")
            log_sheet(experiment, version, made)
        assert sheets_in(run) == ["samples/b.png", "samples/b.txt", "samples/a.png"]
