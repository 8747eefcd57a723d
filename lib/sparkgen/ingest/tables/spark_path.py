"""Says paths and URIs as Spark takes them."""

from sparkgen.datasets.storage import absolute, is_remote


def spark_path(uri: str) -> str:
    """A path as Spark takes it, whose own default need not be this machine's files."""
    path = absolute(uri)
    if is_remote(path) or path.startswith("/Volumes/"):
        return path
    if path.startswith("/dbfs/"):
        return f"dbfs:{path.removeprefix('/dbfs')}"
    return f"file://{path}"
