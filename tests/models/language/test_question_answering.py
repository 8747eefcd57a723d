"""Answers to questions are those of the reference implementation's pipeline."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from sparkgen.datasets.records import DataSpec
from sparkgen.errors import RequestError
from sparkgen.models.discovery import build_model
from sparkgen.models.language.question_answering import best_pieces
from sparkgen.models.saving import load_model, save_model

NAME = "language.question_answering"


@pytest.fixture(scope="module")
def answered(reference: Callable[[str], Any], spec: DataSpec) -> Any:
    network, found = reference("distilbert")
    return build_model(NAME, {}, spec, parts={"network": network}), found


def test_answers_scores_and_places_are_those_of_the_reference(answered: Any) -> None:
    model, found = answered
    given = {name: [one[name] for one in found] for name in ("context", "question")}
    made = model.generate(np.zeros((len(found), 0), np.float32), given)
    assert made.data == [one["answer"] for one in found]
    figures = made.figures
    np.testing.assert_allclose(figures["score"], [one["score"] for one in found], rtol=1e-4)
    for name in ("start", "end"):
        np.testing.assert_array_equal(figures[name], [one[name] for one in found])
    assert len(set(made.data)) > 4
    # Some of the texts are longer than the network sees.
    windows = [len(model._windows(one["context"], one["question"])) for one in found]
    assert max(windows) > 1
    assert min(windows) == 1


def test_an_answer_is_the_piece_of_the_text_at_its_place(answered: Any) -> None:
    model, found = answered
    for one in found:
        answer = model.answer(one["context"], one["question"], longest=3)
        assert one["context"][answer.start : answer.end] == answer.text
        assert len(answer.text.split()) <= 3


def test_an_empty_text_has_no_answer(answered: Any) -> None:
    assert answered[0].answer("", "What?") == ("", 0.0, 0, 0)


def test_a_question_that_leaves_no_room_for_the_text_is_refused(answered: Any) -> None:
    with pytest.raises(RequestError, match="a question that leaves room for the text in 64 tokens"):
        answered[0].answer("It is taught in English.", "What do students write? " * 40)


def test_the_best_pieces_end_where_they_begin_or_later_and_are_short() -> None:
    random = np.random.default_rng(0)
    logits, text = random.normal(size=(9, 2)), np.array([0, 0, 0, 1, 1, 1, 1, 1, 0], bool)
    p = np.exp(logits[[0, 3, 4, 5, 6, 7]])
    p = (p / p.sum(axis=0))[1:]
    expected = {
        (b + 3, e + 3): p[b, 0] * p[e, 1] for b in range(5) for e in range(b, min(b + 2, 5))
    }
    found = best_pieces(logits, text, longest=2)
    assert {piece[:2] for piece in found} == set(expected)
    for begin, end, score in found:
        assert score == pytest.approx(expected[begin, end])
    assert [piece[2] for piece in found] == sorted((p[2] for p in found), reverse=True)


def test_a_saved_model_answers_the_same(answered: Any, tmp_path: Any) -> None:
    model, found = answered
    save_model(tmp_path, model, name=NAME, options={})
    again = load_model(tmp_path)
    one = found[0]
    assert again.answer(one["context"], one["question"]) == model.answer(
        one["context"], one["question"]
    )


def test_a_part_that_answers_nothing_is_refused(
    reference: Callable[[str], Any], spec: DataSpec
) -> None:
    network, _ = reference("gpt2")
    with pytest.raises(RequestError, match="a model that finds answers in texts"):
        build_model(NAME, {}, spec, parts={"network": network})
