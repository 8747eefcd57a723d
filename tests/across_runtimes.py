"""Model versions of two environments, each loaded and sampled in both; run it by hand.

    .venv/bin/python tests/across_runtimes.py .venv-dbr/bin

The MLflow server is this environment's. Fails where pictures differ by more than one grey level.
"""

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import mlflow
import numpy as np
import pyarrow.dataset as ds

CONF = Path(__file__).parents[1] / "conf"
COUNT = 64
PREDICT = """
import sys, mlflow, numpy, pandas
uri, version, file, count = sys.argv[1:]
mlflow.set_tracking_uri(uri)
rows = pandas.DataFrame({"id": list(range(int(count)))})
made = mlflow.pyfunc.load_model(version).predict(rows, params={"seed": 0, "format": "array"})
numpy.save(file, numpy.stack([numpy.asarray(one) for one in made["image"]]))
"""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """A tracking server of this environment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    uri, store = f"http://127.0.0.1:{port}", f"sqlite:///{folder}/runs.db"
    options = ["--backend-store-uri", store, "--artifacts-destination", str(folder / "artifacts")]
    command = [sys.executable, "-m", "mlflow", "server", *options, "--port", str(port)]
    known = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    command += ["--workers", "1"]
    silent = subprocess.DEVNULL
    server = subprocess.Popen(
        command, env=known, start_new_session=True, stdout=silent, stderr=silent
    )
    try:
        while True:
            try:
                urllib.request.urlopen(f"{uri}/health").close()
                break
            except OSError:
                time.sleep(1)
        yield uri
    finally:
        os.killpg(server.pid, 15)
        server.wait()


def sparkgen(bin_folder: Path, root: Path, *arguments: str | Path) -> None:
    command = [bin_folder / "sparkgen", *arguments, "--root", root]
    subprocess.run(list(map(str, command)), check=True, stdout=sys.stderr)


def sampled(bin_folder: Path, root: Path, uri: str, name: str) -> list[np.ndarray]:
    """The pictures of a version, by `mlflow.pyfunc` and by Spark."""
    file = root / f"{name}.npy"
    predict = [bin_folder / "python", "-c", PREDICT, uri, f"models:/{name}/1", file, COUNT]
    subprocess.run(list(map(str, predict)), check=True)
    keys = [f"environment.tracking_uri={uri}", f"name={name}", f"sampling.count={COUNT}"]
    options = [word for key in keys for word in ("--set", key)]
    sparkgen(bin_folder, root, "sample", CONF / "experiments" / "vae_digits.yaml", *options)
    table = ds.dataset(root / "samples" / name, exclude_invalid_files=True).to_table()
    pictures = table.sort_by("id")["image"].to_pylist()
    by_spark = np.stack([np.frombuffer(one, np.uint8) for one in pictures])
    return [np.load(file).reshape(COUNT, -1).astype(int), by_spark.astype(int)]


def main(other: Path) -> None:
    environments = {"here": Path(sys.executable).parent, "there": other.absolute()}
    with tempfile.TemporaryDirectory() as name, served(folder := Path(name)) as uri:
        for made, programs in environments.items():
            root = folder / made
            sparkgen(programs, root, "ingest", CONF / "datasets" / "digits.yaml")
            keys = [f"environment.tracking_uri={uri}", f"name=vae_{made}", "training.epochs=4"]
            options = [word for key in keys for word in ("--set", key)]
            sparkgen(programs, root, "train", CONF / "experiments" / "vae_digits.yaml", *options)
            mlflow.MlflowClient(uri).set_registered_model_alias(f"vae_{made}", "champion", "1")
        worst = 0
        for made in environments:
            pairs = [sampled(b, folder / k, uri, f"vae_{made}") for k, b in environments.items()]
            for way, here, there in zip(("pyfunc", "Spark"), *pairs, strict=True):
                apart = np.abs(here - there)
                worst = max(worst, int(apart.max()))
                print(f"made {made}, by {way}: {(apart > 0).sum()} of {apart.size} pixels differ, "
                      f"by {apart.max()} grey levels at most")  # fmt: skip
    sys.exit(worst > 1)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
