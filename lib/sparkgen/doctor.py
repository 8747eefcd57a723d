"""Checks every part of the installation, such as packages, Java and memory, and reports problems."""

import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from sparkgen.config.environment import EnvironmentConfig
from sparkgen.credentials import hide
from sparkgen.datasets.storage import absolute, check_answers, is_remote
from sparkgen.distribution.backends import NONE, backend_of, choose_backend
from sparkgen.errors import RequestError
from sparkgen.feed.feeds import AUTO, FEEDS, choose_feed, why_not
from sparkgen.pipeline.master import check_master, check_memory, machine_bytes
from sparkgen.pipeline.places import first_existing, unwritable
from sparkgen.pipeline.session import find_java
from sparkgen.tracking.server import connect, tracking_uri

# One of the names in a row is enough: TensorFlow goes by several.
PACKAGES = (
    ("tensorflow", "tensorflow-cpu"),
    ("keras",),
    ("petastorm",),
    ("pyspark",),
    ("mlflow",),
    ("pyarrow",),
    ("numpy",),
    ("pandas",),
    ("pydantic",),
    ("pillow",),
)
OPTIONAL = ("petastorm",)  # something else does its work
JAVAS = {3: (8, 17), 4: (17, 21)}
"""The oldest and the newest Java that a major version of Spark is said to run on."""
LEAST_FREE_BYTES = 2**30


class Finding(NamedTuple):
    """The result for one part: what was found, what is wrong, and whether that stops the pipeline."""

    part: str
    found: str
    wrong: str = ""
    fatal: bool = True


class Examination(NamedTuple):
    """The results for all parts."""

    findings: tuple[Finding, ...]

    @property
    def problems(self) -> list[str]:
        """The problems that keep the pipeline from running, one text each."""
        return [f"{f.part}: {f.wrong}" for f in self.findings if f.wrong and f.fatal]

    def lines(self) -> list[str]:
        """A readable report, one line for each part."""
        lines = []
        for f in self.findings:
            mark = "ok" if not f.wrong else "WRONG" if f.fatal else "note"
            lines.append(f"{mark:<6}{f.part:<18}{f.found}" + (f" - {f.wrong}" if f.wrong else ""))
        return lines

    def summary(self) -> dict[str, Any]:
        """The report as JSON values: what was found, by part, and the problems."""
        return {"found": {f.part: f.found for f in self.findings}, "problems": self.problems}


def examine(environment: EnvironmentConfig) -> Examination:
    """Checks the machine, and the places and services that the environment names."""
    findings = [_python(), *_packages(), *_backend_and_devices(environment), _java(), _cores()]
    findings += [_memory(environment), _spark(environment), _root(environment)]
    findings += [_disk(environment), _feed(environment), _tracking(environment)]
    return Examination(tuple(findings))


def _python() -> Finding:
    version = platform.python_version()
    allowed = SpecifierSet(_said("Requires-Python"))
    wrong = "" if allowed.contains(version) else f"needs Python {allowed}"
    return Finding("python", f"{version} on {platform.system()} {platform.machine()}", wrong)


def _packages() -> Iterator[Finding]:
    needed = _requirements()
    for names in PACKAGES:
        versions = {name: _version(name) for name in names}
        name, version = next(((n, v) for n, v in versions.items() if v), (names[0], None))
        if version is None:
            yield Finding(names[0], "none", "" if names[0] in OPTIONAL else "not installed")
            continue
        requirement = needed.get(name)
        fits = requirement is None or requirement.specifier.contains(version, prereleases=True)
        yield Finding(names[0], version, "" if fits else f"needs {requirement}")


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _said(field: str) -> str:
    """What the metadata of this package say; empty where it is not installed."""
    try:
        return importlib.metadata.metadata("sparkgen")[field] or ""
    except importlib.metadata.PackageNotFoundError:
        return ""


