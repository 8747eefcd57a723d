from pathlib import Path

import pytest
import yaml

from sparkgen.config.load import load_dataset, load_environment, load_experiment
from sparkgen.errors import RequestError

CONF = Path(__file__).parents[1] / "conf"
DIGITS = CONF / "experiments" / "dense_autoencoder_digits.yaml"


def refusal(*overrides: str, path: Path = DIGITS, env: str = "local") -> str:
    with pytest.raises(RequestError) as refused:
        load_experiment(path, env=env, overrides=overrides)
    return str(refused.value)


@pytest.mark.parametrize(
    "path", sorted((CONF / "experiments").glob("*.yaml")), ids=lambda p: p.stem
)
@pytest.mark.parametrize("env", ["local", "dev", "prod"])
def test_every_experiment_is_a_request_in_every_environment(path: Path, env: str) -> None:
    assert load_experiment(path, env=env).name == path.stem


@pytest.mark.parametrize("path", sorted((CONF / "datasets").glob("*.yaml")), ids=lambda p: p.stem)
def test_every_dataset_is_a_request_and_finds_its_sources_in_the_data_folder(path: Path) -> None:
    request = load_dataset(path, overrides=("environment.data=/somewhere",))
    assert request.dataset.name == path.stem
    assert "{data}" not in str(request.dataset.source)


def test_set_reaches_keys_of_the_experiment_its_dataset_and_its_environment() -> None:
    changes = ("training.epochs=3", "dataset.labels=[1, 5, 6]", "environment.workers=4")
    request = load_experiment(DIGITS, overrides=changes)
    assert request.training.epochs == 3
    assert request.dataset.labels == (1, 5, 6)
    assert request.environment.workers == 4


def test_set_makes_a_section_that_the_file_leaves_out() -> None:
    request = load_experiment(DIGITS, overrides=("training.optimizer.schedule.kind=cosine",))
    assert request.training.optimizer.schedule.kind == "cosine"


def test_root_moves_everything_that_is_written() -> None:
    environment = load_environment(CONF, root="/elsewhere")
    assert environment.path(environment.datasets) == "/elsewhere/datasets"
    assert environment.path(environment.tracking_uri) == "sqlite:////elsewhere/mlflow.db"


def test_a_missing_file_is_refused_with_the_files_there_are() -> None:
    line = refusal(path=CONF / "experiments" / "nothing.yaml")
    assert "nothing.yaml" in line
    assert "dense_autoencoder_digits.yaml" in line


def test_a_missing_environment_is_refused_with_those_there_are() -> None:
    assert "dev.yaml, local.yaml, prod.yaml" in refusal(env="mars")


def test_an_unknown_key_is_named() -> None:
    assert "found training.epoch:" in refusal("training.epoch=3")


def test_a_wrong_type_is_shown_as_it_was_found() -> None:
    line = refusal("training.epochs=three")
    assert "training.epochs" in line
    assert "'three'" in line
    assert "valid integer" in line


def test_a_value_out_of_range_is_refused() -> None:
    assert "greater than 0" in refusal("training.epochs=0")


def test_a_batch_that_is_no_multiple_of_the_lanes_is_refused_with_the_next_ones() -> None:
    assert "set it to 96 or 104" in refusal("training.batch_size=100")


def test_workers_that_do_not_divide_the_lanes_are_refused_with_those_that_do() -> None:
    assert "set it to 1, 2, 4, 8" in refusal("environment.workers=3")


def test_shards_that_are_no_multiple_of_the_lanes_are_refused() -> None:
    assert "multiple of the 8 lanes, found 12" in refusal("dataset.shards=12")


@pytest.mark.parametrize("text", [".inf", ".nan"])
def test_a_range_of_values_is_finite(text: str) -> None:
    changes = ("environment.data=/data", f"dataset.source.value_max={text}")
    with pytest.raises(RequestError, match=r"source\.\S*value_max.*finite number"):
        load_dataset(CONF / "datasets" / "mnist.yaml", overrides=changes)


def test_an_impossible_shape_is_refused() -> None:
    assert "[height, width, 1 or 3]" in refusal("dataset.shape=[8, 8, 2]")


def test_a_gate_without_a_bound_is_refused() -> None:
    assert "max, min or max_regression" in refusal("gates=[{metric: mse}]")


@pytest.mark.parametrize("override", ["training.epochs", "=3", "training..epochs=3"])
def test_set_without_a_key_or_a_value_is_refused_with_an_example(override: str) -> None:
    assert "e.g. --set training.epochs=3" in refusal(override)


def test_set_below_a_value_is_refused() -> None:
    assert "a section at name" in refusal("name.first=x")


@pytest.mark.parametrize(
    ("text", "reason"), [("a: [", "YAML in"), ("- a list", "a mapping in"), ("\0", "YAML in")]
)
def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "conf" / "experiments" / "broken.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    assert reason in refusal(path=path)


def test_an_unknown_dataset_is_refused_with_those_there_are(tmp_path: Path) -> None:
    experiment = yaml.safe_load(DIGITS.read_text()) | {"dataset": "letters"}
    for folder in ("experiments", "datasets"):
        (tmp_path / folder).mkdir()
    (tmp_path / "datasets" / "digits.yaml").touch()
    path = tmp_path / "experiments" / "letters.yaml"
    path.write_text(yaml.safe_dump(experiment))
    line = refusal(path=path)
    assert "letters.yaml" in line
    assert "choose one of digits.yaml" in line


def test_every_refusal_is_one_line() -> None:
    assert "\n" not in refusal("training.optimizer={name: adam,\n learning_rat: 1}")


def test_class_names_that_are_given_twice_are_refused() -> None:
    line = refusal("dataset.class_names=[a, b, c, b, a]")
    assert "class_names must differ, found a, b more than once" in line


def test_one_folder_for_two_splits_is_refused() -> None:
    source = "{format: images, path: somewhere, train: all, test: all}"
    assert "train and test must be two folders, found all" in refusal(f"dataset.source={source}")
