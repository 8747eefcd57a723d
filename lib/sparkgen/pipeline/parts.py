"""Finds the parts of an experiment's model, and copies them for the workers.

In the registry stands what a request names, which may change; the folder of a run keeps what it began
with. What a part must be is checked where the model is outlined.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from sparkgen.config.dataset import DatasetConfig
from sparkgen.config.request import ExperimentConfig
from sparkgen.errors import RequestError
from sparkgen.models.portable import Blueprint, PortableModel, describe, pack, store
from sparkgen.pipeline.journal import Journal, checkpoint_uri, unfinished
from sparkgen.pipeline.named import ORIGIN, NamedModel, named_part
from sparkgen.tracking.run_logger import RunLogger
from sparkgen.training.request import part_uri

if TYPE_CHECKING:
    from sparkgen.datasets.tokenizer import Tokenizer

Parts = Mapping[str, NamedModel]
"""By the names that the model has for them."""


def parts_of(experiment: ExperimentConfig, begun: Journal | None = None) -> dict[str, NamedModel]:
    """The saved models that `model.parts` names; the model's file is read anew, where it is a user's own.

    Args:
        experiment: the request.
        begun: the run that goes on with what it began with; None: a new one.

    Raises:
        RequestError: a name that is none of the model's parts, a part that is not named, one that there
            is not, or one that cannot be a part.
        ModelError: the files of one are gone, or damaged.
    """
    from sparkgen.models.discovery import declared_parts, look_up
    from sparkgen.models.parts import KEY, check_names

    config = experiment.model
    look_up(config.name)
    check_names(declared_parts(config.name), config.parts, model=config.name)
    if begun is not None:
        return {name: _left(experiment, begun, name) for name in config.parts}
    found = {}
    for name, named in config.parts.items():
        found[name] = named_part(experiment.environment, named, key=f"{KEY}.{name}")
        _check_own(found[name].packed, named, key=f"{KEY}.{name}")
    return found


def parts_at_hand(experiment: ExperimentConfig, *, resume: bool) -> dict[str, NamedModel]:
    """The parts of a training that is to begin, or to go on with what it began with; see `parts_of`."""
    begun = unfinished(experiment) if resume and experiment.model.parts else None
    return parts_of(experiment, begun)


def blueprints(parts: Parts) -> dict[str, Blueprint]:
    """What parts are built from."""
    return {name: describe(part.packed, called=part.uri) for name, part in parts.items()}


def tokenizer_to_come(
    dataset: DatasetConfig, models: Iterable[PortableModel]
) -> "Tokenizer | None":
    """The tokenizer that a data set is taken to have before its ingest makes it.

    Whether it is the one that the ingest makes is seen when the version is there.

    Args:
        dataset: the configuration.
        models: parts, or a judge, which are to have the same tokenizer.

    Returns:
        The first that one of them has; None: there is none, or the dataset names its own, or has no text.
    """
    if dataset.tokenizer is None or dataset.tokenizer.path is not None:
        return None
    found = (packed.spec.record.tokenizer for packed in models)
    return next((tokenizer for tokenizer in found if tokenizer is not None), None)


def leave_parts(experiment: ExperimentConfig, logger: RunLogger, parts: Parts) -> dict[str, str]:
    """Copies parts next to a run's checkpoints, so that workers need no tracking server.

    Returns:
        The tags that name them.
    """
    tags: dict[str, str] = {}
    for name, part in parts.items():
        store(part.packed, part_uri(checkpoint_uri(experiment, logger.run_id), name))
        tags |= part.tags(_tag(name))
    return tags


def _left(experiment: ExperimentConfig, begun: Journal, name: str) -> NamedModel:
    """A part that was left in the folder of a run."""
    tags, tag = begun.lineage, _tag(name)
    packed = pack(part_uri(checkpoint_uri(experiment, begun.run_id), name))
    origin = {word: tags[f"{tag}_{word}"] for word in ORIGIN if f"{tag}_{word}" in tags}
    return NamedModel(tags.get(tag, ""), origin, packed)


def _tag(name: str) -> str:
    return f"part_{name}"


def _check_own(packed: PortableModel, named: str, *, key: str) -> None:
    if packed.package is not None:
        raise RequestError(
            f"a model of sparkgen's own as {key}",
            found=f"{named}, which is {packed.description['name']} of a package of your own",
            mend="name the experiment of another",
        )
