"""Checks the parts of a model: the other models that it stands on, by the names that it has for them.

A model's file says in `PARTS` what each must be. A part is frozen and computes in float32. Its weights
lie among those of the model that stands on it.
"""

from collections.abc import Collection, Mapping
from types import MappingProxyType, ModuleType
from typing import Any

from sparkgen.config.nearest import choose
from sparkgen.datasets.records import DataSpec
from sparkgen.errors import RequestError
from sparkgen.models.contract import GenerativeModel, Part

KEY = "model.parts"
NO_PARTS: Mapping[str, Any] = MappingProxyType({})


def parts_in(module: ModuleType) -> Mapping[str, Part]:
    """The parts that a model's file declares, by name; empty where it declares none.

    Raises:
        RequestError: its `PARTS` are something else.
    """
    declared = getattr(module, "PARTS", NO_PARTS)
    if isinstance(declared, Mapping) and all(isinstance(p, Part) for p in declared.values()):
        return declared
    raise RequestError(
        f"PARTS, such as {{'classifier': Part(classifies=True)}}, in {module.__name__}",
        found=repr(declared)[:200],
        mend="correct it; sparkgen.models.contract has Part",
    )


def check_names(declared: Mapping[str, Part], named: Collection[str], *, model: str) -> None:
    """Refuses parts that a model does not have, and the lack of those that it has.

    Args:
        declared: the model's `PARTS`.
        named: the names of the parts of a request.
        model: the model's name.

    Raises:
        RequestError: it names the first one.
    """
    if unknown := sorted(set(named) - set(declared)):
        among = f"{KEY} among {', '.join(declared)}, those of" if declared else f"no {KEY} for"
        mend = choose(unknown[0], sorted(declared)) if declared else "remove it"
        raise RequestError(f"{among} {model}", found=unknown[0], mend=mend)
    if missing := [name for name in declared if name not in named]:
        raise RequestError(
            f"{KEY}.{missing[0]} for {model}, which stands on {in_words(declared[missing[0]])}",
            found="none",
            mend=f"name the experiment of one, as {KEY}={{{missing[0]}: EXPERIMENT}}",
        )


def check_kinds(
    declared: Mapping[str, Part],
    parts: Mapping[str, GenerativeModel],
    spec: DataSpec,
    *,
    model: str,
) -> None:
    """Refuses parts that are not what a model needs.

    Args:
        declared: the model's `PARTS`.
        parts: the models, which may be outlines.
        spec: the data of the model that stands on them.
        model: its name.

    Raises:
        RequestError: it names the first one, and says what it should be.
    """
    for name, part in declared.items():
        found = parts[name]
        if fits(part, found, spec):
            continue
        of = (f" of {spec.record}" if part.records else "") + (
            f" in {spec.classes} classes" if part.classes else ""
        )
        raise RequestError(
            f"{in_words(part._replace(records=False, classes=False))}{of} as {KEY}.{name} of {model}",
            found=f"{found.blueprint.name} of {found.spec.record} in {found.spec.classes} classes",
            mend="name the experiment of one",
        )


def fits(part: Part, model: GenerativeModel, spec: DataSpec) -> bool:
    """Whether a model, or its outline, is what a part of a model of such data must be."""
    return (
        (model.classifies or not part.classifies)
        and (model.sees(spec.record) or not part.records)
        and (model.spec.classes == spec.classes or not part.classes)
        and (bool(model.activation_names) or not part.activations)
        and (model.writes or not part.writes)
        and (model.answers_questions or not part.answers)
    )


def freeze(part: GenerativeModel) -> None:
    """Keeps a part as it is, also where the model that stands on it is called in training."""
    import keras

    part.trainable = False
    for layer in part._flatten_layers(include_self=False, recursive=True):
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0


def in_words(part: Part) -> str:
    """What a part must be, as `a classifier of the same records and classes`."""
    kind = "a classifier" if part.classifies else "a model"
    if part.writes:
        kind += " that continues texts"
    if part.answers:
        kind += " that finds answers in texts"
    if part.activations:
        kind += " that tells what its layers answer"
    same = [word for word in ("records", "classes") if getattr(part, word)]
    return f"{kind} of the same {' and '.join(same)}" if same else kind
