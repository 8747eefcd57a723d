"""Finds weights files of experiments: pretrained ones, and those that take the place of a training.

Pretrained weights lie in the folder `environment.pretrained`: `EXPERIMENT.yaml`, which says what they
are, and the weights file that it names. Nothing else is needed: the experiment's file says what the model
is built from.
"""

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import yaml
from pyarrow import fs
from pydantic import Field

from sparkgen.config.load import parse
from sparkgen.config.nearest import choose
from sparkgen.config.request import ExperimentConfig
from sparkgen.config.strict import Seed, Strict
from sparkgen.datasets.files import read_held
from sparkgen.datasets.storage import absolute, is_remote, open_uri, read_bytes
from sparkgen.errors import RequestError
from sparkgen.models.portable import PortableModel
from sparkgen.pipeline.apart import saved_apart
from sparkgen.pipeline.outlook import spec_to_come, unknown_to_come
from sparkgen.pipeline.parts import Parts, blueprints, parts_of
from sparkgen.pipeline.session import spark_beside
from sparkgen.training.weights import Weights, check_model, decode, put

if TYPE_CHECKING:
    from sparkgen.datasets.records import DataSpec
    from sparkgen.models.contract import GenerativeModel

SUFFIX = ".yaml"
PRETRAINED = "--pretrained"


class Training(Strict):
    """How weights were trained."""

    machine: str
    backend: Literal["jax", "tensorflow"]
    """Of Keras."""
    policy: str
    """The types that Keras computed in, such as `mixed_bfloat16`."""
    steps: int
    epochs: float
    seconds: float
    """Of the steps alone."""


class WeightsNote(Strict):
    """What `EXPERIMENT.yaml` says of a weights file."""

    weights: Annotated[str, Field(pattern=r"^[\w.-]+\.npz$")]
    """The weights file, in the same folder."""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    """Of the weights file."""
    seed: Seed
    """Of the training."""
    trained_on: str
    """The rows that the model learnt from."""
    trained_by: Training
    versions: dict[str, str]
    """Of the packages that trained it."""


class Pretrained(NamedTuple):
    """Pretrained weights of an experiment as a saved model."""

    packed: PortableModel
    uri: str
    """Names the weights, wherever their folder is."""


def pretrained_of(experiment: ExperimentConfig) -> Pretrained:
    """The pretrained weights of an experiment.

    Another process makes a saved model of them; Spark, which samples it, starts beside that.

    Raises:
        RequestError: there are none, they are damaged, or not those of the experiment's model; or that
            stands on others, or only the ingest will say what it is built from.
    """
    if parts := experiment.model.parts:
        raise RequestError(
            "a model that stands on no others for --pretrained",
            found=f"{experiment.model.name} with model.parts {', '.join(parts)}",
            mend="train it, or take the weights by sparkgen train --weights FILE.npz",
        )
    if (unknown := unknown_to_come(experiment.dataset)) is not None:
        raise RequestError(
            "a request that says all that the model of --pretrained is built from",
            found=f"one without {unknown}",
            mend="ingest the dataset, and take the weights by sparkgen train --weights FILE.npz",
        )
    environment = experiment.environment
    folder = absolute(environment.path(environment.pretrained))
    note = _note(folder, experiment.name)
    path = f"{folder}/{note.weights}"
    weights = read_weights(path, key=PRETRAINED, sha256=note.sha256)
    if experiment.density.kind != "prior" and not weights.have_density:
        raise RequestError(
            f"a fitted density on latents in {weights.called}",
            found="none",
            mend="train with --weights, which fits it to data, or set density.kind=prior",
        )
    with spark_beside(environment):
        packed = _packed(experiment.model_dump_json(), path, note.sha256)
    return Pretrained(packed, f"pretrained:{experiment.name}@{weights.sha256[:16]}")


def read_weights(path: str, *, key: str, sha256: str | None = None) -> Weights:
    """A weights file.

    Args:
        path: its path or URI.
        key: that names it: `--weights` or `--pretrained`.
        sha256: of the file; None: that is not known.

    Raises:
        RequestError: there is none, it is damaged, or another one than it should be.
    """
    return decode(read_held(path, sha256, called="a weights file", key=key), called=path)


class TakenWeights(NamedTuple):
    """Weights that take the place of a training, and the tags that say which they are."""

    weights: Weights
    tags: dict[str, str]


