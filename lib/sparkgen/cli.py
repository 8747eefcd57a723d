"""Defines the command line, `sparkgen COMMAND FILE.yaml`.

The scripts in `jobs/` call `main` as well. Logs and progress go to stderr; the last line of stdout is
one JSON object with what was made. Only click is imported before a command is known to run.
"""

import importlib
import json
import logging
import os
import sys
from collections.abc import Callable, Sequence
from functools import reduce
from pathlib import Path
from typing import Any

import click

from sparkgen import stopping
from sparkgen.credentials import hide, hide_in, log_to_stderr
from sparkgen.errors import Interrupted, NotPromoted, SparkgenError
from sparkgen.help_pages import Program, RequestCommand, model_page, models_page
from sparkgen.lean import keep_keras_lean

# `train` joins them where the workers run on Spark.
STEPS_ON_SPARK = {"ingest", "evaluate", "sample", "run"}
STEPS_THAT_INGEST = {"ingest", "run"}
STEPS_THAT_TRAIN = {"train", "run"}
STOPPED = "stopped; the same command starts it again"
TRACEBACK = "SPARKGEN_TRACEBACK"  # set: tracebacks go to standard error as well

REQUEST = [
    click.option("--env", default="local", show_default=True,
                 help="The environment: a file of conf/environments, without .yaml."),
    click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE",
                 help="Change one key, such as training.epochs=3; can be given several times."),
    click.option("--root", metavar="DIR", help="Write everything below this folder or URI."),
]  # fmt: skip
TRAINING = [
    click.option("--resume", is_flag=True, help="Go on with the training that was stopped."),
    click.option("--weights", metavar="NPZ", help="Take this weights file in place of training."),
]  # fmt: skip


def _options(options: Sequence[Callable[..., Any]]) -> Callable[..., Any]:
    return lambda command: reduce(lambda made, option: option(made), reversed(options), command)


@click.group(cls=Program, invoke_without_command=True)
@click.version_option(package_name="sparkgen")
@click.pass_context
def cli(context: click.Context) -> None:
    """Trains generative models, registers them, and makes samples with them.

    To try it: sparkgen run conf/experiments/vae_digits.yaml

    A command that takes a YAML file is a step of the pipeline; run does all steps. The result of a
    step is one JSON object, the last line of stdout. Logs go to stderr.

    Exit status 0: it is done. 1: it failed while running. 2: the request is wrong, and one line says
    what is wrong and what to do. 130: stopped by Ctrl-C. 143: stopped by SIGTERM.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def _step(command: Callable[..., None]) -> Callable[..., None]:
    """A command that takes an experiment."""
    argument = click.argument("experiment", metavar="EXPERIMENT.yaml")
    return cli.command(cls=RequestCommand)(argument(_options(REQUEST)(command)))


@cli.command(cls=RequestCommand)
@click.argument("path")
@click.option(
    "--write",
    metavar="DATASET.yaml",
    help="Write the dataset file, such as conf/datasets/NAME.yaml.",
)
@click.option("--name", help="The name of the data set. Without it: that of the file or of PATH.")
@_options(REQUEST)
@click.option("--conf", default="conf", show_default=True, help="The folder of conf/environments.")
def inspect(path: str, write: str | None, name: str | None, conf: str, **request: Any) -> None:
    """Says what lies at a path, and writes the dataset file for it.

    PATH is a folder, archive, file or glob of pictures, tables, numbers or text, or the name of a
    catalog's table. What was found goes to stderr, the dataset file for `ingest` to stdout or --write.
    """
    from sparkgen.config.load import load_environment
    from sparkgen.pipeline.inspect import run

    inspected = run(path, load_environment(conf, **request), name=name, file=write)
    for line in inspected.lines:
        click.echo(line, err=True)
    _print(inspected.result) if write else click.echo(inspected.text, nl=False)


@cli.command(cls=RequestCommand)
@click.argument("dataset", metavar="DATASET.yaml")
@_options(REQUEST)
def ingest(dataset: str, env: str, overrides: tuple[str, ...], root: str | None) -> None:
    """Reads a data set into a dataset version.

    The file is one of conf/datasets. A dataset version is a folder of Parquet files and a manifest.
    Where the same version is there already, it is kept. Missing source files are fetched, where the
    file says where they can be had.
    """
    from sparkgen.config.load import load_dataset

    _run_step("ingest", load_dataset(dataset, env=env, overrides=overrides, root=root))


@_step
@_options(TRAINING)
def train(resume: bool, weights: str | None, **request: Any) -> None:
    """Trains a model and registers it as challenger.

    The file is one of conf/experiments. The model is trained on the newest version of its dataset.
    The challenger is the newest trained model. `promote` can make it the champion, the model that
    `sample` uses.
    """
    _run_step("train", _experiment(**request), resume=resume, weights=weights)


@_step
def evaluate(**request: Any) -> None:
    """Measures the challenger.

    The file is one of conf/experiments. All rows of the split evaluation.split are measured.
    """
    _run_step("evaluate", _experiment(**request))


@_step
def promote(**request: Any) -> None:
    """Makes the challenger champion if every gate holds.

    The file is one of conf/experiments. Where a gate does not hold, the result says why and has
    "promoted": false; the exit status is 0 all the same.
    """
    _run_step("promote", _experiment(**request))


@_step
@click.option("--pretrained", is_flag=True, help="Use the pretrained weights of the experiment.")
def sample(pretrained: bool, **request: Any) -> None:
    """Makes samples with the champion, or with pretrained weights.

    The file is one of conf/experiments. A sample set is a folder of Parquet files, a manifest and a
    picture of many samples. Pretrained weights lie in environment.pretrained, and need nothing else.
    """
    _run_step("sample", _experiment(**request), pretrained=pretrained)


@_step
@_options(TRAINING)
def run(resume: bool, weights: str | None, **request: Any) -> None:
    """Does all steps: ingest, train, evaluate, promote, sample.

    The file is one of conf/experiments. Where the gates refuse the new model, the champion that
    there is makes the samples; where there is none, the exit status is 1.
    """
    _run_step("run", _experiment(**request), resume=resume, weights=weights)


@cli.command(cls=RequestCommand)
@_options(REQUEST)
@click.option("--conf", default="conf", show_default=True, help="The folder of conf/environments.")
def doctor(conf: str, env: str, overrides: tuple[str, ...], root: str | None) -> None:
    """Says what is installed, and what is wrong with it.

    It looks at Python, the packages, Java, Spark, the GPUs, the memory, the disk and the tracking
    server. Exit status 1: something keeps the pipeline from running.
    """
    from sparkgen.config.load import load_environment
    from sparkgen.doctor import examine

    examination = examine(load_environment(conf, env=env, overrides=overrides, root=root))
    for line in examination.lines():
        click.echo(line, err=True)
    _print(examination.summary())
    if examination.problems:
        raise SparkgenError(f"the pipeline could not run: {'; '.join(examination.problems)}")


@cli.command()
@click.argument("name", required=False)
@click.option("--conf", default="conf", show_default=True, help="The folder of conf/experiments.")
def models(name: str | None, conf: str) -> None:
    """Lists the models, or says what one model is.

    NAME is a family and a name, such as variational.vae. Of one model you see the paper it comes
    from, what it does, its options with their defaults, and the experiments that use it. The output
    is text to be read, without JSON.
    """
    click.echo(models_page() if name is None else model_page(name, Path(conf) / "experiments"))


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one command; it returns after success and raises `SystemExit` after a failure.

    Args:
        arguments: those of the command line, without the program; None: `sys.argv`.
    """
    with stopping.listening():
        try:
            _quiet_logs_on_stderr()
            keep_keras_lean()
            _answer(arguments)
        except BaseException:  # a library may have made another error of the stop
            if stopping.received() is None:
                raise
            _leave_stopped(STOPPED + _resumption(sys.argv[1:] if arguments is None else arguments))


