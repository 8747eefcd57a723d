from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from sparkgen.distribution.slots import Meeting, assign, slot_environment, thread_environment

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


def test_a_single_worker_is_told_to_do_without_horovod():
    slot = assign(["a"])[0]
    assert slot_environment(slot, Meeting("x", 1, "lo")) == {"HOROVOD_SIZE": "1"}


def test_a_slot_names_the_rendezvous():
    environment = slot_environment(assign(["a", "b"])[1], Meeting("10.0.0.1", 7, "eth0"))
    assert environment["HOROVOD_RANK"] == "1"
    assert environment["HOROVOD_GLOO_RENDEZVOUS_ADDR"] == "10.0.0.1"
    assert environment["HOROVOD_GLOO_IFACE"] == "eth0"


def test_threads_are_as_asked_for():
    environment = thread_environment(3, local_size=2)
    assert environment["TF_NUM_INTRAOP_THREADS"] == "3"
    assert int(thread_environment(None, local_size=10_000)["OMP_NUM_THREADS"]) == 1
