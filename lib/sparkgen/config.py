"""Typed, strict configuration: what every YAML file under `conf/` may say, and nothing else.

A request is an experiment with its dataset and its environment folded in, so that one dotted key
reaches every value: `--set training.epochs=3`, `--set dataset.labels=[1,5,6]`,
`--set environment.workers=4`.
"""

from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from sparkgen.errors import RequestError


class Strict(BaseModel):
    """A section that refuses unknown keys and does not turn one type into another."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


# -- datasets ------------------------------------------------------------------------------------


class LibsvmSource(Strict):
    """libsvm text: `label index:value ...`, indices ascending, `#` comments, plain, .gz or .bz2."""

    format: Literal["libsvm"]
    train: str
    test: str | None = None
    zero_based: bool = False
    """Indices start at 0 instead of 1."""
    value_min: float = 0.0
    value_max: float = 255.0
    """A value v becomes round((v - value_min) / (value_max - value_min) * 255); outside is an error."""


class ImageSource(Strict):
    """Image files in class folders, loose or inside .tar, .tar.gz or .zip archives."""

    format: Literal["images"]
    path: str
    """A folder or an archive that holds `<split>/<class>/<file>`."""
    train: str = "train"
    """The name of the training split inside `path`."""
    test: str | None = "test"
    resize: Literal["nearest", "bilinear", "bicubic", "lanczos"] = "lanczos"
    """The filter that scales the shorter side to the shape; the centre is then cropped."""
    background: Annotated[int, Field(ge=0, le=255)] = 255
    """The grey level that transparent pixels are laid over."""
    max_pixels: Annotated[int, Field(gt=0)] = 64_000_000
    """An image that declares more pixels than this is refused before it is decoded."""


class IdxSource(Strict):
    """idx files as MNIST and Fashion-MNIST ship, plain or .gz."""

    format: Literal["idx"]
    train_images: str
    train_labels: str
    test_images: str | None = None
    test_labels: str | None = None


class BuiltinSource(Strict):
    """A data set that comes with the program: `digits`, scikit-learn's handwritten digits."""

    format: Literal["builtin"]
    dataset: Literal["digits"] = "digits"


Source = Annotated[
    LibsvmSource | ImageSource | IdxSource | BuiltinSource, Field(discriminator="format")
]


class DatasetConfig(Strict):
    """One data set: where it comes from, what shape it has, how it is cut."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_]*$")]
    source: Source
    shape: tuple[int, int, int]
    """Height, width and channels (1 or 3) of every image. libsvm rows have H * W * C columns."""
    class_names: tuple[str, ...]
    labels: tuple[int, ...] | None = None
    """Keep only the records of these labels. Labels keep their numbers."""
    invert: bool = False
    """Store 255 - pixel."""
    limit: Annotated[int, Field(gt=0)] | None = None
    """Keep at most this many records of each split, the first in source order."""
    validation_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """The share of training records set aside, at random by the seed, as the validation split."""
    shards: Annotated[int, Field(gt=0)] | None = None
    """Files of the training split, a multiple of `lanes`; None: by `shard_rows`."""
    shard_rows: Annotated[int, Field(gt=0)] = 4096
    """Rows a file, about, where `shards` is not given."""
    lanes: Annotated[int, Field(gt=0)] = 8
    """The number of streams that training reads side by side; worker counts must divide it."""
    seed: Annotated[int, Field(ge=0)] = 0
    max_bad_fraction: Annotated[float, Field(ge=0, le=1)] = 0.01
    """Above this share of bad records the ingest fails and no version appears."""

    @field_validator("shape", "class_names", "labels", mode="before")
    @classmethod
    def _sequences_are_tuples(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    @model_validator(mode="after")
    def _shape_and_lanes_hold(self) -> "DatasetConfig":
        height, width, channels = self.shape
        if min(height, width) < 1 or channels not in (1, 3):
            raise ValueError(f"shape must be [height, width, 1 or 3], found {list(self.shape)}")
        if self.shards is not None and self.shards % self.lanes:
            raise ValueError(
                f"shards must be a multiple of the {self.lanes} lanes, found {self.shards}"
            )
        return self


# -- experiments ---------------------------------------------------------------------------------


class ModelConfig(Strict):
    """A model by its dotted name under `sparkgen.models`, and the options of its own `Config`."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9_]+\.[a-z0-9_]+$")]
    options: dict[str, Any] = {}


