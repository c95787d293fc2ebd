"""What most whole runs against the emulated AWS start from; a file that needs another world has its own fixture."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from emulators.aws.inprocess import strict_aws
from tests.aws_world import World
from tests.unit.providers.aws.fleet_world import Fleet


@pytest.fixture(name="world")
def _world() -> Iterator[World]:
    """Give a fresh account, and a cluster with a Gateway and a Route."""
    with strict_aws() as account:
        yield World(account)


@pytest.fixture(name="fleet")
def _fleet() -> Iterator[Fleet]:
    """Give the same with instances, a Node each, and a Service whose BackendConfig asks for them."""
    with strict_aws() as account:
        yield Fleet(account)
