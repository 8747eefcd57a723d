"""What `sparkgen inspect` makes of texts: lines with labels, JSON lines, columns of tables."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from sparkgen.config.dataset import DatasetConfig
from sparkgen.ingest.dataset_file import dataset_text
from sparkgen.ingest.inspection import Inspection, inspect
from sparkgen.ingest.sources import source_of

TEXTS = [f"a text of some words and the number {n}" for n in range(40)]
LABELS = [("good", "bad")[n % 2] for n in range(40)]


def inspected(path: Path) -> tuple[Inspection, DatasetConfig]:
    """What is found at a path, and the configuration of the dataset file that is proposed."""
    found = inspect(str(path), "texts", start_spark=lambda: pytest.fail("Spark was started"))
    config = DatasetConfig.model_validate(yaml.safe_load(dataset_text(found.keys)))
    source_of(config)
    return found, config


def test_lines_of_a_label_and_a_text_are_recognised_with_all_their_splits(tmp_path: Path) -> None:
    lines = [f"{label} {text}\n" for label, text in zip(LABELS, TEXTS, strict=True)]
    for name, rows in (("train", lines), ("dev", lines[:20]), ("test", lines[:12])):
        (tmp_path / f"{name}.txt").write_text("".join(rows))
    found, config = inspected(tmp_path)
    assert found.format == "labelled_text"
    assert found.survey.rows == {"train": 40, "validation": 20, "test": 12}
    assert found.survey.class_names == ("bad", "good")
    assert config.tokenizer is not None
    assert (config.record, config.tokenizer.kind, config.shape) == ("tokens", "words", (16,))


def test_a_tab_between_label_and_text_is_stated(tmp_path: Path) -> None:
    lines = [f"very {label}\t{text}\n" for label, text in zip(LABELS, TEXTS, strict=True)]
    (tmp_path / "a.tsv").write_text("".join(lines))
    found, config = inspected(tmp_path / "a.tsv")
    assert config.source.model_extra == {"train": f"{tmp_path}/a.tsv", "separator": "\t"}
    assert found.survey.class_names == ("very bad", "very good")


@pytest.mark.parametrize("labelled", [True, False])
@pytest.mark.parametrize("name", ["a.jsonl", "a.parquet"])
def test_texts_in_a_field_are_recognised(tmp_path: Path, name: str, labelled: bool) -> None:
    columns = {"id": list(range(40)), "text": TEXTS, **({"label": LABELS} if labelled else {})}
    if name.endswith("jsonl"):
        rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        (tmp_path / name).write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    else:
        pq.write_table(pa.table(columns), tmp_path / name)
    found, config = inspected(tmp_path / name)
    assert found.survey.rows == {"train": 40}
    assert config.tokenizer is not None
    assert config.tokenizer.kind == ("words" if labelled else "bpe")
    assert (config.source.model_extra or {})["text"] == "text"
    assert (config.source.model_extra or {}).get("label") == ("label" if labelled else None)


def test_prose_and_libsvm_are_no_labelled_lines(tmp_path: Path) -> None:
    (tmp_path / "prose.txt").write_text("".join(f"word{n} {t}\n" for n, t in enumerate(TEXTS)))
    assert inspected(tmp_path / "prose.txt")[0].format == "text"
    (tmp_path / "rows.txt").write_text("".join(f"{n % 2} 1:0.5 {n + 2}:3\n" for n in range(40)))
    assert inspected(tmp_path / "rows.txt")[0].format == "libsvm"
