"""Builds models by dotted name, with their parts. There is no list to edit."""

import importlib
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any, cast

from pydantic import BaseModel

from sparkgen.config.experiment import DensityConfig
from sparkgen.config.load import parse
from sparkgen.config.nearest import choose
from sparkgen.datasets.records import DataSpec
from sparkgen.errors import RequestError
from sparkgen.models.contract import GenerativeModel, Part, empty_batch
from sparkgen.models.description import blueprint_of
from sparkgen.models.encoder_decoder import EncoderDecoder
from sparkgen.models.imports import top
from sparkgen.models.names import PRETRAINED, model_names, own_names
from sparkgen.models.package import carried_module, is_carried, load_package, source_of
from sparkgen.models.parts import NO_PARTS, check_kinds, check_names, freeze, parts_in
from sparkgen.models.portable import Blueprint


def model_module(name: str) -> ModuleType:
    """The file of a model; a `RequestError` where there is none.

    One of a user's own package is that which was looked up or loaded last.
    """
    if name in own_names():
        return importlib.import_module(f"sparkgen.models.{name}")
    return carried_module(name) if is_carried(name) else look_up(name)


def look_up(name: str) -> ModuleType:
    """The file of a model as it is now; one of a user's own package is read anew.

    Raises:
        RequestError: there is no such model, or its package cannot be used.
    """
    names = model_names()
    if name in names:
        return model_module(name)
    if name in own_names():
        raise RequestError(
            "a model that makes something or is trained here",
            found=f"{name}, which only stands as a part",
            mend="choose another model; see model.parts",
        )
    own = {"sparkgen", PRETRAINED, *map(top, names)}
    module = None if top(name) in own else load_package(name)
    if module is None:
        # By the model's own name, whatever stands before it; else by all letters.
        known = {one.rpartition(".")[2]: one for one in names}
        mend = choose(known.get(name.rpartition(".")[2], name), names)
        if top(name) not in own:
            mend += f"; for a module of your own, put the folder that has {top(name)} on PYTHONPATH"
        raise RequestError("a known model", found=repr(name), mend=mend)
    return module


def model_config(name: str, options: dict[str, Any]) -> BaseModel:
    """The options of a model, checked."""
    return parse(model_module(name).Config, dict(options), source=f"model.options of {name}")


def declared_parts(name: str) -> Mapping[str, Part]:
    """The parts that a model has, by name; empty for one that stands alone."""
    return parts_in(model_module(name))


def build_model(
    name: str,
    options: dict[str, Any],
    spec: DataSpec,
    density: DensityConfig | None = None,
    parts: Mapping[str, GenerativeModel] = NO_PARTS,
) -> GenerativeModel:
    """A model with its variables made, ready for weights or training.

    Args:
        name: of the model.
        options: its own.
        spec: the data that it is for.
        density: of its latents; None: the model's own.
        parts: the models that it stands on, by the names of its `PARTS`; they are frozen.

    Raises:
        RequestError: unknown model, unknown or wrong options or parts, or a shape the model cannot take.
    """
    import keras

    density = density or DensityConfig()
    model = _made(name, options, spec, density, parts)
    if model.has_latents:
        cast(EncoderDecoder, model).set_density(density.kind, density.components)
    if model.source is None and type(model).build is keras.Model.build:
        # Its layers make their variables in the call; Keras would trace the call for that beforehand.
        # A user's model may make layers there too.
        model.built = True
    model(empty_batch(spec, model.training_noise))
    return model


def outline(
    name: str,
    options: dict[str, Any],
    spec: DataSpec,
    density: DensityConfig | None = None,
    parts: Mapping[str, Blueprint] = NO_PARTS,
) -> GenerativeModel:
    """A model without variables, made in milliseconds: what kind it is, its terms and its options.

    No device is touched, so workers of this machine find its memory free. `parts` says what models it
    stands on.

    Raises:
        RequestError: as `build_model`.
    """
    import keras

    with keras.StatelessScope(initialize_variables=False):
        outlined = {part: build_part(blueprint, _made) for part, blueprint in parts.items()}
        return _made(name, options, spec, density or DensityConfig(), outlined)


def build_part(
    blueprint: Blueprint, make: Callable[..., GenerativeModel] = build_model
) -> GenerativeModel:
    """A part of a model, without its weights, and its own parts; `make` makes each as `build_model` does.

    Raises:
        RequestError: as `build_model`, or one is from a user's own package.
    """
    if blueprint.name not in own_names():
        raise RequestError(
            "models of sparkgen's own as parts",
            found=blueprint.name,
            mend="name the experiment of another: a model of a package of your own cannot be a part",
        )
    parts = {name: build_part(one, make) for name, one in blueprint.parts.items()}
    density = parse(DensityConfig, blueprint.density, source="density")
    return make(blueprint.name, blueprint.options, blueprint.spec.data_spec(), density, parts)


def _made(
    name: str,
    options: dict[str, Any],
    spec: DataSpec,
    density: DensityConfig,
    parts: Mapping[str, GenerativeModel],
) -> GenerativeModel:
    config, declared = model_config(name, options), declared_parts(name)
    check_names(declared, parts, model=name)
    check_kinds(declared, parts, spec, model=name)
    _check_record(kinds_of_records(name), spec, name)  # before it is built of what it cannot take
    for part in parts.values():
        freeze(part)
    ordered = {part: parts[part] for part in declared}  # as are their weights in the file
    build = model_module(name).build
    model = build(config, spec, ordered) if declared else build(config, spec)
    if not isinstance(model, GenerativeModel):
        raise RequestError(
            f"a sparkgen.models.contract.GenerativeModel from build(config, spec) of {name}",
            found=type(model).__name__,
            mend="derive the model from it",
        )
    model.source = source_of(name)
    if declared:
        model.parts = ordered
    model.blueprint = blueprint_of(model, name=name, options=options, density=density)
    _check_record(model.records, spec, name)
    if density.kind != "prior" and not model.has_latents:
        raise RequestError(
            f"density.kind prior for {name}, which has no latents",
            found=density.kind,
            mend="remove the density section",
        )
    if model.has_latents:
        cast(EncoderDecoder, model).expect_density(density.kind)
    return model


def kinds_of_records(name: str) -> tuple[str, ...]:
    """The kinds of records that the models in a model's file learn from; empty where it has none."""
    kinds = [one for one in vars(model_module(name)).values() if isinstance(one, type)]
    models = {one for one in kinds if issubclass(one, GenerativeModel)} - {GenerativeModel}
    return tuple(sorted({kind for model in models for kind in model.records}))


def _check_record(kinds: Sequence[str], spec: DataSpec, name: str) -> None:
    if kinds and spec.record.kind not in kinds:
        raise RequestError(
            f"{' or '.join(kinds)} records for {name}",
            found=spec.record.kind,
            mend="choose another model or another dataset",
        )
