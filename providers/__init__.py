"""Cloud adapters, one folder a cloud, the same file names in each.

An SDK is imported only when its provider is chosen.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from reconciler.errors import Misconfigured

if TYPE_CHECKING:
    from providers.aws.provider import AwsProvider

AWS = "routewright.dev/aws"


def provider_for(  # noqa: PLR0913 - settings, each with a default
    controller: str,
    *,
    left: Callable[[], float] = lambda: float("inf"),
    roles: tuple[str, ...] = (),
    concurrency: int = 1,
    rate: float = 1.0,
    settle: float = 0.0,
    bucket: str = "",
) -> AwsProvider:
    """Return the provider of a controllerName; a suffix (`routewright.dev/aws-canary`) is a second deployment's.

    Args:
        controller: our controllerName.
        left: seconds left of the invocation under way.
        roles: identities that a GatewayClass may ask us to assume.
        concurrency: how many reconciles share the deployment's rate of calls.
        rate: how many times the cloud's documented limits the account has, where they were raised or an emulator has
            none.
        settle: seconds until what the cloud acknowledged is everywhere, so that what it replaced may go.
        bucket: where the objects stand that the cloud reads certificate authorities from; "" for nowhere.

    Raises:
        Misconfigured: no provider has this name, or so many reconciles cannot stay within the account's limits.
    """
    if controller == AWS or controller.startswith(f"{AWS}-"):
        from providers.aws.limiter import limits
        from providers.aws.provider import AwsProvider

        return AwsProvider(left, roles, limits(concurrency, rate), settle=settle, bucket=bucket)
    raise Misconfigured(f"no provider has the controllerName {controller!r}; known is {AWS}, with or without a suffix")
