"""Logs the figures of a model version to its run, and reads them again."""

import logging
from collections.abc import Mapping

from sparkgen.config.environment import EnvironmentConfig
from sparkgen.config.request import ExperimentConfig
from sparkgen.evaluation.figures import Figure, from_json
from sparkgen.tracking.registry import ModelVersion
from sparkgen.tracking.run_logger import DatasetName
from sparkgen.tracking.runs import attach
from sparkgen.tracking.server import tracking_uri

log = logging.getLogger(__name__)

FIGURES = "figures.json"
"""The figures with their protocols, among the artifacts of the run."""
FIGURE_TAG = "figure_"
"""Before the names of tags in which older releases kept each figure, as JSON."""


def log_figures(
    experiment: ExperimentConfig, version: ModelVersion, figures: Mapping[str, Figure]
) -> None:
    """Logs figures to the version's run and to its logged model, as metrics `<split>_<name>`.

    The run's `figures.json` has them with their protocols.
    """
    run = attach(tracking_uri(experiment.environment), version.run_id)
    values = {f"{figure.split}_{name}": figure.value for name, figure in figures.items()}
    if figures:
        one = next(iter(figures.values()))
        run = run._replace(measured_on=DatasetName(one.dataset, one.dataset_version))
    run.metrics(values, renew=True, model_id=version.model_id)
    run.json({name: figure._asdict() for name, figure in figures.items()}, FIGURES)


def logged_figures(environment: EnvironmentConfig, version: ModelVersion) -> dict[str, Figure]:
    """The figures of a model version; empty if the version was not evaluated.

    One that this release cannot read is told and left out.
    """
    kept = attach(tracking_uri(environment), version.run_id).read(FIGURES)
    texts = {
        key.removeprefix(FIGURE_TAG): text
        for key, text in version.tags.items()
        if key.startswith(FIGURE_TAG)
    }
    figures = {}
    for name, text in (kept or texts).items():
        try:
            figures[name] = from_json(text) if isinstance(text, str) else Figure(**text)
        except (TypeError, ValueError) as error:
            log.warning("left out the figure %s of %s: %s", name, version.uri, error)
    return figures
