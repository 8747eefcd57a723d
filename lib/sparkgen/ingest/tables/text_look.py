"""Recognises the texts of Parquet files by their columns, for `sparkgen inspect`."""

from itertools import islice
from typing import Any

from sparkgen.ingest.files.path_list import plain_name
from sparkgen.ingest.looking.look import Recognised, Sure
from sparkgen.ingest.tables.columns import guess_text_columns
from sparkgen.ingest.tables.names import Found
from sparkgen.ingest.tables.parquet import opened_parquet
from sparkgen.ingest.texts.fields import TEXTS
from sparkgen.ingest.texts.guess import LINES, joined, singles


def recognise_texts(table: Found, keys: dict[str, Any], found: str) -> Recognised | None:
    """What a table is, where it has texts and no pictures; None: it has none, or only Spark reads it.

    Args:
        table: of the training split.
        keys: of the source.
        found: what is said of the files.
    """
    if not table.direct:
        return None
    with opened_parquet(table.files[0].uri) as file:
        columns = guess_text_columns(file.schema_arrow)
        if columns is None:
            return None
        text, label = columns
        batches = file.iter_batches(LINES, columns=[text], use_threads=False)
        cells = [cell for batch in islice(batches, 1) for cell in batch.column(0)[:LINES]]
    texts = [str(cell) for cell in cells if cell.is_valid]
    if plain_name(text) not in TEXTS and 2 * sum(" " in text for text in texts) <= len(texts):
        return None  # words, such as names
    keys = {**keys, "text": text, **({"label": label} if label else {})}
    found = f"{found}, with texts in column {text}"
    if label is None:
        return joined(keys, found, sure=Sure.MARKED)
    return singles(keys, found, texts, sure=Sure.MARKED)
