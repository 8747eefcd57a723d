"""What `sparkgen inspect` prints and writes."""

import json
from pathlib import Path

import pytest
import yaml
from archive_files import made, png

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture
def pictures(tmp_path: Path) -> str:
    files = {
        f"{split}/{'ab'[n % 2]}/{n}.png": png(n) for n in range(20) for split in ("train", "test")
    }
    return made("folder", tmp_path / "Pets", files)


def test_findings_go_to_stderr_and_the_file_to_stdout(sparkgen, pictures: str) -> None:
    said = sparkgen("inspect", pictures, "--conf", REPOSITORY / "conf")
    assert said.status == 0
    assert yaml.safe_load(said.out) == {
        "name": "pets",
        "source": {"format": "images", "path": pictures},
        "shape": [2, 2, 1],
    }
    assert "records: train 20, test 20" in said.err.splitlines()
    assert "2 classes: a 20, b 20" in said.err.splitlines()


def test_with_write_the_last_line_is_the_result_and_the_next_step_is_named(
    sparkgen, pictures: str, tmp_path: Path
) -> None:
    file = tmp_path / "conf" / "datasets" / "cats.yaml"
    arguments = ("--conf", REPOSITORY / "conf", "--set", f"environment.data={tmp_path}")
    said = sparkgen("inspect", pictures, "--write", file, *arguments)
    assert (said.status, json.loads(said.out)) == (
        0,
        {
            "dataset": "cats",
            "file": str(file),
            "format": "images",
            "rows": {"train": 20, "test": 20},
            "classes": 2,
        },
    )
    assert said.err.splitlines()[-1] == f"next: sparkgen ingest {file}"
    written = yaml.safe_load(file.read_text())
    assert (written["name"], written["source"]["path"]) == ("cats", "{data}/Pets")
    again = sparkgen("inspect", pictures, "--write", file, "--name", "dogs", *arguments)
    assert again.status == 2
    assert f"expected no file at {file}, or the same one, found one with another" in again.err


def test_what_cannot_be_read_is_one_line_and_status_2(sparkgen, tmp_path: Path) -> None:
    said = sparkgen("inspect", tmp_path / "gone", "--conf", REPOSITORY / "conf")
    assert (said.status, said.out) == (2, "")
    assert said.err.splitlines() == [
        f"sparkgen: expected a file, folder, archive or glob at {tmp_path}/gone, found nothing there: "
        "correct the path"
    ]