def weights_to_take(path: str, experiment: ExperimentConfig) -> TakenWeights:
    """The weights in a file that is to take the place of a training.

    A note in the same folder, which names the file, may say what it is: that of the experiment, or else
    `NAME.yaml` beside `NAME.npz`.

    Raises:
        RequestError: as `read_weights`, or a note that is damaged or cannot be read.
    """
    path = absolute(path)
    note = _note_beside(path, experiment.name)
    sha256, trained_on = (note.sha256, note.trained_on) if note else (None, "unknown")
    weights = read_weights(path, key="--weights", sha256=sha256)
    return TakenWeights(weights, {"weights_sha256": weights.sha256, "trained_on": trained_on})


def check_taken(experiment: ExperimentConfig, path: str, model: "GenerativeModel") -> None:
    """Refuses weights that are to take the place of a training, as far as the data is known.

    Args:
        experiment: the request.
        path: of the weights file.
        model: an outline of the experiment's.

    Raises:
        RequestError: as `read_weights`, or they are not those of the experiment's model.
    """
    weights = weights_to_take(path, experiment).weights
    check_model(weights, model)
    if unknown_to_come(experiment.dataset) is None:  # else as soon as the version is there
        parts = parts_of(experiment)
        check_weights(experiment, spec_to_come(experiment.dataset, parts), parts, weights)


def check_weights(
    experiment: ExperimentConfig, spec: "DataSpec", parts: Parts, weights: Weights
) -> None:
    """Refuses weights that are not those of an experiment's model.

    Args:
        experiment: the request.
        spec: of its data.
        parts: of its model.
        weights: the file's.

    Raises:
        RequestError: it says what is missing, or has another shape.
    """
    from sparkgen.models.discovery import build_model, build_part

    config = experiment.model
    built = {name: build_part(one) for name, one in blueprints(parts).items()}
    put(weights, build_model(config.name, config.options, spec, experiment.density, built))


def _note(folder: str, name: str) -> WeightsNote:
    """The note of an experiment, which has pretrained weights."""
    uri = f"{folder}/{name}{SUFFIX}"
    if (values := _read_note(uri)) is not None:
        return parse(WeightsNote, values, source=uri)
    there = _experiments_in(folder)
    raise RequestError(
        f"pretrained weights of {name} in {folder}",
        found=f"those of {', '.join(there)}" if there else "none",
        mend=choose(name, there)
        if there
        else "stand where the folder pretrained is, or set environment.pretrained",
    )


def _note_beside(path: str, name: str) -> WeightsNote | None:
    """The note of a weights file, in the folder that has it; None where there is none."""
    place, mark, query = path.partition("?") if is_remote(path) else (path, "", "")
    folder, _, file = place.rpartition("/")
    for stem in (name, file.removesuffix(".npz")):
        uri = f"{folder}/{stem}{SUFFIX}{mark}{query}"
        values = _read_note(uri) or {}
        if values.get("weights") == file and "sha256" in values:  # else it is something else
            return parse(WeightsNote, values, source=uri)
    return None


def _read_note(uri: str) -> dict[str, Any] | None:
    """The values in a file beside weights; None where there is no such file."""
    try:
        values = yaml.safe_load(read_bytes(uri))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise RequestError(
            f"a YAML file that can be read as {uri}",
            found=f"{type(error).__name__} {' '.join(str(error).split())[:200]}",
            mend="get it again, or have this process read it",
        ) from None
    return values if isinstance(values, dict) else {}


def _experiments_in(folder: str) -> list[str]:
    filesystem, path = open_uri(folder)
    found = filesystem.get_file_info(fs.FileSelector(path, allow_not_found=True))
    names = [info.base_name for info in found]
    return sorted(name.removesuffix(SUFFIX) for name in names if name.endswith(SUFFIX))


@lru_cache(maxsize=1)
def _packed(request: str, path: str, sha256: str) -> PortableModel:
    # A request is looked over several times.
    experiment = ExperimentConfig.model_validate_json(request)
    return saved_apart(save_with, experiment, path, sha256, called=path, key=PRETRAINED)


def save_with(folder: str, experiment: ExperimentConfig, path: str, sha256: str) -> None:
    """Saves the model of an experiment with the weights of a file.

    Args:
        folder: of the model.
        experiment: the request.
        path: of the file, or its URI.
        sha256: of the file.

    Raises:
        RequestError: as `read_weights`, or they are not those of this model.
    """
    from sparkgen.models.discovery import build_model
    from sparkgen.models.saving import save_model

    config = experiment.model
    spec = spec_to_come(experiment.dataset, {})
    model = build_model(config.name, config.options, spec, experiment.density)
    put(read_weights(path, key=PRETRAINED, sha256=sha256), model)
    save_model(
        Path(folder), model, name=config.name, options=config.options, density=experiment.density
    )
