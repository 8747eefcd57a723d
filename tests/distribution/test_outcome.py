import json

import pytest

from sparkgen.distribution.outcome import (
    RING_LOST,
    Ended,
    blame,
    describe,
    failure,
    first_lost,
    lost_stage,
    raised,
    result_of,
    success,
    workers_failed,
)
from sparkgen.errors import Interrupted, ManifestError, RequestError, SparkgenError


def ended(rank, outcome=None, *, returncode=0, killed=False, at=0.0):
    return Ended(rank, outcome, returncode, killed, "last words", at)


def test_a_wrong_request_crosses_the_process_boundary_whole():
    error = ManifestError("a manifest", found="none", mend="ingest")
    back = raised(json.loads(json.dumps(failure(error))))
    assert type(back) is ManifestError
    assert str(back) == str(error)
    assert (back.expected, back.found, back.mend) == ("a manifest", "none", "ingest")


@pytest.mark.parametrize("kind", [SparkgenError, Interrupted])
def test_other_errors_keep_their_kind_and_message(kind):
    back = raised(json.loads(json.dumps(failure(kind("what happened")))))
    assert type(back) is kind
    assert str(back) == "what happened"


def test_rank_0_speaks_for_all():
    assert result_of([ended(1, success({"n": 1})), ended(0, success({"n": 0}))]) == {"n": 0}


def test_one_lost_worker_leaves_no_result():
    assert result_of([ended(0, success({})), ended(1, returncode=-9)]) is None


def test_an_error_of_any_rank_is_raised():
    error = RequestError("a", found="b", mend="c")
    with pytest.raises(RequestError, match="expected a, found b: c"):
        result_of([ended(0, killed=True), ended(1, failure(error))])


def test_the_first_to_die_is_blamed_and_not_those_who_missed_it():
    missed = ended(0, returncode=RING_LOST, at=1.0)
    killed = ended(2, returncode=-9, killed=True, at=0.5)
    died = ended(1, returncode=-9, at=2.0)
    assert first_lost([missed, killed, died]) == died
    assert describe(died, size=3) == "worker 1 of 3 died (signal SIGKILL)"


def test_the_first_of_several_errors_is_raised():
    first, second = (failure(SparkgenError(text)) for text in ("first", "second"))
    with pytest.raises(SparkgenError, match="first"):
        result_of([ended(0, second, at=2.0), ended(1, first, at=1.0)])


def test_a_worker_that_hung_is_blamed_before_those_who_died_of_it():
    all_ended = blame([ended(0, returncode=RING_LOST, at=1.0), ended(1, killed=True)], 1, "no step")
    assert describe(first_lost(all_ended), size=2) == "worker 1 of 2 hung (no step)"


def test_a_lost_stage_blames_no_worker():
    line = str(workers_failed(lost_stage("executor 3 is gone"), size=4, restarts=2))
    assert line == (
        "all 4 workers were lost with their Spark stage (executor 3 is gone) after 2 restarts"
    )


def test_the_last_word_on_a_hanging_worker_says_what_to_do_where_it_is_only_slow():
    hung = ended(1)._replace(hung="no step for 61 s")
    assert str(workers_failed(hung, size=2, restarts=0)) == (
        "worker 1 of 2 hung (no step for 61 s) after 0 restarts; "
        "if it only needs longer than that, set environment.hang_seconds higher"
    )
