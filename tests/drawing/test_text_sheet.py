"""Texts as a picture."""

from pathlib import Path

import numpy as np
from PIL import Image

from sparkgen.drawing.text_sheet import GIVEN, MOST_LINES, lines_of, text_sheet, wrapped


def test_lines_are_wrapped_at_blanks_and_none_is_lost() -> None:
    text = "To be, or not to be, that is the question: " * 5 + "\n\n\tend " + "x" * 150
    lines = wrapped(text)
    assert max(map(len, lines)) <= 64
    assert {"", "    end"} < set(lines)
    assert "".join(lines).replace(" ", "") == "".join(text.split())
    assert not any(line.startswith(" ") for line in lines[:4])


def test_what_was_given_stands_above_the_text_which_is_whole() -> None:
    lines = lines_of(3, " a time\nthere was", "Once upon")
    assert [line.text for line in lines] == ["3", "Once upon", " a time", "there was"]
    assert [line.bold for line in lines] == [False, True, False, False]
    assert lines[1].colour == GIVEN
    same = lines_of(0, "the same", "the same")
    assert [line.text for line in same] == ["0", "the same", "the same"]
    assert same[2].colour != GIVEN
    assert [line.text for line in lines_of(0, "other", "given")] == ["0", "given", "other"]


def test_a_long_text_ends_with_an_ellipsis() -> None:
    lines = lines_of(0, "\n".join(map(str, range(100))), "")
    assert len(lines) == 1 + MOST_LINES
    assert [line.text for line in lines[-2:]] == [str(MOST_LINES - 2), "…"]


def test_texts_stand_two_side_by_side_and_prompts_are_blue(tmp_path: Path) -> None:
    sizes = []
    for count in (1, 2, 3):
        path = tmp_path / f"{count}.png"
        text_sheet(["a word"] * count, path, given=["prompt"] * count, title="a model")
        with Image.open(path) as sheet:
            sizes.append(sheet.size)
            colours = {tuple(c) for c in np.asarray(sheet.convert("RGB")).reshape(-1, 3).tolist()}
        assert GIVEN in colours
    (one, low), (two, same), (three, high) = sizes
    assert two == three == 2 * one
    assert low == same < high
