"""Makes saved models of networks that others trained, from their packages and weights files.

Weights of experiments of this project are found in `pipeline.weights`.

A package's file is looked at as bytes: none of the package's code runs. Keras reads the files of its own
networks, in a process of its own, which leaves the devices of this machine free for workers.
"""

import importlib.metadata
import importlib.util
import re
import tempfile
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sparkgen.archive import read_packaged
from sparkgen.config.experiment import DensityConfig
from sparkgen.config.nearest import choose
from sparkgen.config.saved_models import FOLDER, HUB, KERAS, PACKAGE
from sparkgen.datasets.files import digest, read_held
from sparkgen.datasets.sealed import seal
from sparkgen.datasets.storage import absolute
from sparkgen.errors import RequestError
from sparkgen.models.portable import PortableModel
from sparkgen.pipeline.apart import saved_apart
from sparkgen.pipeline.hugging_face import digest_of, download, files_of, save_network

if TYPE_CHECKING:
    from sparkgen.models.pretrained._base import Package

APPLICATION = "pretrained.keras_application"


class Found(NamedTuple):
    """A network with its weights, as a saved model, and where the weights are from."""

    packed: PortableModel
    origin: Mapping[str, str]
    """The `sha256` of the weights, and the `version` of a package."""


def pretrained_network(named: str, *, key: str) -> Found | None:
    """The pretrained network that the words of a request name; None: they name another model.

    Args:
        named: the words, as `config.saved_models` has them.
        key: the key of the request that they stand under.

    Raises:
        RequestError: there is no such network, or its weights are not at hand, or not those that they
            should be.
    """
    if match := PACKAGE.fullmatch(named):
        return _of_package(match["name"], key)
    if match := KERAS.fullmatch(named):
        return _of_keras(match, key)
    if match := HUB.fullmatch(named):
        folder = download(match["name"], match["revision"], key)
        return _of_folder(folder, None, key, version=match["revision"])
    if match := FOLDER.fullmatch(named):
        return _of_folder(absolute(match["path"]), match["sha256"], key)
    return None


# -- folders of Hugging Face ---------------------------------------------------------------------


def _of_folder(folder: str, expected: str | None, key: str, **origin: str) -> Found:
    found = digest_of(files_of(folder, key))
    if expected not in (None, found):
        raise RequestError(
            f"a folder with the SHA-256 {expected} as {key}",
            found=f"{found} at {folder}",
            mend="get the files again, or correct the digest",
        )
    return Found(_of_text(folder, found, key), {**origin, "sha256": found})


@lru_cache(maxsize=1)
def _of_text(folder: str, sha256: str, key: str) -> PortableModel:
    # A request is looked over several times.
    return saved_apart(save_network, folder, key, called=folder, key=key)


# -- packages ------------------------------------------------------------------------------------


def _of_package(name: str, key: str) -> Found:
    known = _packages()
    if name not in known:
        raise RequestError(
            f"the package of a network as {key}",
            found=name,
            mend=choose(name, sorted(known)),
        )
    module, package = known[name], known[name].PACKAGE
    data, called = _read_package(package, key), f"{package.distribution} ({package.path})"
    if (found := digest(data)) != package.sha256:
        raise RequestError(
            f"the file of {called} with the SHA-256 {package.sha256} as {key}",
            found=found,
            mend=f"pip install --force-reinstall {package.distribution}",
        )
    origin = {"version": _version_of(package), "sha256": found}
    return Found(packed_tensors(module, data, called=called), origin)


def packed_tensors(module: Any, data: bytes, *, called: str) -> PortableModel:
    """The saved model of a network whose weights are a package, from the package's file.

    Args:
        module: the network's file.
        data: the package's.
        called: the latter's name in errors.

    Raises:
        RequestError: it has no such weights.
    """
    from sparkgen.models.description import description_of
    from sparkgen.models.discovery import outline
    from sparkgen.models.pretrained._base import IMAGENET, weights_file

    name = module.__name__.removeprefix("sparkgen.models.")
    try:
        weights = weights_file(module.weights_of(data), module.shapes())
    except ValueError as error:
        raise RequestError(
            f"the tensors of {name} in the file of {called}",
            found=str(error),
            mend="install the package again",
        ) from None
    described = description_of(
        outline(name, {}, IMAGENET),
        name=name,
        options={},
        density=DensityConfig(),
        weights_sha256=digest(weights),
    )
    return PortableModel(seal(described), weights)


def _packages() -> dict[str, Any]:
    """The files of all networks whose weights are a package, by name."""
    from sparkgen.models.discovery import model_module
    from sparkgen.models.names import PRETRAINED, own_names

    modules = {
        name.partition(".")[2].replace("_", "-"): model_module(name)
        for name in own_names()
        if name.startswith(f"{PRETRAINED}.")
    }
    return {name: module for name, module in modules.items() if hasattr(module, "PACKAGE")}


