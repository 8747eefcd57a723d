"""A real S3 server on loopback, moto's, in this process; other processes reach it by its URL."""

import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

BUCKET = "bucket"


class S3Server(NamedTuple):
    """A running server with one bucket."""

    environment: dict[str, str]
    """The variables by which clients find the server and are let in."""
    watchers: list[Callable[[str, str], object]]
    """Are called with method and path of each request before it is answered; what they find true is
    refused."""
    names: Callable[[], list[str]]
    """The names of all objects in the bucket."""
    age: Callable[[str, float], None]
    """Makes the objects below a prefix older, by so many seconds."""


@contextmanager
def s3_server() -> Iterator[S3Server]:
    """Serves S3 during a `with` block, and sets the variables that lead there in this process."""
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    watchers: list[Callable[[str, str], object]] = []
    moto = DomainDispatcherApplication(create_backend_app)

    def application(request: dict[str, Any], respond: Any) -> Any:
        asked = f"{request['PATH_INFO']}?{request['QUERY_STRING']}"
        if any([watch(request["REQUEST_METHOD"], asked) for watch in list(watchers)]):
            respond("403 Forbidden", [("Content-Length", "0")])
            return [b""]
        return moto(request, respond)

    server = make_server("127.0.0.1", 0, application, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    environment = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.port}",
        "AWS_ACCESS_KEY_ID": "tests",
        "AWS_SECRET_ACCESS_KEY": "tests",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",  # boto3 reads this one
    }
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        _objects().create()
        yield S3Server(environment, watchers, _keys, _age)
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value
        server.shutdown()
        thread.join()


def _objects() -> Any:
    import boto3

    return boto3.resource("s3").Bucket(BUCKET)


def _keys() -> list[str]:
    return sorted(found.key for found in _objects().objects.all())


def _age(prefix: str, seconds: float) -> None:
    import datetime

    from moto.backends import get_backend

    for account in get_backend("s3").values():
        for bucket in account["global"].buckets.values():
            for name in list(bucket.keys):
                if name.startswith(prefix):
                    bucket.keys[name].last_modified -= datetime.timedelta(seconds=seconds)
