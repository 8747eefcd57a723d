"""Folders and commits of the hub that name networks of text."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from sparkgen.config.saved_models import PartName
from sparkgen.datasets.files import digest
from sparkgen.errors import RequestError
from sparkgen.models.saving import load_model, load_packed
from sparkgen.pipeline.hugging_face import digest_of, files_of, save_network
from sparkgen.pipeline.networks import pretrained_network

FIXTURES = Path(__file__).parents[1] / "models" / "language" / "fixtures"
KEY = "model.parts.network"
COMMIT = "0123456789abcdef" * 2 + "01234567"


def continued(model, folder: Path) -> None:
    """Checks that a model continues prompts as the reference implementation does."""
    found = json.loads((folder / "reference.json").read_text())["found"]
    prompts = [one["prompt"] for one in found]
    noise = np.zeros((len(found), 4096), np.float32)
    made = model.generate(noise, {"prompt": prompts}, max_tokens=24, temperature=0.0)
    np.testing.assert_array_equal(made, [one["greedy"] for one in found])


def in_shards(folder: Path) -> None:
    """Divides the tensors of a folder into two files with an index."""
    data = (folder / "model.safetensors").read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    names = sorted(set(header) - {"__metadata__"})
    shards = {}
    for number, part in enumerate((names[::2], names[1::2])):
        entries, numbers = {}, b""
        for name in part:
            begin, end = header[name]["data_offsets"]
            at = [len(numbers), len(numbers) + end - begin]
            entries[name] = header[name] | {"data_offsets": at}
            numbers += data[8 + size + begin : 8 + size + end]
            shards[name] = f"model-{number}.safetensors"
        text = json.dumps(entries).encode()
        whole = len(text).to_bytes(8, "little") + text + numbers
        (folder / f"model-{number}.safetensors").write_bytes(whole)
    (folder / "model.safetensors").unlink()
    index = json.dumps({"weight_map": shards})
    (folder / "model.safetensors.index.json").write_text(index)


def test_a_folder_becomes_a_model_that_continues_texts_as_the_reference_does() -> None:
    folder = FIXTURES / "llama"
    found = pretrained_network(f"folder:{folder}", key=KEY)
    assert found is not None
    lines = "".join(
        f"{digest((folder / name).read_bytes())}  {name}\n"
        for name in ("config.json", "tokenizer.json", "model.safetensors")
    )
    assert found.origin == {"sha256": digest(lines.encode())}
    assert found.packed.description["name"] == "language.transformer"
    continued(load_packed(found.packed), folder)


def test_tensors_in_several_files_are_the_same_network(tmp_path: Path) -> None:
    folder = tmp_path / "gpt2"
    shutil.copytree(FIXTURES / "gpt2", folder)
    in_shards(folder)
    assert [file.name for file in files_of(str(folder), KEY)][2:] == [
        "model.safetensors.index.json",
        "model-0.safetensors",
        "model-1.safetensors",
    ]
    save_network(str(tmp_path / "model"), str(folder), KEY)
    save_network(str(tmp_path / "whole"), str(FIXTURES / "gpt2"), KEY)
    one, other = (load_model(tmp_path / name).get_weights() for name in ("model", "whole"))
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_digest_is_of_the_names_and_the_bytes_of_all_files(tmp_path: Path) -> None:
    shutil.copytree(FIXTURES / "gpt2", tmp_path / "gpt2")
    files = files_of(str(tmp_path / "gpt2"), KEY)
    before = digest_of(files)
    assert before == digest_of(files_of(str(FIXTURES / "gpt2"), KEY))
    config = files[0].read_text()
    files[0].write_text(config + " ")
    assert digest_of(files) != before


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda folder: (folder / "tokenizer.json").unlink(), "found no tokenizer.json"),
        (lambda folder: (folder / "model.safetensors").unlink(), "found no model.safetensors"),
        (
            lambda folder: (folder / "model.safetensors").write_bytes(b"no tensors"),
            "it does not begin as a .safetensors file",
        ),
        (
            lambda folder: (folder / "config.json").write_text("{"),
            "expected a network that is known",
        ),
        (
            lambda folder: (folder / "config.json").write_text('{"model_type": "t5"}'),
            "a network of the kind t5",
        ),
        (
            lambda folder: (folder / "tokenizer.json").write_text("{}"),
            "a tokenizer.json of the library tokenizers",
        ),
    ],
)
def test_a_folder_without_a_network_is_refused_in_one_line(
    tmp_path: Path, change, line: str
) -> None:
    folder = tmp_path / "gpt2"
    shutil.copytree(FIXTURES / "gpt2", folder)
    change(folder)
    with pytest.raises(RequestError) as error:
        files_of(str(folder), KEY)
        save_network(str(tmp_path / "model"), str(folder), KEY)
    assert line in str(error.value)
    assert "\n" not in str(error.value)


def test_another_digest_than_the_stated_one_is_refused() -> None:
    with pytest.raises(RequestError, match="a folder with the SHA-256 0000"):
        pretrained_network(f"folder:{FIXTURES / 'gpt2'}#sha256={'0' * 64}", key=KEY)


def test_a_network_of_the_hub_is_fetched_at_its_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    asked = []

    def fetch(name: str, **options: object) -> str:
        asked.append((name, options["revision"]))
        return str(FIXTURES / "llama")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fetch)
    found = pretrained_network(f"hf://owner/tiny-llama@{COMMIT}", key=KEY)
    assert asked == [("owner/tiny-llama", COMMIT)]
    assert found is not None
    assert found.origin["version"] == COMMIT
    assert found.packed == pretrained_network(f"folder:{FIXTURES / 'llama'}", key=KEY).packed


def test_a_network_that_cannot_be_fetched_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import huggingface_hub

    def fail(name: str, **options: object) -> str:
        raise OSError("no route\nto the hub")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fail)
    with pytest.raises(RequestError) as error:
        pretrained_network(f"hf://owner/name@{COMMIT}", key=KEY)
    assert "OSError no route to the hub" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["hf://owner/name", "hf://owner/name@main", "hf:owner", "folder:"])
def test_a_name_without_a_commit_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="40 digits"):
        TypeAdapter(PartName).validate_python(name)
