import os
import shutil
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


# One process for all of them: TensorFlow, MLflow and Spark start once. What a notebook prints goes to
# `<root>/<name>.out`, and where it fails, its traceback to `<root>/<name>.error`.
RUN_EACH = """
import contextlib, os, runpy, sys, traceback
from pathlib import Path
root, *notebooks = map(Path, sys.argv[1:])
for notebook in notebooks:
    os.environ["SPARKGEN_ROOT"] = str(root / notebook.stem)
    try:
        with open(root / f"{notebook.stem}.out", "w") as out, contextlib.redirect_stdout(out):
            runpy.run_path(str(notebook), run_name="__main__")
    except BaseException:
        (root / f"{notebook.stem}.error").write_text(traceback.format_exc())
"""


@pytest.fixture(scope="module")
def ran(database: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of what every notebook printed, or failed with."""
    root = tmp_path_factory.mktemp("notebooks")
    for notebook in NOTEBOOKS:
        (root / notebook.stem).mkdir()
        shutil.copy(database, root / notebook.stem)
    done = subprocess.run(
        [sys.executable, "-c", RUN_EACH, root, *NOTEBOOKS],
        cwd=REPOSITORY / "notebooks",
        env={**os.environ, "SPARKGEN_SET": TINY},
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        timeout=3600,
    )
    assert done.returncode == 0, done.stderr[-6000:]
    return root


@pytest.mark.slow
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_from_its_first_cell_to_its_last(notebook: Path, ran: Path) -> None:
    error = ran / f"{notebook.stem}.error"
    assert not error.exists(), error.read_text()[-6000:]
    printed = (ran / f"{notebook.stem}.out").read_text()
    pictures = [line for line in printed.splitlines() if line.endswith(".png")]
    assert pictures
    assert [path for path in pictures if not Path(path).is_file()] == []


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_in_databricks_source_format(notebook: Path) -> None:
    cells = notebook.read_text().split("\n\n# COMMAND ----------\n\n")
    assert cells[0].startswith("# Databricks notebook source\n")
    assert len(cells) > 1
    assert all(cell.strip() for cell in cells)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_python_is_restarted_after_packages_are_installed(notebook: Path) -> None:
    """Databricks does not do so itself, and what the runtime has imported before would stay."""
    cells = notebook.read_text().split("\n\n# COMMAND ----------\n\n")
    (installs,) = (n for n, cell in enumerate(cells) if "# MAGIC %pip" in cell)
    assert cells[installs + 1] == "# MAGIC %restart_python"
    assert all(cell.startswith("# MAGIC %md") for cell in cells[1:installs])


def test_every_model_family_has_a_notebook() -> None:
    families = {name.split(".")[0] for name in model_names()}
    assert families - {path.stem for path in NOTEBOOKS} == set()
