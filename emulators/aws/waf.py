"""WAFv2's association of web ACLs with load balancers, on top of moto: what may have one, and only one.

Source: AWS WAF API, AssociateWebACL: an Application Load Balancer is one of the resources, a Network Load Balancer is
none; an association takes the place of the former one; what was just made may be unavailable for a while.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from emulators.aws.errors import AwsError
from emulators.aws.region import Region

_ABOUT = frozenset({"AssociateWebACL", "DisassociateWebACL", "GetWebACLForResource"})


def check_waf_call(region: Region, operation: str, request: dict[str, Any], release: Callable[[str], None]) -> None:
    """Refuse calls about what cannot have a web ACL; let the former one go before another one comes.

    Args:
        region: where the load balancers are.
        operation: the operation's name.
        request: its parameters.
        release: takes the web ACL of a resource away.

    Raises:
        AwsError: WAFInvalidParameterException, WAFNonexistentItemException, WAFUnavailableEntityException.
    """
    if operation not in _ABOUT:
        return
    arn = request.get("ResourceArn", "")
    balancer = region.load_balancers.get(arn)
    if ":loadbalancer/net/" in arn:
        raise AwsError("WAFInvalidParameterException", f"The resource '{arn}' cannot have a web ACL")
    if balancer is None:
        raise AwsError("WAFNonexistentItemException", f"The resource '{arn}' does not exist")
    if not region.visible(balancer):
        raise AwsError("WAFUnavailableEntityException", f"The resource '{arn}' is not available yet; retry")
    if operation == "AssociateWebACL":
        release(arn)
