"""What the help says of the keys of a request."""

import pytest

from sparkgen.config.keys import dotted_keys
from sparkgen.config.request import ExperimentConfig
from sparkgen.ingest.sources import source_configs
from sparkgen.manual import Key, request_sections, source_sections

SECTIONS = {section.title: section for section in request_sections()}
KEYS = {key.name: key for section in SECTIONS.values() for key in section.keys}


def test_every_key_of_a_request_is_in_the_manual() -> None:
    names = {
        name.replace("gates.", "gates[].").replace("download.files.", "download.files[].")
        for name in dotted_keys(ExperimentConfig)
    }
    # A group of `training.optimizers` has the keys of `training.optimizer`.
    # The keys of `dataset.source` stand under its formats.
    elsewhere = ("training.optimizers.", "dataset.source.")
    assert {name for name in names if not name.startswith(elsewhere)} <= set(KEYS)
    assert "training.optimizers" in KEYS


def test_each_format_of_a_source_has_its_own_keys_under_its_own_heading() -> None:
    formats = source_configs()
    first = "builtin cifar csv idx images json_lines labelled_text libsvm list numpy table"
    names = f"{first} text webdataset"
    assert " ".join(formats) == names
    for section, (name, kind) in zip(source_sections(), formats.items(), strict=True):
        assert section.title == f"dataset.source of format {name}"
        assert section.names == list(kind.model_fields)
        assert SECTIONS[section.title] == section


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("training.epochs", "training.epochs  [whole number >= 0; default 0]"),
        ("dataset.shape", "dataset.shape  [list of whole numbers; required]"),
        ("dataset.validation_fraction", "[number >= 0 and < 1; default 0.1]"),
        ("training.max_steps", "[whole number > 0 or null; default null]"),
        ("training.optimizer.schedule.boundaries", "[list of whole numbers > 0; default []]"),
        ("environment.launcher", "[one of in-process, local, spark; default local]"),
        ("environment.model_prefix", '[text; default ""]'),
        ("evaluation.judge", "[text or null; default null]"),
        ("gates", "[list of sections; default []]"),
    ],
)
def test_a_key_says_what_it_may_be_and_what_it_is_by_default(name: str, title: str) -> None:
    assert KEYS[name].title.endswith(title)


def test_a_meaning_is_the_docstring_under_the_field_in_one_line() -> None:
    assert KEYS["dataset.shard_rows"].meaning.startswith("Rows a file, about, where `shards` is")
    assert "\n" not in KEYS["dataset.shard_rows"].meaning
    assert SECTIONS["training.optimizer"].meaning == "A Keras optimizer."


def test_every_key_of_experiments_and_environments_has_a_meaning() -> None:
    def unexplained(key: Key) -> bool:
        return not key.meaning and not key.name.startswith("dataset.")

    assert [key.name for key in KEYS.values() if unexplained(key)] == []


def test_sections_may_be_chosen_by_their_first_word() -> None:
    titles = [section.title for section in request_sections({"dataset"})]
    formats = [f"dataset.source of format {name}" for name in source_configs()]
    named = ("captions", "download", "download.files[]", "tokenizer")
    sections = [f"dataset.{name}" for name in named]
    assert sorted(titles) == sorted(["dataset", *formats, *sections])


def test_the_help_of_the_program_names_every_key_of_every_section(sparkgen) -> None:
    said = sparkgen("--help")
    assert said.status == 0
    text = " ".join(said.out.split())
    for section in SECTIONS.values():
        assert f"{section.title}: {', '.join(section.names)}" in text


@pytest.mark.parametrize(
    ("command", "there", "absent"),
    [
        (
            "ingest",
            ["dataset.lanes", "dataset.download.files[].sha256"],
            ["training.epochs", "gates[].metric"],
        ),
        ("train", ["training.epochs", "dataset.lanes", "gates[].metric", "environment.data"], []),
        ("doctor", ["environment.data"], ["dataset.lanes", "training.epochs"]),
    ],
)
def test_the_help_of_a_command_says_of_its_keys_what_they_mean(
    sparkgen, command: str, there: list[str], absent: list[str]
) -> None:
    said = sparkgen(command, "--help")
    assert said.status == 0
    text = " ".join(said.out.split())
    for name in there:
        assert " ".join([*KEYS[name].title.split(), KEYS[name].meaning]) in text
    for name in absent:
        assert f"{KEYS[name].name} [" not in text


def test_the_help_of_a_command_puts_the_keys_of_a_format_under_its_heading(sparkgen) -> None:
    _, _, after = sparkgen("ingest", "--help").out.partition("dataset.source of format idx:\n")
    idx, _, _ = after.partition("dataset.source of format")
    assert "dataset.source.train_images" in idx
    assert "dataset.source.value_max" not in idx
