"""In transfer learning, a training begins with the weights of a registered model version.

A tensor of the version is taken where the model has one of the same name and shape. The density on
latents is fitted anew, and what the request's own pictures set stays, such as a style; optimizers,
averages of weights and the clock begin as in any training.
"""

import logging
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

from sparkgen.errors import RequestError
from sparkgen.models.contract import GenerativeModel
from sparkgen.models.imports import packages_restored
from sparkgen.models.portable import pack
from sparkgen.models.saving import load_packed
from sparkgen.training.request import TrainRequest

NUMBER = re.compile(r"_(0|[1-9][0-9]*)$")
log = logging.getLogger(__name__)


class Transfer(NamedTuple):
    """The names of the tensors that were taken from the source model, and of those that were not."""

    taken: tuple[str, ...]
    own: tuple[str, ...]
    """Tensors of the model that begin as in a training from nothing."""
    unused: tuple[str, ...]
    """Tensors of the source that the model has no place for."""


def take_start(model: GenerativeModel, request: TrainRequest) -> Transfer | None:
    """Sets a model's weights to those its training starts from; gives None if it starts from no model.

    Every rank does so alike.

    Raises:
        ModelError: the source is damaged, or this release builds no such model.
        RequestError: no tensor of the source fits.
    """
    if request.started_from is None:
        return None
    packed = pack(request.start_uri, called=request.started_from)
    # The model in training goes on with its own code, where the source has an older one of it.
    with packages_restored():
        source = load_packed(packed, called=request.started_from)
    transfer = take(model, source)
    if not transfer.taken:
        raise RequestError(
            f"a tensor of {request.started_from} with the name and shape of one of "
            f"{request.experiment.model.name}, to start from",
            found=f"{first_few(transfer.unused)} for {first_few(transfer.own)}",
            mend="name another model in training.start_from, or remove it",
        )
    return transfer


def tell(transfer: Transfer, started_from: str) -> None:
    """Logs how many tensors were taken from the source model, and the first of those that were not."""
    whole = len(transfer.taken) + len(transfer.own)
    log.info("started from %s: took %d of %d tensors", started_from, len(transfer.taken), whole)
    if transfer.own or transfer.unused:
        log.info(
            "not taken: %s begin anew; the source's %s are not used",
            first_few(transfer.own),
            first_few(transfer.unused),
        )


def take(model: GenerativeModel, source: GenerativeModel) -> Transfer:
    """Sets a model's tensors to those of another model that have the same name and shape."""
    own, others = tensors(model), tensors(source)
    taken = [n for n, v in own.items() if n in others and v.shape == others[n].shape]
    for name in taken:
        own[name].assign(others[name].numpy())
    return Transfer(tuple(taken), _shaped(own, without=taken), _shaped(others, without=taken))


def tensors(model: GenerativeModel) -> dict[str, Any]:
    """The weights and batch statistics of a model, by name, without those of its parts, of the density
    on latents, and those that `prepare` sets.
    """
    density = getattr(model, "density", None)
    apart = {id(v) for v in (*model.prepared, *(density.weights if density is not None else ()))}
    variables = [v for v in model.without_parts(model.weights) if id(v) not in apart]
    names = stable_names([v.path.removeprefix(f"{model.name}/") for v in variables])
    return dict(zip(names, variables, strict=True))


def stable_names(paths: Sequence[str]) -> list[str]:
    """Names made from the paths of variables, the same in every process.

    Keras numbers layers of a kind in the order in which a process makes them: `dense_7`. Here they are
    numbered anew within the layer that holds them. Numbers that begin with `_0` are a model's own, and
    stay. What bears the same name is told apart by its turn.
    """
    names = [path.split("/") for path in paths]
    for depth in range(max((len(name) for name in names), default=0)):
        numbers: dict[tuple[str, ...], set[str]] = defaultdict(set)
        deep = [name for name in names if len(name) > depth]
        for name in deep:
            numbers[_family(name, depth)].add(name[depth])
        for name, family in [(name, _family(name, depth)) for name in deep]:
            name[depth] = _renumbered(name[depth], family[-1], numbers[family])
    return _told_apart("/".join(name) for name in names)


def _family(name: Sequence[str], depth: int) -> tuple[str, ...]:
    """The layer that holds a layer, and the name of the latter without its number."""
    return (*name[:depth], NUMBER.sub("", name[depth]))


def _renumbered(word: str, base: str, family: set[str]) -> str:
    if f"{base}_0" in family:
        return word
    turn = sorted(family, key=lambda w: int(w[len(base) + 1 :] or 0)).index(word)
    return f"{base}_{turn}" if turn else base


def _told_apart(names: Any) -> list[str]:
    seen: Counter[str] = Counter()
    told = []
    for name in names:
        seen[name] += 1
        told.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return told


def _shaped(variables: dict[str, Any], *, without: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"{n} {list(v.shape)}" for n, v in variables.items() if n not in without)


def first_few(names: Sequence[str], *, most: int = 4) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return (", ".join(names[:most]) or "none") + more
