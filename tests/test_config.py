import shutil
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


def test_the_data_lies_where_set_says_or_the_variable_or_the_environment_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def train(*overrides: str, env: str = "local") -> str:
        request = load_dataset(
            CONF / "datasets" / "tinyshakespeare.yaml", env=env, overrides=overrides
        )
        train = request.dataset.source.model_extra["train"]
        assert train == f"{request.environment.data}/tinyshakespeare.txt"
        return train.removesuffix("/tinyshakespeare.txt")

    monkeypatch.delenv("SPARKGEN_DATA", raising=False)
    assert train() == "data"
    assert train(env="prod") == "/Volumes/main/sparkgen/pipeline/data"
    assert train("environment.data=/set") == "/set"
    monkeypatch.setenv("SPARKGEN_DATA", "../elsewhere")
    assert train() == train(env="prod") == "../elsewhere"
    assert train("environment.data=/set") == "/set"
    monkeypatch.setenv("SPARKGEN_DATA", "")
    assert train() == "data"


def test_the_homes_of_data_sets_are_stated_with_a_digest_a_licence_and_a_citation() -> None:
    stated = set()
    for path in (CONF / "datasets").glob("*.yaml"):
        download = load_dataset(path, overrides=("environment.data=/somewhere",)).dataset.download
        if download is not None:
            stated.add(path.stem)
            assert download.licence
            assert download.citation
            assert all(file.sha256 or file.md5 for file in download.files)
    assert stated >= {"mnist", "mnist_idx", "fashion_mnist", "cifar10_binary", "tinyshakespeare"}


def test_set_takes_another_dataset_file_by_name_and_keys_of_it() -> None:
    changes = ("dataset.limit=9", "dataset=digits_156", "dataset.seed=4")
    dataset = load_experiment(DIGITS, overrides=changes).dataset
    assert (dataset.name, dataset.labels) == ("digits_156", (1, 5, 6))
    assert (dataset.limit, dataset.seed) == (9, 4)
    assert refusal("dataset=digit_156").count("did you mean digits_156?") == 1
    assert "dataset" in refusal("dataset=3")


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
    assert refusal(env="mars").endswith("found 'mars': choose one of dev, local, prod")


def test_an_unknown_key_is_named() -> None:
    assert "found training.epoch:" in refusal("training.epoch=3")


@pytest.mark.parametrize(
    ("override", "meant"),
    [
        ("training.epoch=3", "training.epochs"),
        ("trainig.epochs=3", "training"),
        ("epochs=3", "training.epochs"),
        ("training.lanes=4", "dataset.lanes"),
        ("gates=[{metrik: mse, max: 1}]", "gates.0.metric"),
        ("training.optimizers={model: {nme: adam}}", "training.optimizers.model.name"),
        ("environment.lancher=local", "environment.launcher"),
    ],
)
def test_the_key_that_was_meant_is_named(override: str, meant: str) -> None:
    assert refusal(override).endswith(f"did you mean {meant}?")


def test_a_key_unlike_any_other_is_answered_with_the_keys_of_its_section() -> None:
    keys = "kind, components, rows"
    assert refusal("density.zzzzzz=3").endswith(f"found density.zzzzzz: choose one of {keys}")


def test_a_misspelt_key_is_named_also_where_its_right_name_is_missing(tmp_path: Path) -> None:
    experiment = yaml.safe_load(DIGITS.read_text())
    experiment["training"]["epoch"] = experiment["training"].pop("epochs")
    for folder in ("datasets", "environments"):
        shutil.copytree(CONF / folder, tmp_path / folder)
    path = tmp_path / "experiments" / "x.yaml"
    path.parent.mkdir()
    path.write_text(yaml.safe_dump(experiment))
    assert refusal(path=path).endswith("did you mean training.epochs?")


def test_set_reads_numbers_with_exponents() -> None:
    request = load_experiment(DIGITS, overrides=("training.optimizer.learning_rate=3e-3",))
    assert request.training.optimizer.learning_rate == 0.003


def test_set_reaches_properties_of_spark_whose_names_have_dots() -> None:
    changes = ("environment.spark.spark.executor.memory=4g", "environment.spark.spark.cores.max=8")
    spark = load_experiment(DIGITS, overrides=changes).environment.spark
    assert spark["spark.executor.memory"] == "4g"
    assert spark["spark.cores.max"] == "8"
    assert spark["spark.ui.enabled"] == "false"
    whole = "environment.spark={spark.ui.enabled: true, spark.cores.max: 8}"
    spark = load_experiment(DIGITS, overrides=(whole,)).environment.spark
    assert spark == {"spark.ui.enabled": "true", "spark.cores.max": "8"}


def test_a_property_that_spark_would_not_read_is_refused() -> None:
    line = refusal("environment.spark.executor.memory=4g")
    assert line.endswith("names of properties start with spark., found executor.memory")


def test_labels_that_are_no_classes_are_refused() -> None:
    assert "0 to 9 or names of classes, found 10" in refusal("dataset.labels=[1, 10]")
    assert "found fuor" in refusal("dataset.labels=[fuor]")
    named = "dataset.class_names=[cat, dog]"
    assert "found cow; did you mean" not in refusal(named, "dataset.labels=[cow, dog]")
    assert "found dgo; did you mean dog?" in refusal(named, "dataset.labels=[dgo]")
    from_one = 'dataset.class_names=["1", "2"]'
    assert "whether 1 is a number or a name" in refusal(from_one, "dataset.labels=[1]")
    quoted = load_experiment(DIGITS, overrides=(from_one, 'dataset.labels=["1"]')).dataset
    assert quoted.label_numbers(quoted.class_names) == (0,)
    assert "labels must name a class" in refusal("dataset.labels=[]")


