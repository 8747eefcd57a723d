"""Lists all models, and describes one of them: its docstring, its options, its experiments."""

import inspect
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sparkgen.config.options import Range
from sparkgen.config.tokenizer import TokenizerSection
from sparkgen.config.yaml_text import read_mapping, yaml_files
from sparkgen.datasets.records import DataSpec, ImageRecord, TokenRecord
from sparkgen.datasets.vocabulary import stand_in
from sparkgen.errors import RequestError
from sparkgen.manual import Key, Section, in_words, inner_sections, section_keys, written
from sparkgen.models.contract import GenerativeModel, Part
from sparkgen.models.discovery import declared_parts, kinds_of_records, model_module, outline
from sparkgen.models.names import model_names, own_names
from sparkgen.models.parts import KEY as PARTS
from sparkgen.models.parts import fits
from sparkgen.models.parts import in_words as part_in_words
from sparkgen.models.portable import Blueprint
from sparkgen.sampling.given import source_configs, source_names

log = logging.getLogger(__name__)

SPEC = DataSpec(ImageRecord((28, 28, 1)), 10)
TOKENIZER = stand_in(TokenizerSection(kind="words", size=256))
SPECS = (
    SPEC,
    DataSpec(TokenRecord((64,), TOKENIZER.size, TOKENIZER), 10),
    DataSpec(TokenRecord((64,)), 10),
)
"""The data that a model is outlined for, by the kinds of records; its options do not depend on it."""
CONDITIONAL = "conditional"
JSON_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string"}


def docstring(name: str) -> str:
    """The docstring of a model's file: the paper, the equation, and the differences from the paper.

    Raises:
        RequestError: there is no such model; it names the nearest one.
    """
    return inspect.cleandoc(model_module(name).__doc__ or "")


def summaries() -> dict[str, dict[str, str]]:
    """The first sentence of every model's docstring, by family, then by name."""
    found: dict[str, dict[str, str]] = {}
    for name in model_names():
        first = re.split(r"(?<=\.)\s", docstring(name), maxsplit=1)[0]
        found.setdefault(name.partition(".")[0], {})[name] = " ".join(first.split())
    return found


def option_sections(name: str) -> Iterator[Section]:
    """The options of a model: of its building, of `generate`, and the inputs that it takes besides noise.

    Options that are sections themselves follow the first one, then the parts of a model that has any.

    Where the model cannot be built with its default options, one section says so in place of the latter.
    """
    kind = model_module(name).Config
    built = section_keys(kind, "model.options.")
    yield Section("model.options", "How the model is built.", built)
    yield from inner_sections(kind, "model.options.")
    if parts := tuple(_part_keys(name)):
        told = "The models that it stands on: for each the experiment, whose champion it is."
        yield Section(PARTS, told, parts)
    try:
        model = _outlined(name, {})
        known = _generate_keys(model, meaning="")
        if CONDITIONAL in kind.model_fields:
            told = f"Not with the default options, but with model.options.{CONDITIONAL}=true."
            known = _generate_keys(_outlined(name, {CONDITIONAL: True}), meaning=told) | known
    except RequestError as error:
        yield Section("sampling.options, sampling.given", f"Cannot be told here: {error}", ())
        return
    told = "How the model generates; the ranges are those of the model with its default options."
    yield Section("sampling.options", told if known else "none", tuple(known.values()))
    takes = tuple(_given_keys(model))
    told = (
        f"What is given to it beside noise: {{from: SOURCE}}, one of {', '.join(source_names())}."
    )
    yield Section("sampling.given", told if takes else "none", takes)


def experiments_with(name: str, folder: Path) -> list[str]:
    """The names of the experiment files of a folder that use a model; bad files are only logged."""
    return [path.name for path in yaml_files(folder) if _model_of(path) == name]


def _outlined(name: str, options: dict[str, Any]) -> GenerativeModel:
    """An outline of a model, for a kind of record that the model learns from.

    Raises:
        RequestError: there is none with these options.
    """
    kinds = kinds_of_records(name)
    for spec in [spec for spec in SPECS if spec.record.kind in kinds] or SPECS:
        try:
            return outline(name, options, spec, parts=example_parts(name, spec))
        except RequestError as error:
            refused = error
        except Exception as error:  # the code may be a user's, and raise of every kind
            found = " ".join(f"{type(error).__name__}: {error}".split())[:200]
            expected = f"{name} to be built for {spec.record}"
            refused = RequestError(expected, found=found, mend="see its file")
    raise refused


def example_parts(name: str, spec: DataSpec) -> dict[str, Blueprint]:
    """For each part of a model the first of sparkgen's own models that can be it, with default options.

    Raises:
        RequestError: there is none for such data.
    """
    return {name: _example(part, spec) for name, part in declared_parts(name).items()}


def _example(part: Part, spec: DataSpec) -> Blueprint:
    for name in (*model_names(), *own_names()):
        if declared_parts(name) or spec.record.kind not in kinds_of_records(name):
            continue
        try:
            model = outline(name, {}, spec)
        except RequestError:
            continue
        if fits(part, model, spec):
            return model.blueprint
    raise RequestError(
        f"{part_in_words(part)} among sparkgen's own models for {spec.record}",
        found="none",
        mend="choose other data",
    )


def _part_keys(name: str) -> Iterator[Key]:
    for part, one in declared_parts(name).items():
        # Which tell the classes of ImageNet, if any.
        or_else = "" if one.classes else "Or pretrained weights, as package:efficientnet-lite0."
        yield Key(f"{PARTS}.{part}", f"an experiment of {part_in_words(one)}", None, or_else)


def given_sections() -> Iterator[Section]:
    """The keys of an entry of `sampling.given`, a section for each source."""
    for name, kind in source_configs().items():
        title = f"sampling.given.NAME from {name}"
        meaning = " ".join((kind.__doc__ or "").split())
        yield Section(title, meaning, section_keys(kind, "sampling.given.NAME."))


def _given_keys(model: GenerativeModel) -> Iterator[Key]:
    for given, one in model.given.items():
        needed = "{from: in_turn}" if one.what == "label" else None
        default = needed if one.required else "nothing"
        yield Key(f"sampling.given.{given}", one.what, default, "")


def _generate_keys(model: GenerativeModel, *, meaning: str) -> dict[str, Key]:
    return {
        option: Key(
            f"sampling.options.{option}",
            in_words(_schema(default, model.generate_ranges.get(option, Range()))),
            written(default),
            meaning,
        )
        for option, default in model.generate_options.items()
    }


def _schema(default: Any, bounds: Range) -> dict[str, Any]:
    """The JSON schema of an option: the type of its default, and its range."""
    if isinstance(default, list | tuple):
        return {"type": "array", "items": _schema(default[0], bounds) if default else {}}
    ends = {"minimum": bounds.least, "maximum": bounds.most}
    schema = {name: end for name, end in ends.items() if end is not None}
    return {"type": JSON_TYPES.get(type(default), ""), **schema}


def _model_of(path: Path) -> str | None:
    try:
        model = read_mapping(path).get("model")
    except RequestError as error:
        log.warning("passed over: %s", error)
        return None
    return model.get("name") if isinstance(model, dict) else None
