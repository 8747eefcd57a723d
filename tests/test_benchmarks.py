"""What benchmarks compare, without measuring anything."""

import sys
from typing import Any

import pytest

from benchmarks import exchange
from benchmarks import feeds as feeds_benchmark
from sparkgen.distribution.backends import backend_names, horovod, tensorflow
from sparkgen.errors import RequestError
from sparkgen.feed.feeds import FEEDS

WAY = {"as it is": [[2e-3, 1e-3]]}


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The options of the launches that a benchmark asks for, none of which begins."""
    asked: list[dict[str, Any]] = []

    def launch(function: Any, request: Any, **options: Any) -> dict[str, Any]:
        asked.append(options)
        return {"seconds": 1.0 + len(asked)} if function is exchange.average else WAY

    monkeypatch.setattr(exchange, "launch", launch)
    monkeypatch.setattr(sys, "argv", ["exchange", "--rounds", "1", "--quick"])
    return asked


def test_ways_to_exchange_are_horovods_and_all_backends_are_compared_with_it(
    launched: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    exchange.main()
    backends = [options["backend"] for options in launched]
    ways, compared = backends[: -len(backend_names())], backends[-len(backend_names()) :]
    assert set(ways) == {"horovod"}
    assert compared == backend_names()
    assert "| 3.3 MB alone | tensorflow over horovod |" in capsys.readouterr().out


@pytest.mark.parametrize("backend", [horovod, tensorflow])
def test_a_backend_that_is_missing_is_refused_before_anything_is_measured(
    monkeypatch: pytest.MonkeyPatch, launched: list[dict[str, Any]], backend: Any
) -> None:
    monkeypatch.setattr(backend, "missing", lambda: "nothing")
    with pytest.raises(RequestError, match="found nothing: install it"):
        exchange.main()
    assert launched == []


def test_every_feed_is_compared_ours_first() -> None:
    assert sorted(feeds_benchmark.FEEDS) == sorted(FEEDS)
    assert feeds_benchmark.FEEDS[0] == "arrow"