def test_set_of_an_entry_of_a_list_is_refused_with_the_way_to_set_the_list() -> None:
    assert refusal("gates.0.max=3").endswith("set the whole list: --set 'gates=[...]'")


def test_set_makes_a_section_of_what_is_none() -> None:
    request = load_experiment(DIGITS, overrides=("training.early_stopping.patience=3",))
    assert request.training.early_stopping.patience == 3


def test_a_key_that_set_gives_twice_in_one_value_is_refused() -> None:
    assert "the key name of line 1 once more" in refusal(
        "training.optimizer={name: adam, name: sgd}"
    )


@pytest.mark.parametrize("key", ["root", "data", "datasets", "tracking_uri", "experiment"])
@pytest.mark.parametrize("value", ["''", "'  '", r'"a\nb"', r'"a\0b"'])
def test_a_path_without_a_letter_or_with_more_than_a_line_is_refused(key: str, value: str) -> None:
    assert f"a valid environment.{key}" in refusal(f"environment.{key}={value}")


def test_an_empty_root_is_refused() -> None:
    with pytest.raises(RequestError, match="must not be empty"):
        load_environment(CONF, root="")


def test_only_the_root_stands_in_braces() -> None:
    assert "found {rot} in {rot}/x" in refusal("environment.datasets='{rot}/x'")
    assert "found {dta}" in refusal("dataset.source={format: libsvm, train: '{dta}/x'}")


@pytest.mark.parametrize("section", ["training", "dataset", "evaluation", "sampling"])
def test_seeds_have_32_bits(section: str) -> None:
    load_experiment(DIGITS, overrides=(f"{section}.seed=4294967295",))
    assert "less than 4294967296" in refusal(f"{section}.seed=4294967296")


def test_a_prefix_that_no_registry_takes_is_refused() -> None:
    assert "a valid environment.model_prefix" in refusal("environment.model_prefix=team/")


def test_numbers_are_finite() -> None:
    assert "finite number" in refusal("training.optimizer.learning_rate=.inf")


def test_a_file_of_the_other_kind_is_recognised() -> None:
    assert "the file of a dataset: sparkgen ingest takes it" in refusal(
        path=CONF / "datasets" / "digits.yaml"
    )
    with pytest.raises(RequestError, match="the file of an experiment: sparkgen run takes it"):
        load_dataset(DIGITS)


def test_an_environment_passes_over_other_sections_but_not_over_misspelt_ones() -> None:
    load_environment(CONF, overrides=("training.epochs=3",))
    with pytest.raises(RequestError, match=r"did you mean environment\?"):
        load_environment(CONF, overrides=("environmnt.workers=3",))


def test_a_wrong_type_is_shown_as_it_was_found() -> None:
    line = refusal("training.epochs=three")
    assert "training.epochs" in line
    assert "'three'" in line
    assert "valid integer" in line


def test_a_value_out_of_range_is_refused() -> None:
    assert "greater than or equal to 0" in refusal("training.epochs=-1")


def test_a_batch_that_is_no_multiple_of_the_lanes_is_refused_with_the_next_ones() -> None:
    assert "set it to 96 or 104" in refusal("training.batch_size=100")


def test_workers_that_do_not_divide_the_lanes_are_refused_with_those_that_do() -> None:
    assert "set it to 1, 2, 4, 8" in refusal("environment.workers=3")


def test_shards_that_are_no_multiple_of_the_lanes_are_refused() -> None:
    assert "multiple of the 8 lanes, found 12" in refusal("dataset.shards=12")


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


def test_a_dataset_file_outside_conf_takes_the_environments_of_conf(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes((CONF / "datasets" / "digits.yaml").read_bytes())
    monkeypatch.chdir(CONF.parent)
    assert load_dataset(path).environment == load_dataset(CONF / "datasets/digits.yaml").environment
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RequestError, match="environments"):
        load_dataset(path)


def test_an_unknown_dataset_is_refused_with_those_there_are(tmp_path: Path) -> None:
    experiment = yaml.safe_load(DIGITS.read_text()) | {"dataset": "letters"}
    for folder in ("experiments", "datasets"):
        (tmp_path / folder).mkdir()
    (tmp_path / "datasets" / "digits.yaml").touch()
    path = tmp_path / "experiments" / "letters.yaml"
    path.write_text(yaml.safe_dump(experiment))
    line = refusal(path=path)
    assert line.endswith("datasets, found 'letters': choose one of digits")


def test_every_refusal_is_one_line() -> None:
    assert "\n" not in refusal("training.optimizer={name: adam,\n learning_rat: 1}")


def test_class_names_that_are_given_twice_are_refused() -> None:
    line = refusal("dataset.class_names=[a, b, c, b, a]")
    assert "class_names must differ, found a, b more than once" in line


def test_a_dataset_without_a_class_is_refused() -> None:
    line = refusal("dataset.class_names=[]")
    assert "a valid dataset.class_names" in line
    assert "at least 1 item" in line
