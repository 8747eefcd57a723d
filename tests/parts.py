"""Models with the parts that they need, for the records that they are for."""

from functools import cache
from pathlib import Path
from typing import Any

from sparkgen.catalogue import example_parts
from sparkgen.config.experiment import DensityConfig
from sparkgen.config.tokenizer import TokenizerSection
from sparkgen.datasets.records import DataSpec, ImageRecord, TokenRecord
from sparkgen.datasets.tokenizer import Tokenizer
from sparkgen.datasets.vocabulary import WORD, of_names
from sparkgen.models.contract import GenerativeModel
from sparkgen.models.discovery import (
    build_model,
    build_part,
    kinds_of_records,
    model_names,
    outline,
)

EXPERIMENTS = Path(__file__).parents[1] / "conf" / "experiments"


@cache
def words() -> Tokenizer:
    """A tokenizer of a few words, each with the space before it, and of what is unknown."""
    names = [
        "\n",
        " ",
        "the",
        *(f" {word}" for word in ["a", "cat", "dog", "mat", "on", "ran", "sat", "the", "to"]),
    ]
    return of_names(names, WORD, TokenizerSection(kind="words"), end=True)


def is_of_text(name: str) -> bool:
    """Whether a model is for tokens, not for pictures."""
    return kinds_of_records(name) == ("tokens",)


def spec_of(name: str, shape: tuple[int, int, int] = (8, 8, 1)) -> DataSpec:
    """Data that a model is for: pictures in ten classes, or as many tokens as they have rows, and one."""
    if is_of_text(name):
        return DataSpec(TokenRecord((shape[0] + 1,), words().size, words()), 10)
    return DataSpec(ImageRecord(shape), 10)


def experiment_of(name: str) -> Path:
    """The file of a model's experiment that needs no download."""
    data = ("descriptions", "sentences") if is_of_text(name) else ("digits",)
    files = [EXPERIMENTS / f"{name.rpartition('.')[2]}_{one}.yaml" for one in data]
    return next((file for file in files if file.is_file()), files[0])


def outlined(name: str, options: dict[str, Any], spec: DataSpec) -> GenerativeModel:
    """The outline of a model, and of its parts."""
    return outline(name, options, spec, parts=example_parts(name, spec))


def names_that_learn(way: str) -> list[str]:
    """The names of the models that learn by `gradient`, by `counting` or `nothing`."""
    return [name for name in model_names() if outlined(name, {}, spec_of(name)).learns == way]


def built(
    name: str, options: dict[str, Any], spec: DataSpec, density: DensityConfig | None = None
) -> GenerativeModel:
    """A model with its variables made, and parts with weights of their own."""
    parts = {part: build_part(one) for part, one in example_parts(name, spec).items()}
    return build_model(name, options, spec, density, parts)
