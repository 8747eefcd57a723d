"""Models as folders on disk: `model.json` (name, options, spec, density) and `model.weights.h5`.

Neither can carry code: loading builds the model by its name and fills in numbers. A model from a user's
own package has the package's source beside it, as `package.zip`; loading runs that code, and no other.
The parts of a model are described in its `model.json`, and their weights are among its own.
"""

import tempfile
from pathlib import Path
from typing import Any

from sparkgen.config.experiment import DensityConfig
from sparkgen.config.load import parse
from sparkgen.datasets.files import digest
from sparkgen.datasets.sealed import seal
from sparkgen.errors import ModelError, RequestError
from sparkgen.models.contract import GenerativeModel
from sparkgen.models.description import description_of
from sparkgen.models.discovery import build_model, build_part
from sparkgen.models.names import own_names
from sparkgen.models.package import use_package
from sparkgen.models.portable import (
    MODEL_FILE,
    PACKAGE_FILE,
    WEIGHTS_FILE,
    Description,
    PortableModel,
    describe,
    lay_out,
    pack,
)


def save_model(
    folder: str | Path,
    model: GenerativeModel,
    *,
    name: str,
    options: dict[str, Any],
    density: DensityConfig | None = None,
) -> None:
    """Writes a model's folder; the JSON that makes it loadable comes last."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    model.save_weights(folder / WEIGHTS_FILE)
    if model.source is not None:
        (folder / PACKAGE_FILE).write_bytes(model.source.archive)
    description = description_of(
        model,
        name=name,
        options=options,
        density=density or DensityConfig(),
        weights_sha256=digest((folder / WEIGHTS_FILE).read_bytes()),
    )
    (folder / MODEL_FILE).write_bytes(seal(description))


def load_model(folder: str | Path, *, called: str | None = None) -> GenerativeModel:
    """The model of a local folder, weights and all.

    Args:
        folder: its path.
        called: its name in errors; None: the folder.

    Raises:
        ModelError: there is none, it is damaged, or this release builds no such model.
    """
    name = called or str(folder)
    packed = pack(folder, called=name)
    model = _build_described(describe(packed, called=name), packed.package, name)
    try:
        model.load_weights(Path(folder) / WEIGHTS_FILE)
    except Exception as error:  # Keras and h5py raise of every kind over a file that does not fit
        raise ModelError(
            f"weights that fit the description in {name}/{WEIGHTS_FILE}",
            found=f"{type(error).__name__} {' '.join(str(error).split())[:200]}",
            mend="train it again, or use the release of sparkgen that trained it",
        ) from error
    return model


def load_packed(packed: PortableModel, *, called: str | None = None) -> GenerativeModel:
    """The model of files that are at hand as bytes; `called` and errors as for `load_model`."""
    with tempfile.TemporaryDirectory(prefix="sparkgen-model-") as folder:
        lay_out(packed, folder)
        return load_model(folder, called=called or f"the saved {packed.description['name']}")


def _build_described(
    description: Description, package: bytes | None, called: str
) -> GenerativeModel:
    try:
        if description.name not in own_names():
            _use_source(description.name, package)
        parts = {name: build_part(one) for name, one in description.parts.items()}
        return build_model(
            description.name,
            description.options,
            description.spec.data_spec(),
            parse(DensityConfig, description.density, source="density"),
            parts,
        )
    except (RequestError, ValueError) as error:
        line = (
            f"{error.expected}, found {error.found}" if isinstance(error, RequestError) else error
        )
        mend = "train it again, or use the release of sparkgen that trained it"
        if package is not None and isinstance(error, RequestError):
            mend = error.mend
        raise ModelError(
            f"a model that this release builds in {called}/{MODEL_FILE}",
            found=f"{description.name} without {line}",
            mend=mend,
        ) from error


def _use_source(name: str, package: bytes | None) -> None:
    """Has a user's model built of the source beside it, never of what happens to be installed."""
    if package is None:
        raise RequestError(f"a model of sparkgen or a {PACKAGE_FILE}", found="neither", mend="")
    use_package(name, package)
