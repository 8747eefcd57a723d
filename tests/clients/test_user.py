"""Plays a user: digits are trained on, then the registered model is called as other programs do.

Each test is one client of the registry: MLflow's loader, its server with `curl`, its pages in Chromium.
One that lacks its program says so and is skipped. By hand: `pytest tests/clients -rs`.
"""

import base64
import io
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import mlflow
import pandas as pd
import pytest
from PIL import Image
from pyspark.sql import SparkSession
from pyspark.sql.functions import struct

from sparkgen.config.load import load_experiment
from sparkgen.pipeline import run
from sparkgen.tracking import registry
from sparkgen.tracking.server import connect, tracking_uri

REPOSITORY = Path(__file__).parents[2]
README = REPOSITORY / "README.md"
EXPERIMENT = REPOSITORY / "conf" / "experiments" / "vae_digits.yaml"
SMALL = (
    "training.epochs=2",
    "dataset.limit=200",
    "density={kind: prior}",
    "evaluation={likelihood_samples: 1, samples: 20}",
    "sampling.count=20",
    "sampling.batch_rows=10",
    "gates=[{metric: mse, max: 1.0}, {metric: memorised, max: 1.0}]",
    "model.options={latent: 4, hidden: [16], conditional: true}",
    "environment.launcher=in-process",
    "environment.workers=1",
)
WAIT_SECONDS = 120
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)

pytestmark = pytest.mark.slow


class Trained(NamedTuple):
    """What the pipeline left."""

    experiment: Any
    steps: dict[str, Any]

    @property
    def uri(self) -> str:
        return f"models:/{self.experiment.name}@champion"

    @property
    def server(self) -> str:
        return tracking_uri(self.experiment.environment)


@pytest.fixture(scope="module")
def trained(
    tmp_path_factory: pytest.TempPathFactory, spark: SparkSession, database: Path
) -> Trained:
    root = tmp_path_factory.mktemp("user")
    shutil.copy(database, root)
    experiment = load_experiment(EXPERIMENT, overrides=SMALL, root=str(root))
    made = Trained(experiment, run.run(experiment, spark))
    assert made.steps["promote"]["promoted"]
    return made


