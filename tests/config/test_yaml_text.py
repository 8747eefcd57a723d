from pathlib import Path

import pytest
import yaml

from sparkgen.config.yaml_text import MOST_BYTES, parse_value, read_mapping
from sparkgen.errors import RequestError


def refusal(folder: Path, content: bytes) -> str:
    path = folder / "request.yaml"
    path.write_bytes(content)
    with pytest.raises(RequestError) as refused:
        read_mapping(path)
    assert "\n" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize(
    ("text", "number"), [("3e-3", 0.003), ("1E5", 1e5), ("-2.5e+1", -25.0), (".5e1", 5.0)]
)
def test_a_number_with_an_exponent_is_a_number(text: str, number: float) -> None:
    value = parse_value(text)
    assert isinstance(value, float)
    assert value == number


@pytest.mark.parametrize("text", ["4g", "e5", "1e", "2.18.1", "1e5x"])
def test_what_only_looks_like_a_number_is_a_text(text: str) -> None:
    assert parse_value(text) == text


def test_a_key_that_stands_twice_is_refused_with_both_lines(tmp_path: Path) -> None:
    line = refusal(tmp_path, b"name: a\ntraining:\n  epochs: 1\n  seed: 2\n  epochs: 3\n")
    assert "the key epochs of line 3 once more in line 5" in line


def test_keys_of_a_merged_mapping_may_be_set_anew() -> None:
    text = "base: &b {a: 1, b: 2}\nmade: {<<: *b, b: 3}"
    assert parse_value(text)["made"] == {"a": 1, "b": 3}


def test_what_two_names_stand_for_is_changed_in_one_place_only() -> None:
    values = parse_value("one: &o {rate: 1}\ntwo: *o")
    values["one"]["rate"] = 2
    assert values["two"] == {"rate": 1}


def test_a_text_that_grows_through_its_aliases_is_refused(tmp_path: Path) -> None:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]
    assert "more than 100000 values" in refusal(tmp_path, "\n".join(rows).encode())


def test_a_value_that_holds_itself_is_refused(tmp_path: Path) -> None:
    assert "more than 100000 values" in refusal(tmp_path, b"a: &a [*a]")


def test_values_nested_without_end_are_refused(tmp_path: Path) -> None:
    assert "nested too deeply" in refusal(tmp_path, b"a: " + b"[" * 20_000)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "found nothing"),
        (b"- a\n- b", "found a list"),
        (b"a:\n\tb: 1", "in line 2, column 1"),
        (b"a: caf\xe9", "save it as UTF-8"),
        (b"a: " + b"9" * 5000, "YAML in"),
        (b"a: !!python/object:os.system x", "YAML in"),
        (b"a: 1\n---\nb: 2", "YAML in"),
        (b"#" * (MOST_BYTES + 1), f"at most {MOST_BYTES} bytes"),
    ],
)
def test_a_file_that_is_no_request_is_refused_in_one_line(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    assert reason in refusal(tmp_path, content)


def test_a_folder_and_a_device_are_no_files(tmp_path: Path) -> None:
    for path, found in ((tmp_path, "a folder"), (Path("/dev/zero"), "no plain file")):
        with pytest.raises(RequestError, match=f"found {found}"):
            read_mapping(path)


def test_a_misspelt_file_is_answered_with_the_nearest_one(tmp_path: Path) -> None:
    for name in ("vae_mnist.yaml", "vae_digits.yaml", "gan_mnist.yaml"):
        (tmp_path / name).touch()
    with pytest.raises(RequestError, match=r"did you mean vae_mnist\.yaml\?"):
        read_mapping(tmp_path / "vae_mnst.yaml")


def test_a_text_that_is_no_yaml_is_no_value() -> None:
    with pytest.raises(yaml.YAMLError):
        parse_value("[1, 2")
