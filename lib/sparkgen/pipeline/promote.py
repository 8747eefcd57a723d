"""Runs the promote step: the challenger becomes champion if every gate of the experiment holds."""

from typing import TYPE_CHECKING, Any

from sparkgen.config.request import ExperimentConfig
from sparkgen.errors import RequestError
from sparkgen.evaluation.figures import Figure, comparable
from sparkgen.evaluation.promotion import decide
from sparkgen.pipeline.card import VERDICT, renew_card
from sparkgen.pipeline.evaluate import figures_of
from sparkgen.pipeline.figures import logged_figures
from sparkgen.pipeline.session import spark_session
from sparkgen.pipeline.version import version_by_id
from sparkgen.tracking import registry
from sparkgen.tracking.registry import CHALLENGER, CHAMPION, ModelVersion

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def run(experiment: ExperimentConfig, spark: "SparkSession | None") -> dict[str, Any]:
    """Checks the challenger against the gates; if all hold, it gets the alias `champion`.

    Args:
        experiment: the request.
        spark: the session; None: one is started where the champion has to be evaluated again.

    Returns:
        `promoted`, the URI of the `champion` there is now (None where there is none), and the
        `reasons` against the challenger.

    Raises:
        RequestError: no challenger, or one that was not evaluated.
    """
    environment = experiment.environment
    challenger = registry.require(environment, experiment.name, CHALLENGER)
    champion = registry.find(environment, experiment.name, CHAMPION)
    figures = logged_figures(environment, challenger)
    if experiment.all_gates and not figures:
        raise RequestError(
            f"figures of {challenger.uri}", found="none", mend="run sparkgen evaluate first"
        )
    rival = _champion_figures(experiment, champion, figures, spark)
    verdict = decide(experiment.all_gates, figures, rival)
    if verdict.promoted:
        registry.crown(environment, challenger)
        champion = challenger
    said = {VERDICT: "hold" if verdict.promoted else "; ".join(verdict.reasons)}
    renew_card(experiment, registry.annotate(environment, challenger, said))
    return {
        "promoted": verdict.promoted,
        "champion": champion.uri if champion else None,
        "reasons": verdict.reasons,
    }


def _champion_figures(
    experiment: ExperimentConfig,
    champion: ModelVersion | None,
    figures: dict[str, Figure],
    spark: "SparkSession | None",
) -> dict[str, Figure] | None:
    """The champion's figures, comparable with the challenger's; None if no gate compares the two."""
    names = [g.metric for g in experiment.all_gates if g.max_regression is not None]
    wanted = [name for name in names if name in figures]
    if champion is None or not wanted:
        return None
    logged = logged_figures(experiment.environment, champion)
    if all(name in logged and comparable(logged[name], figures[name]) for name in wanted):
        return logged
    # Its figures are of other data or another protocol: it has to sit the challenger's exam.
    spark = spark or spark_session(experiment.environment)
    dataset = version_by_id(experiment, figures[wanted[0]].dataset_version)
    return figures_of(experiment, champion, spark, dataset=dataset)
