"""Describes models: what one is built from, and what a saved one says of itself in its `model.json`."""

from typing import Any

from sparkgen.config.experiment import DensityConfig
from sparkgen.credentials import hide_in
from sparkgen.datasets.files import digest
from sparkgen.datasets.record_entry import RecordEntry
from sparkgen.models.contract import GenerativeModel, Given
from sparkgen.models.portable import Blueprint, GivenEntry, Spec


def blueprint_of(
    model: GenerativeModel, *, name: str, options: dict[str, Any], density: DensityConfig
) -> Blueprint:
    """What a model with its parts is built from."""
    return Blueprint(
        name=name,
        options=options,
        spec=Spec.of(model.spec),
        density=density.model_dump(mode="json"),
        parts={part: one.blueprint for part, one in model.parts.items()},
    )


def description_of(
    model: GenerativeModel,
    *,
    name: str,
    options: dict[str, Any],
    density: DensityConfig,
    weights_sha256: str,
) -> dict[str, Any]:
    """The description of a model, of which `models.portable.Description` says what the entries mean."""
    description = {
        "name": name,
        "options": hide_in(options),
        "spec": Spec.of(model.spec).model_dump(mode="json", exclude_defaults=True),
        "density": density.model_dump(mode="json"),
        # For readers that do not build the model, such as the registry's signature.
        "parameters": model.count_learnt(),
        "conditional": model.conditional,
        "classifies": model.classifies,
        "generate_options": dict(model.generate_options),
        "weights_sha256": weights_sha256,
    }
    if model.parts:
        description["parts"] = {
            name: part.blueprint.model_dump(mode="json", exclude_defaults=True)
            for name, part in model.parts.items()
        }
    if model.given:
        description["given"] = {name: given_as_json(one) for name, one in model.given.items()}
    if model.makes != model.spec.record.bare:
        description["makes"] = RecordEntry.of(model.makes).model_dump(mode="json")
    if model.figure_names:
        description["figure_names"] = list(model.figure_names)
    if model.reads:
        description["reads"] = list(model.reads)
    if model.generate_ranges:
        description["generate_ranges"] = {k: list(v) for k, v in model.generate_ranges.items()}
    if model.source is not None:
        description["package_sha256"] = digest(model.source.archive)
        description["requirements"] = model.source.requirements
    return description


def given_as_json(given: Given) -> dict[str, Any]:
    """What `model.json` says of a thing that is given."""
    entry = GivenEntry(
        what=given.what, required=given.required, needs=given.needs, choices=given.choices
    )
    if (record := given.record) is not None:
        entry = entry.model_copy(update=RecordEntry.of(record).model_dump())
    return entry.model_dump(mode="json", exclude_defaults=True)
