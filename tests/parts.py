"""Models with the parts that they need: for each one of sparkgen's own models that can be it."""

from typing import Any

from sparkgen.catalogue import example_parts
from sparkgen.config.experiment import DensityConfig
from sparkgen.datasets.records import DataSpec, ImageRecord
from sparkgen.models.contract import GenerativeModel
from sparkgen.models.discovery import build_model, build_part, model_names, outline


def outlined(name: str, options: dict[str, Any], spec: DataSpec) -> GenerativeModel:
    """The outline of a model, and of its parts."""
    return outline(name, options, spec, parts=example_parts(name, spec))


def names_that_learn(way: str) -> list[str]:
    """The names of the models that learn by `gradient`, by `counting` or `nothing`."""
    specs = {name: DataSpec(ImageRecord((8, 8, 1)), 10) for name in model_names()}
    return [name for name, spec in specs.items() if outlined(name, {}, spec).learns == way]


def built(
    name: str, options: dict[str, Any], spec: DataSpec, density: DensityConfig | None = None
) -> GenerativeModel:
    """A model with its variables made, and parts with weights of their own."""
    parts = {part: build_part(one) for part, one in example_parts(name, spec).items()}
    return build_model(name, options, spec, density, parts)
