"""A weights file holds the tensors of a model by their names, without what the model is built from.

It is an npz file with the SHA-256 of its bytes at its end, as a checkpoint is; of a checkpoint only the
model's tensors are read. Half of the precision suffices for most networks: what is saved as float16
becomes float32 again where it is set. The density on latents is there as `density/weights`,
`density/means` and `density/factors` where it is no prior.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sparkgen.datasets.files import digest
from sparkgen.errors import RequestError
from sparkgen.training import checkpoints

if TYPE_CHECKING:
    from sparkgen.models.contract import GenerativeModel

BEST, MODEL = "best", "model"
"""What arrays of a checkpoint are of: the weights of the best epoch, and those of now."""
DENSITY = "density/"
KIND = "weights"
"""The entry of a file's facts that says that it is a weights file, and of which model."""
NUMBERS = "numbers"
"""The entry of a checkpoint's facts that says which number each tensor of the model has."""

Array = npt.NDArray[Any]


class Weights(NamedTuple):
    """The content of a weights file."""

    called: str
    """The file's name in errors."""
    tensors: Mapping[str, Array]
    sha256: str
    """Of the file."""

    @property
    def have_density(self) -> bool:
        """Whether the density on latents is among them."""
        return any(name.startswith(DENSITY) for name in self.tensors)


def encode(model: "GenerativeModel", *, name: str, half: bool = True) -> bytes:
    """The weights file of a model.

    Args:
        model: the model.
        name: of the model, such as `variational.vae`.
        half: save float16, all but the density on latents.
    """
    kept = np.float16 if half else np.float32
    arrays = {
        called: variable.numpy().astype(np.float32 if called.startswith(DENSITY) else kept)
        for called, variable in _variables(model).items()
    }
    return checkpoints.encode(arrays, {KIND: name}, compress=True)


def decode(data: bytes, *, called: str) -> Weights:
    """The weights in the bytes of a file.

    Raises:
        RequestError: they are not those of a whole weights file.
    """
    try:
        file = checkpoints.decode(data)
        arrays = file.arrays if KIND in file.facts else _of_checkpoint(file)
    except ValueError as error:
        raise RequestError(
            f"a weights file as {called}",
            found=str(error).removeprefix("expected a whole checkpoint, found: "),
            mend="name another file, or get it again",
        ) from error
    return Weights(called, arrays, digest(data))


def _of_checkpoint(file: checkpoints.Checkpoint) -> dict[str, Array]:
    """The model's tensors in a checkpoint: those of the best epoch so far, if it has one."""
    numbers = file.facts.get(NUMBERS)
    if not isinstance(numbers, dict):
        raise ValueError("a checkpoint of a release that did not name the model's tensors")
    if file.facts["training"]["training"]["ema_momentum"] is not None:
        raise ValueError("a checkpoint of a training that averages weights when it ends")
    best = any(name.startswith(f"{BEST}/") for name in file.arrays)
    return {name: file.arrays[f"{BEST if best else MODEL}/{i:04d}"] for name, i in numbers.items()}


def numbers_of(model: "GenerativeModel", variables: Sequence[Any]) -> dict[str, int]:
    """The places of a model's tensors, by name, in the list of all that a checkpoint holds of it."""
    from sparkgen.training.transfer import tensors

    places = {id(variable): place for place, variable in enumerate(variables)}
    return {name: places[id(variable)] for name, variable in tensors(model).items()}


def put(weights: Weights, model: "GenerativeModel") -> None:
    """Sets all tensors of a model to those of a file.

    Where the model draws its latents from a density that the file does not have, that density is left.
    Where it draws them from the prior, a density of the file is not used.

    Raises:
        RequestError: a tensor of the model that the file lacks, one of another shape, one that is no
            finite number, or one that the model has not; nothing is set.
    """
    own = _variables(model)
    if not weights.have_density:
        own = {name: v for name, v in own.items() if not name.startswith(DENSITY)}
    prior = not any(name.startswith(DENSITY) for name in own)
    given = {n: a for n, a in weights.tensors.items() if not (prior and n.startswith(DENSITY))}
    _check(weights.called, {name: tuple(v.shape) for name, v in own.items()}, given)
    for name, variable in own.items():
        variable.assign(given[name].astype(np.float32))


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
    elif wild := [name for name in own if not np.isfinite(given[name]).all()]:
        found = f"values of {first_few(wild)} that are no finite numbers"
    if found:
        raise RequestError(
            f"the {len(own)} tensors of the experiment's model in {called}",
            found=found,
            mend="name the file of this model, or build the model that the file is of (model.options)",
        )


def _variables(model: "GenerativeModel") -> dict[str, Any]:
    """The variables of a model that a weights file holds, by name."""
    from sparkgen.training.transfer import tensors

    density = getattr(model, "density", None)
    fitted = density is not None and density.kind != "prior"
    return tensors(model) | (
        {DENSITY + v.name: v for v in density.weights} if density is not None and fitted else {}
    )