def _resumption(arguments: Sequence[str]) -> str:
    trains = any(step in STEPS_THAT_TRAIN for step in arguments[:1])
    return ", and with --resume goes on with a training that had begun" if trains else ""


def _answer(arguments: Sequence[str] | None) -> None:
    try:
        cli.main(arguments, prog_name="sparkgen", standalone_mode=False)
    except click.Abort:  # Ctrl-C where `stopping` cannot listen: in a thread of a notebook
        _leave(STOPPED, Interrupted.exit_status)
    except click.ClickException as error:
        _leave(f"{error.format_message()} (sparkgen --help)", error.exit_code)
    except Interrupted as error:
        _leave_stopped(str(error))
    except NotPromoted as error:
        _print(error.done)
        _leave(str(error), error.exit_status)
    except Exception as error:  # whatever it is, its user gets one line
        if stopping.broken_off():
            raise
        kind = type(error) if isinstance(error, SparkgenError) else SparkgenError
        line = str(error) if isinstance(error, SparkgenError) else _unexpected(error)
        if stopping.received() is not None:  # it failed while a training stopped in good order
            _leave_stopped(line)
        _leave(line, kind.exit_status)


def _unexpected(error: Exception) -> str:
    """The message for an unexpected error, in one line, with the place of the traceback."""
    from sparkgen.unexpected import describe, keep, whole

    if os.environ.get(TRACEBACK):
        sys.stderr.write(whole(error))
    file = keep(error)
    rest = f"the traceback is in {file}" if file else f"{TRACEBACK}=1 shows the traceback"
    return f"{describe(error)}; {rest}"


def _experiment(experiment: str, env: str, overrides: tuple[str, ...], root: str | None) -> Any:
    from sparkgen.config.load import load_experiment

    return load_experiment(experiment, env=env, overrides=overrides, root=root)


def _run_step(step: str, request: Any, **options: Any) -> None:
    from sparkgen.pipeline.preflight import check
    from sparkgen.pipeline.session import spark_session
    from sparkgen.pipeline.spark_progress import spark_progress

    check(step, request, **options)  # before the costly work begins
    if step in STEPS_THAT_INGEST:
        importlib.import_module("sparkgen.pipeline.ingest").fetch_sources(request)
    environment = request.environment
    on_spark = step in STEPS_ON_SPARK or (step == "train" and environment.launcher == "spark")
    spark = spark_session(environment) if on_spark else None
    with spark_progress(spark):
        result = importlib.import_module(f"sparkgen.pipeline.{step}").run(request, spark, **options)
    _print(result)


def _print(result: dict[str, Any]) -> None:
    sys.stderr.flush()
    click.echo(json.dumps(hide_in(result)))


def _leave(message: str, status: int) -> None:
    _say(message)
    sys.exit(status)


def _leave_stopped(message: str) -> None:
    try:
        _say(message)
    finally:
        stopping.leave()


def _say(message: str) -> None:
    click.echo(f"sparkgen: {hide(' '.join(message.split()))}", err=True)


def _quiet_logs_on_stderr() -> None:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow's greeting, in workers too
    log_to_stderr()
    logging.getLogger("sparkgen").setLevel(logging.INFO)
