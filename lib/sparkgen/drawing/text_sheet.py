"""Draws texts as a picture, in DejaVu Sans Mono, which Matplotlib brings with it.

The font has Latin, Greek and Cyrillic letters; what it lacks is an empty box.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sparkgen.drawing.grids import INK, PAPER, save_titled

FONT_PIXELS = 13
LINE_PIXELS = 17
COLUMN_LETTERS = 64  # longer lines are wrapped
MARGIN_PIXELS = 14
MOST_LINES = 40  # of a text; what stands after them is left out
MOST_TEXTS = 24
NUMBER, GIVEN = (150, 150, 150), (20, 70, 150)


class Line(NamedTuple):
    """A line of a text as it is drawn."""

    text: str
    colour: tuple[int, int, int] = INK
    bold: bool = False


def text_sheet(
    texts: Sequence[str],
    path: str | Path,
    *,
    given: Sequence[str] | None = None,
    title: str = "",
) -> None:
    """Writes texts as a PNG file, two side by side, each under its number.

    At most 24 of them are drawn, and at most 40 lines of each; an ellipsis says where more is left out.

    Args:
        texts: any.
        path: of the file.
        given: what was given to the model for each, set apart above it in blue; None: nothing.
        title: a line above them.
    """
    from PIL import Image, ImageDraw

    shown = list(texts[:MOST_TEXTS])
    above = [""] * len(shown) if given is None else list(given[:MOST_TEXTS])
    cells = [lines_of(n, *pair) for n, pair in enumerate(zip(shown, above, strict=True))]
    fonts = {bold: _font(bold=bold) for bold in (False, True)}
    columns = min(2, max(1, len(cells)))
    rows = [cells[first : first + columns] for first in range(0, len(cells), columns)]
    heights = [max(map(len, row)) * LINE_PIXELS + MARGIN_PIXELS for row in rows]
    width = int(fonts[True].getlength("m") * COLUMN_LETTERS) + 2 * MARGIN_PIXELS
    size = (columns * width, sum(heights) + MARGIN_PIXELS)
    page = Image.new("RGB", size, (PAPER, PAPER, PAPER))
    draw = ImageDraw.Draw(page)
    top = MARGIN_PIXELS
    for row, height in zip(rows, heights, strict=True):
        for column, lines in enumerate(row):
            for n, line in enumerate(lines):
                position = (column * width + MARGIN_PIXELS, top + n * LINE_PIXELS)
                draw.text(position, line.text, font=fonts[line.bold], fill=line.colour)
        top += height
    left_out = len(texts) - len(shown)
    save_titled(page, path, f"{title} (the first {MOST_TEXTS})" if left_out else title)


def lines_of(number: int, text: str, given: str) -> list[Line]:
    """The lines of one text: its number, what was given, and the text."""
    lines = [Line(f"{number}", NUMBER)]
    if given:
        lines += [Line(line, GIVEN, bold=True) for line in wrapped(given)]
    found = wrapped(text)
    if len(found) > MOST_LINES:
        found = [*found[: MOST_LINES - 1], "…"]
    return lines + [Line(line) for line in found]


def wrapped(text: str) -> list[str]:
    """The lines of a text, each of at most 64 letters, broken at blanks where there are some."""
    lines: list[str] = []
    for line in text.expandtabs(4).splitlines():
        while len(line) > COLUMN_LETTERS:
            at = line.rfind(" ", 1, COLUMN_LETTERS + 1)
            at = COLUMN_LETTERS if at < 0 else at
            lines.append(line[:at])
            line = line[at:].lstrip(" ")
        lines.append(line)
    return lines


def _font(*, bold: bool) -> Any:
    import matplotlib
    from PIL import ImageFont

    name = "DejaVuSansMono-Bold.ttf" if bold else "DejaVuSansMono.ttf"
    return ImageFont.truetype(
        str(Path(matplotlib.get_data_path(), "fonts", "ttf", name)), FONT_PIXELS
    )
