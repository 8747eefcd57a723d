import os
import subprocess
import sys
from pathlib import Path

import pytest

from sparkgen.models.discovery import model_names

REPOSITORY = Path(__file__).parents[1]
NOTEBOOKS = sorted((REPOSITORY / "notebooks").glob("*.py"))
TINY = (
    "training.epochs=1;training.max_steps=4;gates=[];sampling.count=10;"
    # In process TensorFlow is imported once for all trainings of a notebook.
    "environment.workers=1;environment.launcher=in-process;environment.spark_master=local[2]"
)


@pytest.mark.slow
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_from_its_first_cell_to_its_last(notebook: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, notebook],
        cwd=notebook.parent,
        env={**os.environ, "SPARKGEN_ROOT": str(tmp_path), "SPARKGEN_SET": TINY},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.returncode == 0, done.stderr[-6000:]
    pictures = [line for line in done.stdout.splitlines() if line.endswith(".png")]
    assert pictures
    assert [path for path in pictures if not Path(path).is_file()] == []


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_in_databricks_source_format(notebook: Path) -> None:
    cells = notebook.read_text().split("\n\n# COMMAND ----------\n\n")
    assert cells[0].startswith("# Databricks notebook source\n")
    assert len(cells) > 1
    assert all(cell.strip() for cell in cells)


def test_every_model_family_has_a_notebook() -> None:
    families = {name.split(".")[0] for name in model_names()}
    assert families - {path.stem for path in NOTEBOOKS} == set()
