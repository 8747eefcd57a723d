"""A weights file holds the tensors of a model by their names, and says of which model they are.

It is an npz file with the SHA-256 of its bytes at its end, as a checkpoint is; of a checkpoint only the
model's tensors are read. Half of the precision suffices for networks: what is saved as float16 becomes
float32 again where it is set. It does not suffice for counts, so a model that learns otherwise than by
gradient steps has no weights file. The density on latents is there as `density/weights`, `density/means`
and `density/factors` where it is no prior.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sparkgen.credentials import hide_in
from sparkgen.datasets.files import digest
from sparkgen.errors import RequestError
from sparkgen.training import checkpoints

if TYPE_CHECKING:
    from sparkgen.models.contract import GenerativeModel

BEST, MODEL = "best", "model"
"""What arrays of a checkpoint are of: the weights of the best epoch, and those of now."""
DENSITY = "density/"
KIND = "weights"
"""The entry of a file's facts that says that it is a weights file, and the name of its model."""
OPTIONS = "options"
"""The entry of a file's facts that has the model's options."""
DENSITY_KIND = "density"
"""The entry of a file's facts that has the kind of the density on latents, where that is in the file."""
NUMBERS = "numbers"
"""The entry of a checkpoint's facts that says which number each tensor of the model has."""

Array = npt.NDArray[Any]


class Weights(NamedTuple):
    """The content of a weights file."""

    called: str
    """The file's name in errors."""
    sha256: str
    """Of the file."""
    tensors: Mapping[str, Array]
    model: str
    """The name of the model that they are of, such as `variational.vae`."""
    options: Mapping[str, Any]
    """Of that model."""
    density: str | None = None
    """The kind of the density on latents, where it is among them."""

    @property
    def have_density(self) -> bool:
        """Whether the density on latents is among them."""
        return any(name.startswith(DENSITY) for name in self.tensors)


def encode(model: "GenerativeModel", *, half: bool = True) -> bytes:
    """The weights file of a model.

    Args:
        model: the model.
        half: save float16, all but the density on latents and tensors whose values float16 cannot hold.

    Raises:
        RequestError: the model learns otherwise than by gradient steps.
    """
    _check_learns(model)
    arrays = {name: variable.numpy() for name, variable in _variables(model).items()}
    if half:
        arrays |= {n: _halved(a) for n, a in arrays.items() if not n.startswith(DENSITY)}
    made_of = model.blueprint
    facts = {KIND: made_of.name, OPTIONS: _whole(made_of.name, made_of.options)}
    if any(name.startswith(DENSITY) for name in arrays):
        facts[DENSITY_KIND] = made_of.density["kind"]
    return checkpoints.encode(arrays, facts, compress=True)


def _halved(array: Array) -> Array:
    """An array as float16; as it is where that has no value for one of its numbers, or it has none."""
    if array.dtype != np.float32:
        return array
    with np.errstate(over="ignore"):
        half = array.astype(np.float16)
    return half if np.isfinite(half).all() else array


def decode(data: bytes, *, called: str) -> Weights:
    """The weights in the bytes of a file.

    Raises:
        RequestError: they are not those of a whole weights file.
    """
    try:
        file = checkpoints.decode(data)
        read = _of_weights_file if KIND in file.facts else _of_checkpoint
        return read(file, called, digest(data))
    except ValueError as error:
        raise RequestError(
            f"a weights file as {called}",
            found=str(error).removeprefix("expected a whole checkpoint, found: "),
            mend="name another file, or get it again",
        ) from error


def _of_weights_file(file: checkpoints.Checkpoint, called: str, sha256: str) -> Weights:
    name, options = _fact(file, str, KIND), _fact(file, dict, OPTIONS)
    density = _fact(file, str, DENSITY_KIND) if DENSITY_KIND in file.facts else None
    return Weights(called, sha256, file.arrays, name, options, density)


def _of_checkpoint(file: checkpoints.Checkpoint, called: str, sha256: str) -> Weights:
    """The model's tensors in a checkpoint: those of the best epoch so far, if it has one."""
    if NUMBERS not in file.facts:
        raise ValueError("a checkpoint of a release that did not name the model's tensors")
    numbers = _fact(file, dict, NUMBERS)
    if _fact(file, dict, "training", "training").get("ema_momentum") is not None:
        raise ValueError("a checkpoint of a training that averages weights when it ends")
    best = any(name.startswith(f"{BEST}/") for name in file.arrays)
    places = {name: f"{BEST if best else MODEL}/{i!s:0>4}" for name, i in numbers.items()}
    if missing := [place for place in places.values() if place not in file.arrays]:
        raise ValueError(f"a checkpoint without the array {missing[0]}")
    return Weights(
        called,
        sha256,
        {name: file.arrays[place] for name, place in places.items()},
        _fact(file, str, "training", "model", "name"),
        _fact(file, dict, "training", "model", "options"),
    )


