from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparkgen.distribution.backends import backend_names
from sparkgen.distribution.board import Board
from sparkgen.distribution.joining import join_ring, worker_environment
from sparkgen.distribution.ring import Alone
from sparkgen.distribution.slots import Meeting, Place, assign, own_place, thread_environment

hosts = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=12)


@given(hosts)
def test_every_worker_gets_a_rank_of_its_own(hosts):
    slots = assign(hosts)
    assert sorted(slot.rank for slot in slots) == list(range(len(hosts)))
    assert [slot.host for slot in slots] == hosts


@given(hosts)
def test_local_ranks_count_the_workers_of_a_host(hosts):
    slots = assign(hosts)
    for host, count in Counter(hosts).items():
        here = [slot for slot in slots if slot.host == host]
        assert sorted(slot.local_rank for slot in here) == list(range(count))
        assert {slot.local_size for slot in here} == {count}


@given(hosts)
def test_cross_ranks_count_the_workers_of_one_local_rank(hosts):
    slots = assign(hosts)
    for local_rank in {slot.local_rank for slot in slots}:
        peers = [slot for slot in slots if slot.local_rank == local_rank]
        assert sorted(slot.cross_rank for slot in peers) == list(range(len(peers)))
        assert {slot.cross_size for slot in peers} == {len(peers)}


def test_ranks_run_through_host_after_host():
    assert [slot.rank for slot in assign(["b", "a", "b", "a"])] == [2, 0, 3, 1]


MEETING = Meeting(Board("10.0.0.1", 6, "a-token"), 7, "eth0")


@pytest.mark.parametrize("backend", backend_names())
def test_a_single_worker_is_told_its_place_and_nothing_of_a_backend(backend, monkeypatch):
    environment = worker_environment(backend, assign(["a"])[0], MEETING)
    assert all(name.startswith("SPARKGEN_") for name in environment)
    assert "a-token" not in environment.values()
    monkeypatch.setattr("os.environ", environment)
    assert own_place() == Place(rank=0, size=1, local_rank=0)
    assert isinstance(join_ring(), Alone)


def test_a_worker_of_horovod_is_told_where_its_ranks_meet(monkeypatch):
    environment = worker_environment("horovod", assign(["a", "b", "b"])[2], MEETING)
    assert environment["HOROVOD_RANK"] == "2"
    assert environment["HOROVOD_GLOO_RENDEZVOUS_ADDR"] == "10.0.0.1"
    assert environment["HOROVOD_GLOO_RENDEZVOUS_PORT"] == "7"
    assert environment["HOROVOD_GLOO_IFACE"] == "eth0"
    monkeypatch.setattr("os.environ", environment)
    assert own_place() == Place(rank=2, size=3, local_rank=1)


def test_threads_are_as_asked_for():
    environment = thread_environment(3, local_size=2)
    assert environment["TF_NUM_INTRAOP_THREADS"] == "3"
    assert int(thread_environment(None, local_size=10_000)["OMP_NUM_THREADS"]) == 1
