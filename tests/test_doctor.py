import importlib.metadata
import json
import os
import sys
from pathlib import Path

import pytest
import tensorflow as tf

from sparkgen.config.environment import EnvironmentConfig
from sparkgen.distribution.backends import horovod
from sparkgen.doctor import Examination, Finding, examine

CONF = Path(__file__).parents[1] / "conf"


def test_a_whole_machine_has_no_problems(tmp_path: Path) -> None:
    examination = examine(EnvironmentConfig(root=str(tmp_path)))
    assert examination.problems == []
    found = examination.summary()["found"]
    assert found["backend"].startswith("horovod (0.28.1, gloo")
    assert int(found["cores"]) == len(os.sched_getaffinity(0))


def test_a_backend_that_cannot_be_used_is_a_problem_only_where_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(horovod, "missing", lambda: "no Horovod")
    report = examine(EnvironmentConfig(root=str(tmp_path)))
    assert report.problems == []
    assert report.summary()["found"]["backend"] == f"tensorflow ({tf.__version__})"
    asked = EnvironmentConfig(root=str(tmp_path), backend="horovod")
    (problem,) = examine(asked).problems
    line = "backend: found no Horovod; install it, or set environment.backend=auto"
    assert problem == line
    alone = examine(asked.model_copy(update={"workers": 1}))
    assert alone.problems == []
    assert alone.summary()["found"]["backend"] == "none (one worker needs none)"


def test_the_bounds_of_an_extra_are_not_those_of_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = ["numpy<3,>=1.23.5", 'numpy<1; extra == "petastorm"', 'keras<3; extra == "x"']
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: lines)
    (problem,) = examine(EnvironmentConfig(root=str(tmp_path))).problems
    assert problem == "keras: needs keras<3"


def test_the_java_that_is_needed_goes_by_the_version_of_spark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.touch(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    version = importlib.metadata.version
    wrong = {}
    for spark, major in (("3.5.9", 11), ("4.0.0", 11), ("4.0.0", 21), ("3.5.9", 24)):
        java.write_text(f"#!/bin/sh\necho 'openjdk version \"{major}.0.2\"' >&2\n")
        monkeypatch.setattr(
            importlib.metadata, "version", lambda n, v=spark: v if n == "pyspark" else version(n)
        )
        findings = {f.part: f for f in examine(EnvironmentConfig(root=str(tmp_path))).findings}
        wrong[spark, major] = findings["java"].wrong
    assert wrong == {
        ("3.5.9", 11): "",
        ("4.0.0", 11): "Spark 4.0.0 wants Java 17 to 21",
        ("4.0.0", 21): "",
        ("3.5.9", 24): "Spark 3.5.9 wants Java 8 to 17",
    }


def test_a_root_below_a_file_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    environment = EnvironmentConfig(root=str(tmp_path / "file"), tracking_uri="http://127.0.0.1:9")
    problems = examine(environment).problems
    assert [p.partition(":")[0] for p in problems] == ["root", "tracking server"]


def test_a_java_that_does_not_run_is_a_problem(tmp_path: Path, monkeypatch) -> None:
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.touch(0o644)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    (problem,) = examine(EnvironmentConfig(root=str(tmp_path))).problems
    assert problem.startswith("java: does not run: ")
    assert str(java) in problem


def test_the_feed_is_told_and_one_that_cannot_be_used_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sparkgen.feed.petastorm", None)
    report = examine(EnvironmentConfig(root=str(tmp_path)))
    assert report.problems == []
    assert report.summary()["found"]["feed"].startswith("arrow; petastorm: import of ")
    asked = EnvironmentConfig(root=str(tmp_path), feed="petastorm")
    (problem,) = examine(asked).problems
    assert problem.startswith("feed: import of ")
    assert problem.endswith("; install it, or set environment.feed=auto")
    monkeypatch.undo()
    asked = EnvironmentConfig(root=str(tmp_path), feed="arrow")
    assert examine(asked).summary()["found"]["feed"] == "arrow"


def test_only_what_stops_the_pipeline_is_a_problem() -> None:
    slow = Finding("gpus", "GPU:0", "Horovod was built without NCCL", fatal=False)
    broken = Finding("java", "none", "install a JRE")
    examination = Examination((Finding("python", "3.11.7"), slow, broken))
    assert examination.problems == ["java: install a JRE"]
    assert [line.split()[0] for line in examination.lines()] == ["ok", "note", "WRONG"]


def test_the_command_prints_a_line_a_part_and_one_json_object(sparkgen, tmp_path: Path) -> None:
    said = sparkgen("doctor", "--root", tmp_path, "--conf", CONF)
    assert said.status == 0, said.err
    result = json.loads(said.out.splitlines()[-1])
    assert result["problems"] == []
    assert all(part in said.err for part in result["found"])


def test_the_command_fails_where_the_pipeline_could_not_run(
    sparkgen, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("JAVA_HOME", "/nowhere")
    server = "environment.tracking_uri=http://127.0.0.1:9"
    said = sparkgen("doctor", "--root", tmp_path, "--conf", CONF, "--set", server)
    assert said.status == 1
    assert said.err.splitlines()[-1].startswith("sparkgen: the pipeline could not run: ")
    problems = json.loads(said.out.splitlines()[-1])["problems"]
    assert [p.partition(":")[0] for p in problems] == ["tracking server"]
