"""Draws the contact sheet of a sample set: the first samples, each with what was given to the model.

The sheet of texts is a text itself, with a picture of the same name beside it.
"""

import io
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from sparkgen.config.options import KNOWN
from sparkgen.datasets.records import TextRecord
from sparkgen.datasets.storage import read_bytes, write_bytes
from sparkgen.drawing.captioned import captioned_grid
from sparkgen.drawing.text_sheet import text_sheet
from sparkgen.sampling.columns import GIVEN
from sparkgen.sampling.prompts import without_prompts
from sparkgen.sampling.sample_set import Sampled, read_samples, stream_samples


def has_contact_sheet(made: Sampled) -> bool:
    from PIL import Image

    try:
        data = [read_bytes(sheet) for sheet in made.sheets]
        if made.sample_set.record.suffix == ".png":
            with Image.open(io.BytesIO(data[0])) as sheet:
                sheet.load()
    except (OSError, SyntaxError, ValueError):  # none, or no whole picture, in Pillow's words
        return False
    return all(data)


def write_contact_sheet(made: Sampled) -> None:
    sample_set = made.sample_set
    record, config = sample_set.record, sample_set.config
    samples = _read(made, config.contact_sheet)
    title = f"{sample_set.model_uri.removeprefix('models:/')}, seed {config.seed}"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"sheet{record.suffix}")
        shown = _given_as_seen(made, config.contact_sheet)
        texts = _texts(made, config.contact_sheet)
        if record.pictures and record.fixed and texts is not None:
            captioned_grid(samples, texts, path, title=title)
        elif shown is None:
            record.draw(samples, path, title=title)
        else:
            title = f"above: given, below: made by {title}"
            record.draw_pairs(shown, samples, path, title=title)
        write_bytes(made.contact_sheet, path.read_bytes())
        if record.kind == TextRecord.kind:
            path = path.with_suffix(".png")
            bare = samples if texts is None else without_prompts(sample_set, samples, texts)
            text_sheet(bare, path, given=texts, title=title)
            write_bytes(made.text_picture, path.read_bytes())


def _read(made: Sampled, limit: int, column: str | None = None) -> Any:
    """The first records of a column; pictures of any size, which may be large, one after the other."""
    if made.sample_set.record_in(column).alone:
        return stream_samples(made, limit=limit, column=column)
    return read_samples(made, limit=limit, column=column)


def _texts(made: Sampled, limit: int) -> list[str] | None:
    """The texts that were given to the model; None: there are none."""
    for name in made.sample_set.config.given:
        found: list[str] = []
        for file in made.files:
            if len(found) >= limit or name == "label":
                break
            column = file.table([GIVEN + name])[GIVEN + name]
            if not pa.types.is_string(column.type):
                break
            found += column.to_pylist()
        if found:
            return found[:limit]
    return None


def _given_as_seen(made: Sampled, limit: int) -> Any | None:
    """The records that were given to the model, with grey where a mask hid them from it.

    None: there are none, or they are of another form than the samples, so that they are no pairs.
    """
    sample_set = made.sample_set
    record, column, known = sample_set.record, GIVEN + sample_set.kind, GIVEN + KNOWN
    if sample_set.kind not in sample_set.config.given or sample_set.record_in(column) != record:
        return None
    given = _read(made, limit, column)
    if KNOWN not in sample_set.config.given or sample_set.record_in(known) != record:
        return given
    shown = read_samples(made, limit=limit, column=known) > 0
    return np.where(shown, given, given.dtype.type(record.unknown))
