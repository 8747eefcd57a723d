from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sparkgen.datasets.records import DataSpec, ImageRecord
from sparkgen.drawing.grids import image_grid
from sparkgen.errors import RequestError
from sparkgen.models.discovery import build_model
from sparkgen.notebook import Notebook, challenger, find_conf, nats, rows

CONF = Path(__file__).parents[1] / "conf"
VARIABLES = ("EXPERIMENT", "ENV", "ROOT", "SET")


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Opens a notebook with the environment variables given, and no others; the root is a scratch."""

    def opened(scope: dict[str, Any] | None = None, **variables: str) -> Notebook:
        for name in VARIABLES:
            monkeypatch.delenv(f"SPARKGEN_{name}", raising=False)
        for name, value in {"root": str(tmp_path), **variables}.items():
            monkeypatch.setenv(f"SPARKGEN_{name.upper()}", value)
        monkeypatch.chdir(CONF.parent / "notebooks")
        return Notebook("here", scope or {}, experiment="vae_digits")

    return opened


def test_a_notebook_is_about_its_own_experiment_unless_another_is_asked_for(ask: Any) -> None:
    assert ask().request().name == "vae_digits"
    assert ask(experiment="made_digits").request().name == "made_digits"
    assert ask(experiment="").request().name == "vae_digits"


def test_what_was_asked_for_goes_over_the_notebooks_own_changes(ask: Any) -> None:
    changes = ("training.epochs=7", "training.seed=3")
    book = ask(set="training.epochs=2;environment.workers=1")
    for experiment in (None, "made_digits"):
        request = book.request(experiment, *changes)
        assert (request.training.epochs, request.training.seed) == (2, 3)
        assert request.environment.workers == 1


def test_the_root_asked_for_takes_the_place_of_the_environments(ask: Any, tmp_path: Path) -> None:
    assert ask().request().environment.root == str(tmp_path)
    assert ask(root="").request().environment.root == "runs"


def test_where_there_are_widgets_they_are_asked_and_the_environment_is_not(ask: Any) -> None:
    made: dict[str, str] = {"experiment": "made_digits", "set": "training.epochs=4"}

    def text(name: str, default: str) -> None:
        made.setdefault(name, default)

    scope = {"dbutils": SimpleNamespace(widgets=SimpleNamespace(text=text, get=made.__getitem__))}
    request = ask(scope, experiment="gan_digits", set="training.epochs=9").request()
    assert (request.name, request.training.epochs) == ("made_digits", 4)
    assert set(made) == {"experiment", "env", "root", "set"}


def test_a_picture_is_kept_under_the_root_printed_and_shown(
    ask: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shown: list[Any] = []
    book = ask({"display": shown.append}, set="training.epochs=2")
    uri = book.picture("two", image_grid, np.zeros((2, 8, 8, 1), np.float32), columns=2)
    assert uri == str(tmp_path / "notebooks" / "here" / "two.png")
    assert capsys.readouterr().out.splitlines() == [uri]
    with Image.open(uri) as kept:
        assert np.array_equal(np.asarray(kept), np.asarray(shown[0]))


def test_tensors_may_stand_for_arrays_in_a_picture(ask: Any) -> None:
    from keras import ops

    uri = ask().picture("tensor", image_grid, ops.ones((4, 8, 8, 1)))
    assert Path(uri).is_file()


def test_the_nats_of_an_even_coin_a_pixel_are_log_two_a_pixel() -> None:
    options = {"binarisation": "threshold"}
    model = build_model("autoregressive.naive_bayes", options, DataSpec(ImageRecord((4, 4, 1)), 3))
    pixels = np.random.default_rng(0).random((5, 4, 4, 1), dtype=np.float32)
    found = {"id": np.arange(5), "label": np.zeros(5, np.int32), "image": pixels}
    assert nats(model, "exact", found) == pytest.approx(np.full(5, 16 * np.log(2)), rel=1e-5)


def test_more_importance_samples_give_a_bound_that_is_no_looser_on_average() -> None:
    model = build_model(
        "variational.vae", {"latent": 4, "hidden": [8]}, DataSpec(ImageRecord((4, 4, 1)), 3)
    )
    pixels = np.random.default_rng(0).random((200, 4, 4, 1), dtype=np.float32)
    found = {"id": np.arange(200), "label": np.zeros(200, np.int32), "image": pixels}
    one, many = (nats(model, "iwae", found, samples=k).mean() for k in (1, 50))
    assert many < one
    again = nats(model, "iwae", found, samples=50).mean()
    assert again == many


def test_what_is_not_there_yet_is_a_request_error(ask: Any, tmp_path: Path) -> None:
    request = ask().request()
    with pytest.raises(RequestError, match="run sparkgen train first"):
        challenger(request)
    with pytest.raises(RequestError, match="run sparkgen ingest"):
        rows(request)
    with pytest.raises(RequestError, match="checkout"):
        find_conf(tmp_path)


def test_conf_is_found_from_within_the_repository() -> None:
    assert find_conf(CONF.parent) == CONF
    assert find_conf(CONF.parent / "notebooks") == CONF