def _fact(file: checkpoints.Checkpoint, kind: type, *keys: str) -> Any:
    """An entry of a file's facts; a `ValueError` where there is none of this kind."""
    value: Any = file.facts
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    if not isinstance(value, kind):
        raise ValueError(f"a file that does not say {'.'.join(keys)}")
    return value


def numbers_of(model: "GenerativeModel", variables: Sequence[Any]) -> dict[str, int]:
    """The places of a model's tensors, by name, in the list of all that a checkpoint holds of it."""
    from sparkgen.training.transfer import tensors

    places = {id(variable): place for place, variable in enumerate(variables)}
    return {name: places[id(variable)] for name, variable in tensors(model).items()}


def check_model(weights: Weights, model: "GenerativeModel") -> None:
    """Refuses weights that are not those of a model, as far as is seen without its variables.

    Args:
        weights: those of a file.
        model: the experiment's, which may be an outline.

    Raises:
        RequestError: the model learns otherwise than by gradient steps, or the weights are those of a
            model of another name, other options or another density.
    """
    _check_learns(model)
    own = model.blueprint
    kind = own.density["kind"]
    if weights.model != own.name:
        found = f"those of {weights.model}"
    elif option := _other_option(weights, model):
        found = option
    elif weights.have_density and kind not in ("prior", weights.density):
        found = f"the density {weights.density} in place of {kind}"
    else:
        return
    raise RequestError(
        f"the weights of {own.name} as the experiment builds it in {weights.called}",
        found=found,
        mend="name the file of this model, or build the model that the file is of (model.options)",
    )


def _check_learns(model: "GenerativeModel") -> None:
    if model.learns != "gradient":
        raise RequestError(
            "a model that learns by gradient steps, which alone have weights files",
            found=f"{model.blueprint.name}, which learns "
            + ("by counting" if model.learns == "counting" else model.learns),
            mend="train it by sparkgen train, without a weights file",
        )


def _other_option(weights: Weights, model: "GenerativeModel") -> str | None:
    """Says which option of a file's model is another than a model's; None: they are all the same.

    Where pictures lie that the training begins with does not count.
    """
    name = model.blueprint.name
    own = _whole(name, model.blueprint.options)
    try:
        theirs = _whole(name, weights.options)
    except RequestError as error:
        return f"options that this release does not take ({error.found})"
    other = [key for key in own if own[key] != theirs.get(key) and key not in model.reads]
    if not other:
        return None
    return f"{other[0]} of {theirs.get(other[0])!r} in place of {own[other[0]]!r}"


def _whole(name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a model with those that are left out, as plain JSON without credentials."""
    from sparkgen.models.discovery import model_config

    return dict(hide_in(model_config(name, dict(options)).model_dump(mode="json")))


def put(weights: Weights, model: "GenerativeModel") -> None:
    """Sets all tensors of a model to those of a file.

    Where the model draws its latents from a density that the file does not have, that density is left.
    Where it draws them from the prior, a density of the file is not used.

    Raises:
        RequestError: as `check_model`; or a tensor of the model that the file lacks, one of another
            shape, one that is no finite number, or one that the model has not; nothing is set.
    """
    check_model(weights, model)
    own = _variables(model)
    if not weights.have_density:
        own = {name: v for name, v in own.items() if not name.startswith(DENSITY)}
    prior = not any(name.startswith(DENSITY) for name in own)
    given = {n: a for n, a in weights.tensors.items() if not (prior and n.startswith(DENSITY))}
    _check(weights.called, {name: tuple(v.shape) for name, v in own.items()}, given)
    for name, variable in own.items():
        variable.assign(given[name].astype(variable.dtype))


def _check(called: str, own: Mapping[str, tuple[int, ...]], given: Mapping[str, Array]) -> None:
    from sparkgen.training.transfer import first_few

    found = ""
    if missing := [name for name in own if name not in given]:
        found = f"no {first_few(missing)}"
    elif further := [name for name in given if name not in own]:
        found = f"{first_few(further)}, which the model has not"
    elif other := [name for name, shape in own.items() if given[name].shape != shape]:
        first = other[0]
        found = f"{first} of shape {list(given[first].shape)} in place of {list(own[first])}"
    elif wild := [name for name in own if not _finite(given[name])]:
        found = f"values of {first_few(wild)} that are no finite numbers"
    if found:
        raise RequestError(
            f"the {len(own)} tensors of the experiment's model in {called}",
            found=found,
            mend="name the file of this model, or build the model that the file is of (model.options)",
        )


def _finite(array: Array) -> bool:
    return array.dtype.kind in "fiu" and bool(np.isfinite(array).all())


def _variables(model: "GenerativeModel") -> dict[str, Any]:
    """The variables of a model that a weights file holds, by name."""
    from sparkgen.training.transfer import tensors

    density = getattr(model, "density", None)
    fitted = density is not None and density.kind != "prior"
    return tensors(model) | (
        {DENSITY + v.name: v for v in density.weights} if density is not None and fitted else {}
    )
