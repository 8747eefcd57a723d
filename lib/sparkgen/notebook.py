"""Gives the notebooks their settings, the models and rows that they load, and a way to show pictures.

A notebook is asked by widgets on Databricks, and by environment variables elsewhere:

| widget | variable | meaning |
| --- | --- | --- |
| `experiment` | `SPARKGEN_EXPERIMENT` | a file of `conf/experiments` |
| `env` | `SPARKGEN_ENV` | a file of `conf/environments` |
| `root` | `SPARKGEN_ROOT` | where results go, in place of the environment's `root` |
| `set` | `SPARKGEN_SET` | `dotted.key=value`, several separated by `;` |
"""

import builtins
import io
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparkgen.config.load import load_environment, load_experiment
from sparkgen.config.request import ExperimentConfig
from sparkgen.errors import RequestError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from sparkgen.models.contract import GenerativeModel


class Notebook:
    """The settings of a notebook, and the functions that show its pictures.

    Args:
        name: of the notebook; its pictures go to `<root>/notebooks/<name>`.
        scope: the notebook's `globals()`, where Databricks puts `dbutils` and `display`.
        experiment: the one that the notebook is about where no other is asked for.
    """

    def __init__(self, name: str, scope: Mapping[str, Any], *, experiment: str) -> None:
        ask = _asker(scope)
        self.name = name
        self.experiment = ask("experiment", experiment)
        self.env = ask("env", "local")
        self.root = ask("root", "") or None
        self.overrides = tuple(filter(None, ask("set", "").split(";")))
        self.conf = find_conf(Path.cwd())
        # Databricks has its own; IPython's is a builtin; plain Python has neither.
        self.show = scope.get("display", getattr(builtins, "display", print))

    def request(self, experiment: str | None = None, *changes: str) -> ExperimentConfig:
        """The request of an experiment, with the notebook's changes and `--set` values.

        Args:
            experiment: a file of `conf/experiments`; None: the one asked for.
            changes: `dotted.key=value`, the notebook's own; what was asked for goes over them.

        Raises:
            RequestError: no such experiment, or a change that it does not take.
        """
        return load_experiment(
            self.conf / "experiments" / f"{experiment or self.experiment}.yaml",
            env=self.env,
            overrides=(*changes, *self.overrides),
            root=self.root,
        )

    def picture(self, name: str, draw: Callable[..., None], *arguments: Any, **options: Any) -> str:
        """Draws a picture, saves it, prints its path or URI, and shows it.

        Args:
            name: of the file, without `.png`.
            draw: a function of `sparkgen.drawing.grids`, which writes a PNG file to `path`.
            arguments: what it draws; tensors may stand for arrays.
            options: its other arguments.

        Returns:
            The path or URI of the PNG file.
        """
        from PIL import Image

        from sparkgen.datasets.storage import absolute, write_bytes

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "picture.png")
            draw(*map(_array, arguments), path=path, **options)
            data = path.read_bytes()
        environment = load_environment(
            self.conf, env=self.env, overrides=self.overrides, root=self.root
        )
        uri = f"{absolute(environment.root)}/notebooks/{self.name}/{name}.png"
        write_bytes(uri, data)
        print(uri)
        self.show(Image.open(io.BytesIO(data)))
        return uri


def challenger(experiment: ExperimentConfig) -> "GenerativeModel":
    """The challenger of an experiment, loaded into this process: the model of the last training.

    Raises:
        RequestError: it was not trained yet.
    """
    from sparkgen.models.saving import load_model
    from sparkgen.tracking import registry

    environment = experiment.environment
    version = registry.require(environment, experiment.name, registry.CHALLENGER)
    with tempfile.TemporaryDirectory() as folder:
        return load_model(registry.fetch(environment, version, folder), called=version.uri)


def rows(
    experiment: ExperimentConfig, *, split: str = "test", limit: int = 1000
) -> "dict[str, npt.NDArray[np.generic]]":
    """The first rows of the experiment's dataset version.

    Args:
        experiment: the request.
        split: `train`, `validation` or `test`.
        limit: how many, at most.

    Returns:
        `id` int64 (N,), `label` int32 (N,), `image` float32 (N, H, W, C) in [0, 1].

    Raises:
        RequestError: it was not ingested yet.
    """
    from sparkgen.datasets.rows import first_rows
    from sparkgen.pipeline.version import newest_version

    version = newest_version(experiment)
    return first_rows(version.uri, version.manifest, split=split, limit=limit)


def nats(
    model: "GenerativeModel",
    likelihood: str,
    found: "Mapping[str, npt.NDArray[np.generic]]",
    *,
    samples: int = 1,
    seed: int = 0,
) -> "npt.NDArray[np.float64]":
    """The negative log-likelihood of each picture in nats, or an upper bound of it.

    Args:
        model: one that has likelihoods.
        likelihood: its name, such as `exact`, `elbo` or `iwae`.
        found: rows as `rows` gives them.
        samples: latent samples a picture, where they matter.
        seed: of whatever noise the likelihood needs.

    Returns:
        (N,); lower is better.
    """
    import numpy as np
    from keras import ops

    from sparkgen.noise import Stream, row_noises

    asked, ids = model.likelihoods(samples=samples)[likelihood], found["id"].tolist()
    noise = row_noises(asked.noise, ids, seed=seed, stream=Stream.EVALUATE)
    arrays = {**found, "weight": np.ones(len(ids), np.float32)}
    arrays.pop("noise", None)
    batch = {name: ops.convert_to_tensor(array) for name, array in arrays.items()}
    batch["noise"] = {name: ops.convert_to_tensor(array) for name, array in noise.items()}
    return -np.asarray(ops.convert_to_numpy(asked.function(batch)), np.float64)


def find_conf(start: Path) -> Path:
    """The folder `conf` in `start`, or in the nearest folder above it that has one.

    Raises:
        RequestError: there is none.
    """
    for folder in (start, *start.parents):
        if (folder / "conf" / "experiments").is_dir():
            return folder / "conf"
    raise RequestError(
        "a folder with conf/experiments",
        found=f"none around {start}",
        mend="run the notebook in a checkout of the repository",
    )


def _asker(scope: Mapping[str, Any]) -> Callable[[str, str], str]:
    """A function that reads a setting from a Databricks widget, or else from an environment variable."""
    if "dbutils" not in scope:
        return lambda name, default: os.environ.get(f"SPARKGEN_{name.upper()}") or default
    widgets = scope["dbutils"].widgets

    def ask(name: str, default: str) -> str:
        widgets.text(name, default)
        return str(widgets.get(name))

    return ask


def _array(value: Any) -> Any:
    import numpy as np

    return np.asarray(value) if hasattr(value, "__array__") else value
