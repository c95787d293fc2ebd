"""botocore without a socket: requests to the hosts opened here are answered by a WSGI application in the same thread.

The hook is botocore's `before-send` event, so signing, parsing and retries are the real ones. A fault of kind `cut`
raises `ProcessCut` through the caller; timeouts and resets appear as botocore's own connection errors, at once.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any
from urllib.parse import urlsplit
from wsgiref.types import WSGIApplication

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError
from botocore.handlers import BUILTIN_HANDLERS
from werkzeug.test import EnvironBuilder, run_wsgi_app

from emulators.aws.faults import Unanswered

CREDENTIAL = "emulated"

_applications: dict[str, WSGIApplication] = {}


class _Body(io.BytesIO):
    """A body as botocore reads it."""

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.getvalue()


@cache
def _session(region: str) -> Any:
    return boto3.session.Session(CREDENTIAL, CREDENTIAL, region_name=region)


def open_endpoint(name: str, application: WSGIApplication) -> str:
    """Let `application` answer requests to the endpoint that is returned, until `close_endpoint`."""
    host = f"{name}.aws.invalid"
    _applications[host] = application
    return f"http://{host}"


def close_endpoint(endpoint_url: str) -> None:
    """Let requests to this endpoint go to the network again, where it does not exist."""
    _applications.pop(urlsplit(endpoint_url).netloc, None)


def environment_of(endpoint_url: str, region: str) -> Mapping[str, str]:
    """Return the environment in which any AWS SDK talks to an emulator."""
    return {
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_ACCESS_KEY_ID": CREDENTIAL,
        "AWS_SECRET_ACCESS_KEY": CREDENTIAL,
        "AWS_DEFAULT_REGION": region,
        "AWS_REGION": region,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def client_of(endpoint_url: str, region: str, service: str, **options: Any) -> Any:
    """Return a boto3 client for an emulator, whatever the environment says.

    Retries are off unless `options` bring a botocore `config`: a test wants to see each answer.
    """
    options.setdefault("config", Config(retries={"total_max_attempts": 1}))
    return _session(region).client(service, endpoint_url=endpoint_url, **options)


def _before_send(request: AWSPreparedRequest, **_: Any) -> AWSResponse | None:
    application = _applications.get(urlsplit(request.url).netloc)
    if application is None:
        return None
    try:
        content, status, headers = run_wsgi_app(application, _environ(request), buffered=True)
    except Unanswered as unanswered:
        if unanswered.kind == "timeout":
            raise ReadTimeoutError(endpoint_url=request.url) from unanswered
        raise ConnectionClosedError(endpoint_url=request.url) from unanswered
    answered = HTTPHeaders()
    for name, value in headers:
        answered.add_header(name, value)
    return AWSResponse(request.url, int(status.split()[0]), answered, _Body(b"".join(content)))


def _environ(request: AWSPreparedRequest) -> dict[str, Any]:
    body: Any = request.body or b""
    headers = [
        (name, value.decode() if isinstance(value, bytes) else str(value)) for name, value in request.headers.items()
    ]
    builder = EnvironBuilder(
        method=request.method,
        base_url="{0.scheme}://{0.netloc}/".format(urlsplit(request.url)),
        path=urlsplit(request.url).path or "/",
        query_string=urlsplit(request.url).query,
        headers=headers,
        data=body.encode() if isinstance(body, str) else body,
    )
    return builder.get_environ()


BUILTIN_HANDLERS.append(("before-send", _before_send))
