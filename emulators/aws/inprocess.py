"""An emulated account for one test: every boto3 client made inside talks to it, without any socket."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import boto3

from emulators.aws.account import Account
from emulators.aws.settings import Settings
from emulators.aws.transport import environment_of


@contextmanager
def strict_aws(settings: Settings | None = None) -> Iterator[Account]:
    """Open a fresh account, point the environment at it, and forget it in the end."""
    account = Account(settings or Settings())
    session = boto3.DEFAULT_SESSION
    with patch.dict(os.environ, environment_of(account.endpoint_url, account.settings.region)):
        boto3.DEFAULT_SESSION = None
        try:
            yield account
        finally:
            boto3.DEFAULT_SESSION = session
            account.forget()