class DensityConfig(Strict):
    """The density fitted on training latents, from which an encoder-decoder generates."""

    kind: Literal["prior", "diagonal", "full", "mixture"] = "prior"
    """`prior`: the model's own N(0, I); the others are fitted on encoded training rows."""
    components: Annotated[int, Field(gt=0)] = 10
    """Gaussians of the mixture."""
    rows: Annotated[int, Field(gt=0)] = 20_000
    """Training rows encoded for the fit, at most."""


class ScheduleConfig(Strict):
    """How the learning rate goes with the optimizer's steps."""

    kind: Literal["constant", "cosine", "exponential", "piecewise"] = "constant"
    warmup_steps: Annotated[int, Field(ge=0)] = 0
    decay_steps: Annotated[int, Field(gt=0)] | None = None
    """Steps of the decay; None: all steps of the training."""
    final_fraction: Annotated[float, Field(ge=0, le=1)] = 0.0
    """The rate at the end, as a fraction of `learning_rate`."""
    boundaries: tuple[int, ...] = ()
    """Steps at which a piecewise rate is multiplied by `factor`."""
    factor: Annotated[float, Field(gt=0)] = 0.1

    @field_validator("boundaries", mode="before")
    @classmethod
    def _sequences_are_tuples(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value


class OptimizerConfig(Strict):
    """A Keras optimizer."""

    name: Literal["adam", "adamw", "sgd", "rmsprop", "adamax", "nadam", "lion"] = "adam"
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    options: dict[str, Any] = {}
    """Further arguments of the Keras class, such as `beta_1` or `clipnorm`."""
    schedule: ScheduleConfig = ScheduleConfig()


class EarlyStoppingConfig(Strict):
    """Stop when a validation figure no longer falls, and keep the best weights."""

    monitor: str = "val_loss"
    patience: Annotated[int, Field(ge=0)] = 5
    """Epochs without a better figure before training stops."""
    min_delta: Annotated[float, Field(ge=0)] = 0.0


class TrainingConfig(Strict):
    """How a model is trained. Nothing here depends on how many workers there are."""

    method: Literal["gradient", "counting"] = "gradient"
    """How the model learns: by gradient steps in the workers, or by counts that Spark sums."""
    epochs: Annotated[int, Field(gt=0)]
    batch_size: Annotated[int, Field(gt=0)]
    """Rows of a global batch, over all workers; a multiple of the dataset's lanes."""
    max_steps: Annotated[int, Field(gt=0)] | None = None
    """Stop after this many steps in all, also in mid-epoch."""
    seed: Annotated[int, Field(ge=0)] = 0
    optimizer: OptimizerConfig = OptimizerConfig()
    optimizers: dict[str, OptimizerConfig] = {}
    """By group, for models with several optimizers; a group not named here takes `optimizer`."""
    early_stopping: EarlyStoppingConfig | None = None
    mixed_precision: bool = False
    """Compute in float16 on GPUs that have it, bfloat16 elsewhere; weights stay float32."""
    compression: Literal["none", "fp16"] = "none"
    """How gradients travel between workers."""
    ema_momentum: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Keep an exponential moving average of the weights and finish with it."""
    jit_compile: bool = False
    deterministic: bool = True
    """Deterministic operations: the same run twice gives the same bits."""
    checkpoint_seconds: Annotated[float, Field(gt=0)] = 60.0
    """Seconds between checkpoints within an epoch; every epoch ends with one."""
    checkpoint_steps: Annotated[int, Field(gt=0)] | None = None
    """Steps between checkpoints, in place of `checkpoint_seconds`."""
    keep_checkpoints: Annotated[int, Field(gt=0)] = 2


class EvaluationConfig(Strict):
    """What the evaluate job computes on the whole test split."""

    split: Literal["test", "validation", "train"] = "test"
    likelihood_samples: Annotated[int, Field(gt=0)] = 50
    """Importance samples a row of bounds that have them."""
    batch_rows: Annotated[int, Field(gt=0)] = 100
    seed: Annotated[int, Field(ge=0)] = 0
    samples: Annotated[int, Field(ge=0)] = 500
    """Samples made for the yardstick: memorisation, and with a judge KID, FID and the others."""
    judge: str | None = None
    """The experiment of the classifier whose champion judges samples and gives their features."""


class SamplingConfig(Strict):
    """What the sample job makes."""

    count: Annotated[int, Field(gt=0)] = 100
    seed: Annotated[int, Field(ge=0)] = 0
    label: Annotated[int, Field(ge=0)] | None = None
    """The label of every sample of a conditional model; None: labels in turn."""
    options: dict[str, Any] = {}
    """Options of the model's `generate`."""
    batch_rows: Annotated[int, Field(gt=0)] = 100
    contact_sheet: Annotated[int, Field(gt=0)] = 100
    """Samples on the contact sheet, at most."""
    png: bool = False
    """Write one PNG file a sample as well."""


class Gate(Strict):
    """A bound that a metric of the evaluation must keep for a model to become champion."""

    metric: str
    max: float | None = None
    min: float | None = None
    max_regression: Annotated[float, Field(ge=0)] | None = None
    """Relative: no worse than the champion's figure by more than this share of it."""
    higher_is_better: bool = False
    """The direction `max_regression` looks in."""

    @model_validator(mode="after")
    def _has_a_bound(self) -> "Gate":
        if self.max is None and self.min is None and self.max_regression is None:
            raise ValueError("a gate needs max, min or max_regression")
        return self


MEMORISATION_GATE = Gate(metric="memorised", max=0.05)
"""Held by every experiment that samples and has no gate of its own on this figure. Images like the
held-out ones would give 0.01; see `sparkgen.evaluation.memorisation`."""


# -- environments --------------------------------------------------------------------------------


class EnvironmentConfig(Strict):
    """Where things are and what runs them. `{root}` in a value stands for `root`."""

    root: str = "runs"
    data: str = "data"
    """Where source files lie: stands for `{data}` at the start of a dataset's source path."""
    datasets: str = "{root}/datasets"
    checkpoints: str = "{root}/checkpoints"
    samples: str = "{root}/samples"
    tracking_uri: str = "sqlite:///{root}/mlflow.db"
    registry_uri: str | None = None
    """None: the tracking server's own registry."""
    artifacts: str | None = "{root}/artifacts"
    """Where the tracking server keeps artifacts; None: it decides."""
    experiment: str = "sparkgen"
    """The MLflow experiment."""
    model_prefix: str = ""
    """Goes before registered model names, such as `main.sparkgen.` under Unity Catalog."""
    launcher: Literal["in-process", "local", "spark"] = "local"
    workers: Annotated[int, Field(gt=0)] = 2
    threads_per_worker: Annotated[int, Field(gt=0)] | None = None
    """TensorFlow threads of a worker; None: the machine's cores over the workers on it."""
    max_restarts: Annotated[int, Field(ge=0)] = 2
    spark_master: str | None = None
    """None: what spark-submit or the cluster says."""
    spark: dict[str, str] = {}
    """Spark properties."""

    def path(self, value: str) -> str:
        """A value of this environment with `{root}` filled in."""
        return value.replace("{root}", self.root)


# -- requests ------------------------------------------------------------------------------------


class ExperimentConfig(Strict):
    """A whole request: an experiment with its dataset and its environment."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_]*$")]
    dataset: DatasetConfig
    model: ModelConfig
    training: TrainingConfig
    density: DensityConfig = DensityConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    sampling: SamplingConfig = SamplingConfig()
    gates: tuple[Gate, ...] = ()
    environment: EnvironmentConfig

    @field_validator("gates", mode="before")
    @classmethod
    def _sequences_are_tuples(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    @property
    def all_gates(self) -> tuple[Gate, ...]:
        """The gates, and the one on memorisation where it is not replaced."""
        own = any(gate.metric == MEMORISATION_GATE.metric for gate in self.gates)
        return (
            self.gates if own or not self.evaluation.samples else (*self.gates, MEMORISATION_GATE)
        )

    @model_validator(mode="after")
    def _batch_and_workers_fit_the_lanes(self) -> "ExperimentConfig":
        lanes, batch, workers = (
            self.dataset.lanes,
            self.training.batch_size,
            self.environment.workers,
        )
        if batch % lanes:
            below = max(lanes, batch // lanes * lanes)
            raise ValueError(
                f"training.batch_size must be a multiple of the {lanes} lanes, found {batch}; "
                f"set it to {below} or {below + lanes}"
            )
        if lanes % workers:
            raise ValueError(
                f"environment.workers must divide the {lanes} lanes, found {workers}; "
                f"set it to {', '.join(str(n) for n in range(1, lanes + 1) if lanes % n == 0)}"
            )
        return self


class DatasetRequest(Strict):
    """What `ingest` takes: a dataset and an environment."""

    dataset: DatasetConfig
    environment: EnvironmentConfig


Config = TypeVar("Config", bound=BaseModel)


def load_experiment(
    path: str | Path,
    *,
    env: str = "local",
    overrides: tuple[str, ...] = (),
    root: str | None = None,
) -> ExperimentConfig:
    """The request of an experiment file.

    The file lies in `conf/experiments`; its `dataset` names a file of `conf/datasets`, and `env` one
    of `conf/environments`.

    Args:
        path: the experiment's YAML file.
        env: name of the environment.
        overrides: `dotted.key=value`, the value in YAML.
        root: takes the place of the environment's `root`.

    Raises:
        RequestError: a file that is not there, an unknown key, a wrong type, a wrong value.
    """
    experiment = _read(Path(path))
    conf = Path(path).resolve().parent.parent
    if isinstance(experiment.get("dataset"), str):
        experiment["dataset"] = _read(conf / "datasets" / f"{experiment['dataset']}.yaml")
    experiment["environment"] = _environment(conf, env, root)
    values = _place_sources(_override(experiment, overrides))
    return parse(ExperimentConfig, values, source=str(path))


def load_dataset(
    path: str | Path,
    *,
    env: str = "local",
    overrides: tuple[str, ...] = (),
    root: str | None = None,
) -> DatasetRequest:
    """The request of a dataset file in `conf/datasets`; arguments as for `load_experiment`."""
    conf = Path(path).resolve().parent.parent
    request = {"dataset": _read(Path(path)), "environment": _environment(conf, env, root)}
    return parse(DatasetRequest, _place_sources(_override(request, overrides)), source=str(path))


def load_environment(
    conf: str | Path,
    *,
    env: str = "local",
    overrides: tuple[str, ...] = (),
    root: str | None = None,
) -> EnvironmentConfig:
    """An environment of the folder `conf`; arguments as for `load_experiment`."""
    values = _override({"environment": _environment(Path(conf), env, root)}, overrides)
    return parse(EnvironmentConfig, values["environment"], source=env)


def parse(kind: type[Config], values: dict[str, Any], *, source: str) -> Config:
    """`values` as a `kind`, or a `RequestError` whose one line names the first wrong key."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "the file"
        found = first["input"] if not isinstance(first["input"], dict) else "a mapping"
        if first["type"] == "extra_forbidden":
            raise RequestError(
                f"only known keys in {source}", found=key, mend="remove it or correct its name"
            ) from None
        raise RequestError(
            f"a valid {key} in {source}", found=repr(found), mend=first["msg"]
        ) from None


def _environment(conf: Path, env: str, root: str | None) -> dict[str, Any]:
    values = _read(conf / "environments" / f"{env}.yaml")
    return {**values, "root": root} if root is not None else values


def _place_sources(values: dict[str, Any]) -> dict[str, Any]:
    """The request with `{data}` filled in; what has not the form of one is left to `parse`."""
    dataset, environment = values.get("dataset"), values.get("environment")
    source = dataset.get("source") if isinstance(dataset, dict) else None
    if not isinstance(source, dict) or not isinstance(environment, dict):
        return values
    data = str(environment.get("data", EnvironmentConfig().data))
    for key, value in source.items():
        if isinstance(value, str) and value.startswith("{data}"):
            source[key] = data + value.removeprefix("{data}")
    return values


def _read(path: Path) -> dict[str, Any]:
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        there = sorted(p.name for p in path.parent.glob("*.yaml"))
        raise RequestError(
            f"a readable file {path}",
            found=type(error).__name__,
            mend=f"choose one of {', '.join(there)}" if there else "give the path of a YAML file",
        ) from None
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise RequestError(f"YAML in {path}", found=str(error), mend="correct the file") from None
    if not isinstance(values, dict):
        raise RequestError(f"a mapping in {path}", found=type(values).__name__, mend="see conf/")
    return values


def _override(values: dict[str, Any], overrides: tuple[str, ...]) -> dict[str, Any]:
    import yaml

    for override in overrides:
        key, equals, text = override.partition("=")
        if not equals or not all(key.split(".")):
            raise RequestError(
                "--set dotted.key=value", found=override, mend="e.g. --set training.epochs=3"
            )
        *parents, last = key.split(".")
        section = values
        for parent in parents:
            section = section.setdefault(parent, {})
            if not isinstance(section, dict):
                raise RequestError(
                    f"a section at {parent}", found=repr(section), mend=f"correct the key {key}"
                )
        try:
            section[last] = yaml.safe_load(text)
        except yaml.YAMLError:
            section[last] = text
    return values