@contextmanager
def serving(command: list[str], health: str, log: Path, **environment: str) -> Iterator[str]:
    """The address of a server that a program starts; `PORT` in its command is a free port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "mlflow",
        *(part.replace("PORT", str(port)) for part in command),
    ]
    # It finds sparkgen nowhere but in the model.
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        **environment,
    }
    address = f"http://127.0.0.1:{port}"
    with log.open("w") as said:
        process = subprocess.Popen(
            command, env=environment, stdout=said, stderr=said, start_new_session=True
        )
    try:
        end = time.monotonic() + WAIT_SECONDS
        while subprocess.run(["curl", "-sf", address + health], capture_output=True).returncode:
            assert process.poll() is None, log.read_text()[-2000:]
            assert time.monotonic() < end, log.read_text()[-2000:]
            time.sleep(0.2)
        yield address
    finally:
        os.killpg(process.pid, 15)
        process.wait(30)


def test_a_program_loads_the_champion_by_its_alias_and_its_page_says_all_of_it(
    trained: Trained,
) -> None:
    mlflow.set_tracking_uri(trained.server)
    made = mlflow.pyfunc.load_model(trained.uri).predict(pd.DataFrame({"id": [4], "label": [7]}))
    assert made["label"].tolist() == [7]
    with Image.open(io.BytesIO(base64.b64decode(made["image"][0]))) as picture:
        assert picture.size == (8, 8)
    client = connect(trained.experiment.environment)
    version = client.get_model_version_by_alias(trained.experiment.name, "champion")
    figures = trained.steps["evaluate"]["metrics"]
    assert f"| mse | {figures['mse']:.5g}" in version.description
    assert "| mse at most 1 | yes |" in version.description
    assert "| label | integer, may be left out |" in version.description
    assert len(version.description) <= 5000
    found = registry.require(
        trained.experiment.environment, trained.experiment.name, registry.CHAMPION
    )
    logged = {m.key: m for m in client.get_logged_model(found.model_id).metrics}
    assert logged["test_mse"].value == figures["mse"]
    assert logged["loss"].value == trained.steps["train"]["metrics"]["loss"]
    for metric in (logged["test_mse"], logged["loss"]):
        assert metric.dataset_name == "digits"
        assert metric.dataset_digest == trained.steps["ingest"]["version"]
    sheet = f"samples/{Path(trained.steps['sample']['samples']).name}.png"
    assert sheet in {a.path for a in client.list_artifacts(version.run_id, "samples")}
    card = mlflow.artifacts.load_text(f"runs:/{version.run_id}/model_card.md")
    assert sheet in card
    assert "![samples](data:image/png;base64,iVBOR" in card
    assert "mean over pixels" in card  # a protocol


def test_spark_calls_the_champion_as_readme_says(
    trained: Trained, spark: SparkSession, tmp_path: Path
) -> None:
    (code,) = re.findall(
        r"```python\n(import mlflow\nfrom pyspark.*?)```", README.read_text(), re.S
    )
    places = {
        "sqlite:///runs/mlflow.db": trained.server,
        '"samples"': repr(str(tmp_path / "samples")),
        "spark.range(1000)": "spark.range(0, 12, 1, 2)",
    }
    for written, here in places.items():
        assert written in code
        code = code.replace(written, here)
    names: dict[str, Any] = {"spark": spark}
    exec(code, names)
    found = spark.read.parquet(str(tmp_path / "samples")).orderBy("id").collect()
    sampler = mlflow.pyfunc.load_model(trained.uri)
    expected = sampler.predict(pd.DataFrame({"id": range(12)}))
    assert [row.id for row in found] == list(range(12))
    assert [bytes(row.png) for row in found] == [base64.b64decode(p) for p in expected["image"]]
    assert [row.shape for row in found] == [[8, 8, 1]] * 12
    labelled = spark.createDataFrame([(0, 9), (1, 9)], "id long, label int")
    made = labelled.select(names["sampler"](struct("id", "label")).alias("made")).collect()
    assert [row.made.label for row in made] == [9, 9]


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl")
def test_curl_asks_the_server_for_digits(trained: Trained, tmp_path: Path) -> None:
    command = ["models", "serve", "-m", trained.uri, "--env-manager", "local", "--port", "PORT"]
    log = tmp_path / "serve.log"
    with serving(command, "/ping", log, MLFLOW_TRACKING_URI=trained.server) as address:
        ask = ["curl", "-s", "-w", "\n%{http_code}", f"{address}/invocations"]
        ask += ["-H", "Content-Type: application/json", "-d"]
        for body, status in (({"id": 0, "label": 3}, "200"), ({"id": 1.5}, "400")):
            data = json.dumps({"dataframe_records": [body]})
            said = subprocess.run([*ask, data], capture_output=True, text=True, check=True).stdout
            text, _, code = said.rpartition("\n")
            assert code == status, said
            if status == "200":
                (found,) = json.loads(text)["predictions"]
                assert (found["label"], found["shape"]) == (3, [8, 8, 1])
                assert base64.b64decode(found["image"]).startswith(b"\x89PNG")
            else:
                assert "integers as id, found 1.5" in json.loads(text)["message"]


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")
@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl")
def test_a_browser_shows_the_card_of_the_version(trained: Trained, tmp_path: Path) -> None:
    command = ["ui", "--backend-store-uri", trained.server, "--port", "PORT", "--workers", "1"]
    with serving(command, "/health", tmp_path / "ui.log") as address:
        page = subprocess.run(
            [
                str(CHROMIUM),
                *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
                *(f"--user-data-dir={tmp_path}/profile", "--virtual-time-budget=30000"),
                "--dump-dom",
                f"{address}/#/models/{trained.experiment.name}/versions/1",
            ],
            capture_output=True,
            text=True,
            timeout=WAIT_SECONDS,
        ).stdout
    for words in ("How to use it", "mse at most 1", "spark_udf", "get-artifact?path=samples/"):
        assert words in page
    assert "&quot;protocol&quot;" not in page  # no tag of raw JSON
