"""A small data set of libsvm files, whose row i spells i."""

from pathlib import Path
from typing import Any

from sparkgen.config.dataset import DatasetConfig

ROWS = 500


def source(train: str, test: str, **changes: Any) -> dict[str, Any]:
    return {"format": "libsvm", "train": train, "test": test, **changes}


def config(folder: Path, **changes: Any) -> DatasetConfig:
    values: dict[str, Any] = {
        "name": "tiny",
        "source": source(f"{folder}/train-*.txt", f"{folder}/test.txt"),
        "shape": (2, 2, 1),
        "class_names": ("a", "b", "c"),
        "lanes": 4,
        "shard_rows": 50,
        **changes,
    }
    return DatasetConfig(**values)


def lines(start: int, stop: int) -> str:
    """Row i has the label i % 3 and spells i in its pixels."""
    return "".join(f"{i % 3} 1:{i % 256} 2:{i // 256} 4:7\n" for i in range(start, stop))
