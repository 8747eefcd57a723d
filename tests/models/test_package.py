"""Models from packages that are no part of sparkgen: found, carried along, and refused in one line."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pytest

from sparkgen.datasets.records import DataSpec, ImageRecord
from sparkgen.errors import ModelError, RequestError
from sparkgen.models.contract import GenerativeModel
from sparkgen.models.discovery import build_model, look_up, model_module, outline
from sparkgen.models.imports import Package
from sparkgen.models.portable import PACKAGE_FILE, pack
from sparkgen.models.saving import load_model, save_model

SPEC = DataSpec(ImageRecord((4, 4, 1)), 3)
MODEL = """
from keras import ops
from sparkgen.config.strict import Strict
from sparkgen.layers.compiled import compiled
from sparkgen.models.contract import GenerativeModel
from sparkgen.noise import NoiseSpec
from {where} import grey

class Config(Strict):
    pass

class Grey(GenerativeModel):
    loss_names = ("none",)

    def __init__(self, spec):
        super().__init__(spec, name="grey")
        self.noise = NoiseSpec((1,))
        self.level = self.add_weight(shape=(), name="level")
        self.draw = compiled(lambda noise: grey(noise, self.spec.shape))

    def make(self, noise, given):
        return self.draw(noise)

    def loss_terms(self, batch, *, training):
        return {{"none": 0.0 * batch["weight"]}}

def build(config, spec):
    return Grey(spec)
"""
GREY = """
from keras import ops

def grey(noise, shape):
    if ops.max(noise) >= 0:  # a tensor: read from the source by AutoGraph
        return ops.full((len(noise), *shape), {level})
    return ops.zeros((len(noise), *shape))
"""


@pytest.fixture(autouse=True)
def no_packages_are_left() -> Iterator[None]:
    yield
    for package in [one for one in sys.meta_path if isinstance(one, Package)]:
        sys.meta_path.remove(package)
        for name in [name for name in sys.modules if name.partition(".")[0] == package.name]:
            del sys.modules[name]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on this process's path."""
    path = tmp_path / "path"
    path.mkdir()
    monkeypatch.syspath_prepend(str(path))
    return path


def write_grey(folder: Path, level: float) -> None:
    """A package of three files, which import each other."""
    package = folder / "shades"
    (package / "deep").mkdir(parents=True, exist_ok=True)
    (package / "__init__.py").write_text("")
    (package / "levels.py").write_text(GREY.format(level=level))
    (package / "deep" / "grey.py").write_text(MODEL.format(where="..levels"))


def saved(folder: Path, name: str = "shades.deep.grey") -> Path:
    look_up(name)
    keras.utils.set_random_seed(0)
    save_model(folder, build_model(name, {}, SPEC), name=name, options={})
    return folder


def level_of(folder: Path) -> float:
    return made_by(load_model(folder))


def made_by(model: GenerativeModel) -> float:
    return float(np.max(model.generate(np.zeros((2, 1), np.float32))))


def test_two_versions_of_a_package_are_loaded_each_with_its_own_source(
    folder: Path, tmp_path: Path
) -> None:
    write_grey(folder, 0.25)
    first = saved(tmp_path / "first")
    write_grey(folder, 0.75)
    second = saved(tmp_path / "second")
    (folder / "shades" / "levels.py").write_text("raise RuntimeError('not looked at')")
    # Traced by AutoGraph and saved after another version was loaded, each is still its own.
    both = [load_model(one) for one in (first, second)]
    assert [made_by(model) for model in both] == [0.25, 0.75]
    save_model(tmp_path / "copy", both[0], name="shades.deep.grey", options={})
    assert [level_of(one) for one in (first, second, first)] == [0.25, 0.75, 0.25]
    assert level_of(tmp_path / "copy") == 0.25
    assert pack(first).weights == pack(second).weights
    assert pack(first).digest != pack(second).digest
    assert pack(first) == pack(saved_again(folder, tmp_path))


def saved_again(folder: Path, tmp_path: Path) -> Path:
    write_grey(folder, 0.25)
    return saved(tmp_path / "again")


def test_a_model_may_be_a_single_file(folder: Path, tmp_path: Path) -> None:
    (folder / "one_file.py").write_text(
        MODEL.format(where="math").replace("import grey", "import pi") + GREY.format(level=0.5)
    )
    (folder / "unused.py").write_text("raise RuntimeError")
    model = saved(tmp_path / "model", "one_file")
    (folder / "one_file.py").unlink()
    assert level_of(model) == 0.5


