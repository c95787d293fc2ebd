"""The AWS provider as a deployment would get it, by its own type: for tests that look behind the port."""

from __future__ import annotations

from typing import Any

import providers
from providers.aws.provider import AwsProvider


def provider_for(controller: str, **deployment: Any) -> AwsProvider:
    """Return what `providers.provider_for` returns."""
    found = providers.provider_for(controller, **deployment)
    assert isinstance(found, AwsProvider)
    return found
