"""Which worker hangs, by what the driver sees of all of them."""

from pathlib import Path

import pytest

from sparkgen.distribution import heartbeat as told
from sparkgen.distribution.heartbeat import HEARTBEAT, Beat, Heartbeat, decode
from sparkgen.distribution.watch import PATIENCE_SECONDS, Seen, Watch, find_hung


def seen(rank, *, arrived=5, steady=True, pace=1.0, still=0.0, silent=0.0, ended=False):
    return Seen(rank, Beat(9, 9, arrived, steady, ended), pace, still, silent)


def test_the_one_that_has_not_come_to_the_exchange_is_named_and_not_those_who_wait():
    hung = find_hung([seen(0, arrived=6, still=90), seen(1, still=61)], 60.0)
    assert hung is not None
    assert hung.rank == 1
    assert hung.reason == "no step for 61 s, and the others wait for it"


def test_a_process_that_beats_no_more_is_named_before_those_who_wait_with_it():
    hung = find_hung([seen(0, still=99), seen(1, still=99, silent=62), seen(2, still=99)], 60.0)
    assert hung is not None
    assert (hung.rank, hung.reason) == (1, "its process has not moved for 62 s")


def test_slow_steps_are_no_hanging():
    slow = [seen(0, arrived=6, still=250), seen(1, still=250, pace=30.0)]
    assert find_hung(slow, 60.0) is None
    assert find_hung([slow[0], seen(1, still=301, pace=30.0)], 60.0) is not None


def test_work_without_a_pace_may_take_long_while_the_others_wait_in_their_steps():
    """Rank 0 writes a checkpoint."""
    workers = [seen(0, steady=False, still=PATIENCE_SECONDS - 1), seen(1, arrived=6, still=500)]
    assert find_hung(workers, 60.0) is None
    workers[0] = seen(0, steady=False, still=PATIENCE_SECONDS + 1)
    assert find_hung(workers, 60.0).rank == 0


def test_a_worker_that_has_ended_hangs_no_more():
    assert find_hung([seen(0), seen(1, ended=True, still=1e6, silent=1e6)], 60.0) is None
    assert find_hung([], 60.0) is None


def test_all_in_the_same_exchange_hang_only_when_all_are_over_their_limit():
    assert find_hung([seen(0, still=61), seen(1, still=59)], 60.0) is None
    assert find_hung([seen(0, still=61), seen(1, still=62)], 60.0).rank == 1


def test_the_watch_learns_the_pace_and_measures_by_its_own_clock():
    watch, now = Watch(1.0), 0.0
    for n in range(20):  # a step every two seconds: ten times that is allowed
        assert watch.look({0: Beat(n, n, n, True)}, now) is None
        now += 2.0
    last = Beat(19, 19, 19, True)
    for second in range(18):
        assert watch.look({0: last._replace(ticks=20 + second)}, now + second) is None
    hung = watch.look({0: last._replace(ticks=40)}, now + 19.0)
    assert hung is not None
    assert hung.reason == "no step for 21 s"


def test_until_the_pace_of_the_steps_is_known_they_may_take_as_long_as_other_work():
    """Every step takes 90 s: the second one, too, must not count as hanging."""
    watch, at = Watch(60.0), 0.0
    for step in range(4):
        for _ in range(90):
            assert watch.look({0: Beat(int(at), step, step, step > 0)}, at) is None
            at += 1.0
    still = (watch.look({0: Beat(int(at) + s, 3, 3, True)}, at + s) for s in range(2000))
    assert next(hung for hung in still if hung).reason == "no step for 901 s"


def test_a_pause_of_the_whole_machine_is_nobodys_hanging():
    watch = Watch(5.0)
    assert watch.look({0: Beat(0, 0, 0, True)}, -0.1) is None
    assert watch.look({0: Beat(1, 1, 1, True)}, 0.0) is None
    assert watch.look({0: Beat(1, 1, 1, True)}, 1000.0) is None
    for second in range(1, 5):
        assert watch.look({0: Beat(1, 1, 1, True)}, 1000.0 + second) is None
    assert watch.look({0: Beat(1, 1, 1, True)}, 1006.0).rank == 0


def test_a_heartbeat_tells_what_the_training_thread_counted():
    heartbeat = Heartbeat()
    heartbeat.arrive()
    heartbeat.step()
    heartbeat.count_in_graph(lambda: 7)
    assert heartbeat.beat(1) == Beat(ticks=1, moves=9, arrived=8, steady=True)
    with heartbeat.rest():
        resting = heartbeat.beat(2)
    assert (resting.steady, resting.moves) == (False, 10)
    after = heartbeat.beat(3)
    assert (after.steady, after.moves, after.arrived) == (True, 11, 8)
    assert decode(after.encode()) == after


def test_a_beat_that_finds_the_disk_full_is_followed_by_the_next_one(tmp_path, monkeypatch):
    full = tmp_path / f"{HEARTBEAT}.tmp"
    full.symlink_to("/dev/full")
    beats = 0

    def count_in_graph():
        nonlocal beats
        beats += 1
        if beats == 2:
            full.unlink()
        if beats == 3:
            raise StopIteration
        return 0

    monkeypatch.setattr(told, "BEAT_SECONDS", 0.01)
    monkeypatch.setattr(told, "heartbeat", Heartbeat())
    told.heartbeat.count_in_graph(count_in_graph)
    with pytest.raises(StopIteration):
        told._tell(tmp_path)
    assert decode(Path(tmp_path, HEARTBEAT).read_bytes()) == Beat(ticks=2)


def test_every_batch_of_a_long_validation_moves():
    heartbeat = Heartbeat()
    assert [heartbeat.beat(0).moves for _ in heartbeat.each("abc")] == [1, 2, 3]


@pytest.mark.parametrize("hang_seconds", [60.0, 2400.0])
def test_a_longer_hang_time_holds_for_all_work(hang_seconds):
    still = max(hang_seconds, PATIENCE_SECONDS)
    assert find_hung([seen(0, steady=False, still=still)], hang_seconds) is None
    assert find_hung([seen(0, steady=False, still=still + 1)], hang_seconds) is not None