def test_a_package_in_a_zip_archive_makes_the_same_model_as_in_a_folder(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `spark-submit --py-files` gives it."""
    write_grey(folder, 0.25)
    (folder / "one_file.py").write_text(
        MODEL.format(where="math").replace("import grey", "import pi") + GREY.format(level=0.5)
    )
    names = ("shades.deep.grey", "one_file")
    before = [pack(saved(tmp_path / name, name)) for name in names]
    archive = shutil.make_archive(str(tmp_path / "mine"), "zip", folder)
    shutil.rmtree(folder)
    monkeypatch.syspath_prepend(archive)
    assert [pack(saved(tmp_path / f"zip-{name}", name)) for name in names] == before


def test_a_saved_model_alone_imports_nothing_that_is_installed(
    folder: Path, tmp_path: Path
) -> None:
    write_grey(folder, 0.25)
    model = saved(tmp_path / "model")
    data = (model / PACKAGE_FILE).read_bytes()
    (model / PACKAGE_FILE).write_bytes(data[:-30] + b"\0" + data[-29:])
    with pytest.raises(ModelError, match=f"{model}/{PACKAGE_FILE}, found another: it is damaged"):
        load_model(model)
    (model / PACKAGE_FILE).unlink()
    with pytest.raises(ModelError, match="a saved model in"):
        load_model(model)
    plain = tmp_path / "plain"
    name = "reconstruction.linear_autoencoder"
    save_model(plain, build_model(name, {"latent": 2}, SPEC), name=name, options={"latent": 2})
    described = (plain / "model.json").read_text().replace(name, "shades.deep.grey")
    (plain / "model.json").write_text(without_seal(described))
    with pytest.raises(ModelError, match=r"found shades\.deep\.grey without a model of sparkgen"):
        load_model(plain)


def without_seal(described: str) -> str:
    lines = described.splitlines()
    return "\n".join(line for line in lines if "sealed_sha256" not in line)


def test_another_package_that_a_model_imports_does_not_travel_and_is_named(
    folder: Path, tmp_path: Path
) -> None:
    (folder / "other_package.py").write_text(GREY.format(level=0.5))
    (folder / "one_file.py").write_text(MODEL.format(where="other_package"))
    model = saved(tmp_path / "model", "one_file")
    (folder / "other_package.py").unlink()
    for name in ("other_package", "one_file"):
        del sys.modules[name]
    with pytest.raises(
        ModelError, match=r"no module named other_package: install it; .*\.py files"
    ):
        load_model(model)


@pytest.mark.parametrize(
    ("name", "source", "line"),
    [
        (
            "nowhere.model",
            "",
            "found 'nowhere.model': .*put the folder that has nowhere on PYTHONPATH",
        ),
        ("variational.vea", "", r"did you mean variational\.vae\? choose one of [^;]*$"),
        ("vae", "", r"did you mean variational\.vae\?.*put the folder that has vae on PYTHONPATH"),
        ("sparkgen.models.variational.vae", "", r"did you mean variational\.vae\?"),
        ("theirs.modle", "", r"found theirs\.model in theirs: did you mean theirs\.model\?"),
        ("theirs.model", "import not_installed", "found no module named not_installed: install it"),
        (
            "theirs.model",
            "a = = 1",
            "a module theirs.model that can be imported, found SyntaxError",
        ),
        ("theirs.model", "1 / 0", "found ZeroDivisionError: division by zero: correct it"),
        (
            "theirs.model",
            "def build(config, spec): ...",
            "expected Config, a pydantic model, and build",
        ),
        (
            "theirs.model",
            "class Config: ...\ndef build(): ...",
            "expected Config, a pydantic model",
        ),
        ("theirs.model", "{model}\nrequirements = 'a b'", "expected requirements, a list such as"),
        (
            "theirs.model",
            "{model}\ndef build(config, spec): return 3",
            "a .*GenerativeModel from build",
        ),
        ("", "", "expected a known model, found ''"),
        (".model", "", "expected a known model, found '.model'"),
        ("../theirs.model", "", "expected a known model, found '../theirs.model'"),
        ("math.model", "", "expected a package with model.name whose .py files lie in a folder"),
    ],
)
def test_what_is_no_model_is_refused_in_one_line(
    folder: Path, name: str, source: str, line: str
) -> None:
    (folder / "theirs").mkdir()
    model = MODEL.format(where="math").replace("import grey", "import pi")
    (folder / "theirs" / "model.py").write_text(source.replace("{model}", model))
    with pytest.raises(RequestError, match=line) as caught:
        look_up(name)
        outline(name, {}, SPEC)
    assert "\n" not in str(caught.value)


def test_a_package_that_is_refused_is_left_to_the_process_as_it_was(folder: Path) -> None:
    (folder / "plain").mkdir()
    (folder / "plain" / "__init__.py").write_text("kept = []")
    import plain

    with pytest.raises(RequestError, match=r"expected a module plain\.model, found none in plain"):
        look_up("plain.model")
    assert sys.modules["plain"] is plain
    assert not any(isinstance(one, Package) for one in sys.meta_path)


def test_a_version_that_is_refused_leaves_the_one_before_in_place(folder: Path) -> None:
    (folder / "one_file.py").write_text(
        MODEL.format(where="math").replace("import grey", "import pi") + GREY.format(level=0.5)
    )
    before = look_up("one_file")
    (folder / "one_file.py").write_text("1 / 0")
    with pytest.raises(RequestError, match="found ZeroDivisionError"):
        look_up("one_file")
    assert model_module("one_file") is before
    assert made_by(build_model("one_file", {}, SPEC)) == 0.5
