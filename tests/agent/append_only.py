"""A bucket on loopback whose policy lets nobody delete anything but the locks of a restic repository."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

KEYS = {"access_key": "AKIATEST", "secret_key": "testtest"}
DENIED = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"


@dataclass
class Bucket:
    """The bucket ``shop``, and what its policy has refused."""

    port: int
    refused: list[str] = field(default_factory=list)

    def names(self, folder: str) -> list[str]:
        """What is in a folder of the repository ``prod``."""
        found = _client(self.port).list_objects_v2(Bucket="shop", Prefix=f"prod/{folder}/")
        return [each["Key"] for each in found.get("Contents", [])]


def _client(port: int) -> Any:
    account = {"aws_access_key_id": KEYS["access_key"], "aws_secret_access_key": KEYS["secret_key"]}
    return boto3.client("s3", endpoint_url=f"http://127.0.0.1:{port}", region_name="us-east-1", **account)


@contextmanager
def bucket() -> Iterator[Bucket]:
    """Have the bucket there as long as the block lasts."""
    moto = DomainDispatcherApplication(create_backend_app)
    refused: list[str] = []

    def guarded(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        method, path, query = environ["REQUEST_METHOD"], environ["PATH_INFO"], environ.get("QUERY_STRING", "")
        deletes = method == "DELETE" or (method == "POST" and query.startswith("delete"))
        if deletes and "/locks/" not in path:
            refused.append(f"{method} {path}")
            start("403 Forbidden", [("Content-Type", "application/xml"), ("Content-Length", str(len(DENIED)))])
            return [DENIED]
        answer: Iterable[bytes] = moto(environ, start)
        return answer

    server = make_server("127.0.0.1", 0, guarded, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        _client(server.port).create_bucket(Bucket="shop")
        yield Bucket(server.port, refused)
    finally:
        server.shutdown()
        thread.join()
