"""Virtual time: whoever would sleep moves the emulated clock instead."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from unittest.mock import patch

from emulators.aws.account import Account
from providers.aws.provider import AwsProvider
from tests.aws_provider import provider_for
from tests.builders import CONTROLLER


@contextmanager
def virtual_time(account: Account) -> Iterator[None]:
    """Let the pauses between the tries of the AWS SDK and of the product pass on the account's clock."""
    with patch("botocore.endpoint.time", SimpleNamespace(sleep=account.clock.advance)):
        yield


def provider_in(account: Account, bucket: str = "") -> AwsProvider:
    """Return a provider that pauses on the account's clock; `bucket` is the deployment's for authorities."""
    provider = provider_for(CONTROLLER, rate=10_000, bucket=bucket)

    def pause(seconds: float) -> None:
        account.clock.advance(seconds)

    provider.sleep = provider.limits.reconcile.sleep = pause
    return provider
