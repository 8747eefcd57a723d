"""Source formats are found by name, and a section that none of them takes is refused."""

import subprocess
import sys
from typing import Any

import pytest

from sparkgen.config.dataset import DatasetConfig
from sparkgen.errors import RequestError
from sparkgen.ingest.source import Source
from sparkgen.ingest.sources import (
    joins_documents,
    source_configs,
    source_names,
    source_of,
)
from sparkgen.ingest.version import IngestRequest

LIBSVM = {"format": "libsvm", "train": "/data/rows.txt"}


def dataset(source: dict[str, Any], **changes: Any) -> DatasetConfig:
    values = {"name": "tiny", "shape": [2, 2, 1], "class_names": ["a", "b"], **changes}
    given = {key: value for key, value in values.items() if value is not None}
    return DatasetConfig.model_validate({**given, "source": source})


def refusal(source: dict[str, Any], **changes: Any) -> str:
    with pytest.raises(RequestError) as error:
        source_of(dataset(source, **changes))
    assert "\n" not in str(error.value)
    return str(error.value)


def test_every_file_of_the_folder_is_a_format() -> None:
    assert {"builtin", "idx", "images", "libsvm"} <= set(source_names())
    configs = source_configs()
    assert list(configs) == source_names()
    assert all(issubclass(config, Source) and config.__doc__ for config in configs.values())


def test_the_classes_of_all_formats_import_nothing_heavy() -> None:
    code = (
        "import sys; from sparkgen.ingest.sources import source_configs; source_configs();"
        "print([m for m in ('numpy', 'pyarrow', 'PIL', 'pyspark') if m in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "[]\n"


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ({"format": "libsvn"}, "found 'libsvn': did you mean libsvm? choose one of builtin, cifar"),
        ({"format": "builtin", "datset": "digits"}, "found datset: did you mean dataset?"),
        ({**LIBSVM, "value_mx": 1.0}, "only known keys in dataset.source, found value_mx: did you"),
        ({"format": "libsvm"}, "train in dataset.source, found none: set it"),
        ({**LIBSVM, "value_max": float("inf")}, "a valid value_max in dataset.source, found inf"),
        ({**LIBSVM, "value_max": float("nan")}, "a finite number"),
        ({**LIBSVM, "value_max": "1"}, "a valid value_max in dataset.source, found '1'"),
        ({**LIBSVM, "value_min": 1.0}, "value_min <= 0 <= value_max, since columns"),
        (
            {"format": "images", "path": "x", "train": "all", "test": "all"},
            "train and test must be two folders, found all for both",
        ),
        (
            {"format": "idx", "train_images": "a", "train_labels": "b", "test_images": "c"},
            "test_images and test_labels come together",
        ),
    ],
)
def test_a_section_that_its_format_does_not_take_is_refused(source: dict, line: str) -> None:
    assert line in refusal(source)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"shape": [8, 8, 2]}, "shape must be [height, width, 1 or 3], found [8, 8, 2]"),
        ({"shape": [64]}, "shape must be [height, width, 1 or 3], found [64]"),
        ({"values": 17}, "images have 256 values, found 17"),
        ({"shape": [100_000, 100_000, 1]}, "records of at most 256 MiB, found dataset.shape"),
        ({"record": "imgae"}, "found 'imgae': did you mean image?"),
    ],
)
def test_records_that_cannot_be_are_refused(changes: dict, line: str) -> None:
    assert line in refusal(LIBSVM, **changes)


@pytest.mark.parametrize(
    ("source", "splits"),
    [
        ({"format": "builtin"}, ("train", "test")),
        (LIBSVM, ("train",)),
        ({**LIBSVM, "test": "/data/more.txt"}, ("train", "test")),
        ({"format": "idx", "train_images": "a", "train_labels": "b"}, ("train",)),
        ({"format": "images", "path": "a"}, ("train", "test")),
        ({"format": "images", "path": "a", "test": None}, ("train",)),
    ],
)
def test_a_source_says_which_splits_it_has(source: dict, splits: tuple[str, ...]) -> None:
    assert source_of(dataset(source)).splits == splits


LINES = {"format": "labelled_text", "train": "a"}
JSON = {"format": "json_lines", "train": "a", "text": "t"}
TABLE = {"format": "table", "train": "a", "text": "t"}


@pytest.mark.parametrize(
    ("source", "joined"),
    [
        ({"format": "text", "train": "a"}, True),
        ({"format": "text", "train": "a", "documents": "line", "blocks": False}, False),
        (LINES, False),
        ({**LINES, "blocks": True}, True),
        (JSON, True),
        ({**JSON, "label": "l"}, False),
        ({**JSON, "blocks": False}, False),
        (TABLE, True),
        ({**TABLE, "label": "l"}, False),
        ({**TABLE, "label": "l", "blocks": True}, True),
        ({"format": "builtin", "dataset": "descriptions"}, True),
        ({"format": "builtin", "dataset": "sentences"}, False),
    ],
)
def test_a_manifest_says_whether_documents_are_joined(source: dict, joined: bool) -> None:
    tokens = {"record": "tokens", "shape": [9], "class_names": None}
    asked = dataset(source, **tokens, tokenizer={"kind": "words"})
    assert joins_documents(IngestRequest(asked, source_of(asked), {}).config) == joined


def test_a_manifest_has_the_configuration_as_older_releases_wrote_it() -> None:
    asked = dataset(LIBSVM)
    assert IngestRequest(asked, source_of(asked), {}).config == {
        "name": "tiny",
        "source": {
            "format": "libsvm",
            "train": "/data/rows.txt",
            "test": None,
            "zero_based": False,
            "value_min": 0.0,
            "value_max": 255.0,
        },
        "shape": [2, 2, 1],
        "class_names": ["a", "b"],
        "labels": None,
        "invert": False,
        "limit": None,
        "validation_fraction": 0.1,
        "shards": None,
        "shard_rows": 4096,
        "lanes": 8,
        "seed": 0,
        "max_bad_fraction": 0.01,
    }


def test_a_key_that_older_releases_do_not_have_is_written_where_it_is_not_at_its_default() -> None:
    values = dataset(LIBSVM, record="image", values=17).model_dump(mode="json", exclude={"source"})
    assert values["values"] == 17
    assert not {"record", "source"} & set(values)
