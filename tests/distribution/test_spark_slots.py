"""Task slots of Spark for the workers; how a cluster is waited for shows tests/test_cluster.py."""

import pytest
import ring_functions

from sparkgen.distribution.cluster import DYNAMIC, refuse_dynamic_allocation
from sparkgen.distribution.launcher import launch
from sparkgen.errors import RequestError


def test_a_master_of_this_machine_is_not_waited_for_as_its_slots_never_grow(spark) -> None:
    line = (
        r"expected a Spark cluster with a task slot for each of the 3 workers, "
        r"found 2 slots, master local\[2\]: set environment.workers to as many"
    )
    with pytest.raises(RequestError, match=line):
        launch(ring_functions.places, {}, workers=3, where="spark", spark=spark, slots_seconds=1e9)


def test_dynamic_allocation_is_refused_by_its_name_except_where_spark_ignores_it() -> None:
    with pytest.raises(RequestError, match=f"expected {DYNAMIC} false .* set {DYNAMIC}=false"):
        refuse_dynamic_allocation({DYNAMIC: "true"}, local=False)
    refuse_dynamic_allocation({DYNAMIC: "true"}, local=True)
    refuse_dynamic_allocation({DYNAMIC: "false"}, local=False)
    refuse_dynamic_allocation({}, local=False)
