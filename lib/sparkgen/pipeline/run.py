"""Runs all steps of the pipeline one after the other, from the source to a sample set."""

import logging
from typing import TYPE_CHECKING, Any

from sparkgen.config.request import DatasetRequest, ExperimentConfig
from sparkgen.errors import NotPromoted
from sparkgen.pipeline import evaluate, ingest, promote, sample, train
from sparkgen.pipeline.judging import check_appraised
from sparkgen.pipeline.parts import parts_at_hand
from sparkgen.pipeline.preflight import check_gates, check_held_out, check_rows
from sparkgen.pipeline.version import newest_version, with_classes

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

log = logging.getLogger(__name__)


def run(
    experiment: ExperimentConfig,
    spark: "SparkSession",
    *,
    resume: bool = False,
    weights: str | None = None,
) -> dict[str, Any]:
    """Ingests, trains, evaluates, promotes and samples.

    Again with the same request it reuses the dataset version, adds a model version, and keeps or
    moves the champion as the gates say.

    Args:
        experiment: the request.
        spark: the session.
        resume: go on with the training that did not finish.
        weights: the path of a weights file that takes the place of training.

    Returns:
        The results of `ingest`, `train`, `evaluate`, `promote` and `sample`, by step.

    Raises:
        NotPromoted: the gates refuse the model, and there is no champion; it holds the results.
    """
    request = DatasetRequest(dataset=experiment.dataset, environment=experiment.environment)
    done: dict[str, Any] = {"ingest": ingest.run(request, spark)}
    manifest = newest_version(experiment).manifest
    parts = parts_at_hand(experiment, resume=resume)
    model = check_rows(experiment, manifest, parts, trains=weights is None)
    check_held_out(experiment, manifest)
    check_gates(with_classes(experiment, manifest), model)
    check_appraised(experiment, model.given, model.spec, manifest)
    done["train"] = train.run(experiment, spark, resume=resume, weights=weights)
    done["evaluate"] = evaluate.run(experiment, spark)
    done["promote"] = promote.run(experiment, spark)
    if not done["promote"]["promoted"]:
        _tell_refusal(done)
    done["sample"] = sample.run(experiment, spark)
    return done


def _tell_refusal(done: dict[str, Any]) -> None:
    challenger, verdict = done["evaluate"]["model_uri"], done["promote"]
    reasons = "; ".join(verdict["reasons"])
    if verdict["champion"] is None:
        raise NotPromoted(
            f"{challenger} is not promoted, and there is no champion to sample: {reasons}", done
        )
    log.warning(
        "%s is not promoted: %s; the champion %s is sampled",
        challenger,
        reasons,
        verdict["champion"],
    )