def _version_of(package: "Package") -> str:
    try:
        return importlib.metadata.version(package.distribution)
    except importlib.metadata.PackageNotFoundError:
        return "unknown"  # the folder was put there without pip


def _read_package(package: "Package", key: str) -> bytes:
    spec = importlib.util.find_spec(package.module)  # imports nothing
    for folder in spec.submodule_search_locations or () if spec else ():
        try:
            return read_packaged(f"{folder}/{package.path}")
        except OSError:
            continue
    raise RequestError(
        f"the package {package.distribution} as {key}",
        found="none that is installed" if spec is None else f"no {package.path} in it",
        mend=f"pip install --force-reinstall {package.distribution}"
        if spec
        else f"pip install {package.distribution}",
    )


# -- keras.applications --------------------------------------------------------------------------


def _of_keras(match: re.Match[str], key: str) -> Found:
    from sparkgen.models.pretrained.keras_application import network_names

    network, path, expected = match["network"], match["path"], match["sha256"]
    if network not in (names := network_names()):
        raise RequestError(
            f"a network of keras.applications as {key}", found=network, mend=choose(network, names)
        )
    if path is None:
        packed = _converted(network, bool(match["top"]), None, None, key)
        return Found(packed, {"sha256": digest(packed.weights)})
    path = absolute(path)
    found = digest(_read_weights(network, path, expected, key))
    return Found(_converted(network, bool(match["top"]), path, found, key), {"sha256": found})


def _read_weights(network: str, path: str, sha256: str | None, key: str) -> bytes:
    mend = "get the file again, or correct the digest"
    return read_held(path, sha256, called=f"a weights file of {network}", key=key, mend=mend)


@lru_cache(maxsize=1)
def _converted(
    network: str, include_top: bool, path: str | None, sha256: str | None, key: str
) -> PortableModel:
    # A request is looked over several times.
    with tempfile.TemporaryDirectory(prefix="sparkgen-weights-") as folder:
        weights = None
        if path is not None:
            weights = str(Path(folder, Path(path).name))
            Path(weights).write_bytes(_read_weights(network, path, sha256, key))
        arguments = (network, include_top, weights, key)
        return saved_apart(save_application, *arguments, called=network, key=key)


def save_application(
    folder: str, network: str, include_top: bool, weights: str | None, key: str
) -> None:
    """Saves a network of keras.applications with its weights as a model.

    Args:
        folder: of the model.
        network: its name.
        include_top: whether it has its top.
        weights: a local file; None: Keras fetches them.
        key: the key of the request that names the network.

    Raises:
        RequestError: they cannot be had, or are not those of this network.
    """
    import keras
    import numpy as np

    from sparkgen.models.discovery import build_model
    from sparkgen.models.pretrained._base import IMAGENET
    from sparkgen.models.pretrained.keras_application import check_same, inner_layers
    from sparkgen.models.saving import save_model

    source = _keras_network(network, include_top, weights, key)
    options = {
        "network": network,
        "include_top": include_top,
        "layers": [[one.name, list(one.output.shape[1:])] for one in inner_layers(source)],
    }
    model: Any = build_model(APPLICATION, options, IMAGENET)
    try:
        model.network.set_weights(source.get_weights())
        picture = np.random.default_rng(0).random((1, 96, 96, 3), np.float32)
        check_same(model.network, source, model.preprocessed(picture))
    except ValueError as error:
        raise RequestError(
            f"{network} to be the same network with its weights as {key}",
            found=" ".join(str(error).split())[:200],
            mend=f"name another network; Keras {keras.__version__} builds this one otherwise",
        ) from None
    save_model(folder, model, name=APPLICATION, options=options)


def _keras_network(network: str, include_top: bool, weights: str | None, key: str) -> Any:
    """A network of keras.applications with its weights; as for `save_application`."""
    from sparkgen.models.pretrained.keras_application import make_network

    try:
        named = "imagenet" if weights is None else None
        source = make_network(network, include_top=include_top, weights=named)
        if weights is not None:
            source.load_weights(weights)
        return source
    except Exception as error:  # Keras, h5py and urllib raise of every kind
        top = "with its top" if include_top else "without its top"
        raise RequestError(
            f"the weights of {network} {top} as {key}",
            found=f"{type(error).__name__} {' '.join(str(error).split())[:200]}",
            mend=f"download them elsewhere, and name the file: keras:{network}@/path/weights.h5"
            if weights is None
            else "name another file; +top after the network's name says that the file has the top",
        ) from None