def _requirements() -> dict[str, Requirement]:
    """The requirements of this package by name; empty where this package is not installed."""
    try:
        lines = importlib.metadata.requires("sparkgen") or []
    except importlib.metadata.PackageNotFoundError:
        return {}
    # Last those that always hold: the bounds of an extra are only for whoever installs it.
    ordered = sorted(lines, key=lambda line: "extra ==" not in line)
    found = [Requirement(line.partition(";")[0]) for line in ordered]
    return {requirement.name.lower(): requirement for requirement in found}


def _backend_and_devices(environment: EnvironmentConfig) -> Iterator[Finding]:
    """By what workers exchange, and whether that leaves GPUs at full speed."""
    import tensorflow as tf

    name, features = environment.backend, "none"
    try:
        name = choose_backend(environment.backend, workers=environment.workers)
        features = "one worker needs none" if name == NONE else backend_of(name).features()
        yield Finding("backend", f"{name} ({features})")
    except RequestError as error:
        yield Finding("backend", name, f"found {error.found}; {error.mend}")
    gpus = [device.name for device in tf.config.list_physical_devices("GPU")]
    slow = f"gradients pass through the processor: {name} was built without NCCL"
    wrong = slow if gpus and name != NONE and "nccl" not in features else ""
    yield Finding("gpus", ", ".join(gpus) or "none", wrong, fatal=False)


def _java() -> Finding:
    try:
        java = find_java()
    except RequestError as error:
        return Finding("java", "none", error.mend)
    try:
        said = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=30).stderr
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding("java", str(java), f"does not run: {error}")
    version = re.search(r'version "([^"]+)"', said)
    if version is None:
        return Finding("java", str(java), f"does not tell its version: {said[:80]!r}")
    major = int(version[1].removeprefix("1.").split(".")[0])
    spark = _version("pyspark") or "3"
    least, most = JAVAS.get(int(spark.split(".")[0]), (major, major))
    wrong = "" if least <= major <= most else f"Spark {spark} wants Java {least} to {most}"
    return Finding("java", f"{version[1]} ({java})", wrong, fatal=False)


def _cores() -> Finding:
    return Finding("cores", str(len(os.sched_getaffinity(0))))


def _feed(environment: EnvironmentConfig) -> Finding:
    """Which feed a training would take, and why not those that `auto` would sooner take."""
    asked = environment.feed
    if asked != AUTO:
        return Finding("feed", asked, _refusal(choose_feed, asked))
    taken = choose_feed(AUTO)
    passed = [f"; {one}: {why_not(one)}" for one in FEEDS[: FEEDS.index(taken)]]
    return Finding("feed", taken + "".join(passed))


def _root(environment: EnvironmentConfig) -> Finding:
    root = absolute(environment.root)
    if is_remote(root):
        return Finding("root", root, _refusal(check_answers, root))
    problem = unwritable(str(first_existing(root)))
    return Finding("root", root, f"cannot be written: {problem}" if problem else "")


def _disk(environment: EnvironmentConfig) -> Finding:
    root = absolute(environment.root)
    free = shutil.disk_usage("." if is_remote(root) else first_existing(root)).free
    wrong = "" if free >= LEAST_FREE_BYTES else f"less than {LEAST_FREE_BYTES / 2**30:.0f} GiB"
    return Finding("free disk", f"{free / 2**30:.1f} GiB", wrong)


def _memory(environment: EnvironmentConfig) -> Finding:
    found = f"{machine_bytes() / 2**30:.1f} GiB"
    return Finding("memory", found, _refusal(check_memory, environment))


def _spark(environment: EnvironmentConfig) -> Finding:
    return Finding(
        "spark", environment.spark_master or "as submitted", _refusal(check_master, environment)
    )


def _refusal(check: Callable[[Any], object], asked: Any) -> str:
    """The problem that a check finds, as text; empty where it finds none."""
    try:
        check(asked)
    except RequestError as error:
        return f"{error.found}; {error.mend}"
    return ""


def _tracking(environment: EnvironmentConfig) -> Finding:
    wrong = _refusal(connect, environment)
    if wrong:
        return Finding("tracking server", hide(environment.path(environment.tracking_uri)), wrong)
    return Finding("tracking server", f"{hide(tracking_uri(environment))} answers")
