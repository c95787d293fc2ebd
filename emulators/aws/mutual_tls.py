"""The `MutualAuthentication` block of an HTTPS listener: off, passthrough, or verify against a trust store.

Sources: ELBv2 API model, MutualAuthenticationAttributes, CreateListener; user guide, quotas of Application Load
Balancers. The code with which a third listener in the mode `verify` is refused is not documented: the usual one.
"""

from __future__ import annotations

from typing import Any

from emulators.aws.errors import AwsError, invalid
from emulators.aws.records import Listener, LoadBalancer
from emulators.aws.region import Region

MODES = frozenset({"off", "passthrough", "verify"})
SWITCH = frozenset({"on", "off"})


def checked_mutual_authentication(region: Region, block: dict[str, Any] | None, protocol: str) -> dict[str, Any] | None:
    """Return the block as reads show it, None where the protocol has none.

    Raises:
        AwsError: ValidationError, TrustStoreNotFound, TrustStoreNotReady.
    """
    if protocol != "HTTPS":
        if block is not None:
            raise invalid(f"Mutual authentication cannot be specified for {protocol} listeners")
        return None
    if block is None:
        return {"Mode": "off"}
    mode = block.get("Mode", "off")
    if mode not in MODES:
        raise invalid(f"The mutual authentication mode '{mode}' must be one of '{','.join(sorted(MODES))}'")
    if mode != "verify":
        if block.keys() - {"Mode"}:
            raise invalid("A trust store can only be specified for the mutual authentication mode 'verify'")
        return {"Mode": mode}
    return _verified(region, block)


def _verified(region: Region, block: dict[str, Any]) -> dict[str, Any]:
    if not block.get("TrustStoreArn"):
        raise invalid("A trust store must be specified for the mutual authentication mode 'verify'")
    store = region.trust_store(block["TrustStoreArn"])
    if region.clock.now() < store.active_at:
        raise AwsError("TrustStoreNotReady", f"Trust store '{store.arn}' is not active")
    advertised = block.get("AdvertiseTrustStoreCaNames", "off")
    if advertised not in SWITCH:
        raise invalid(f"AdvertiseTrustStoreCaNames '{advertised}' must be one of 'off,on'")
    return {
        "Mode": "verify",
        "TrustStoreArn": store.arn,
        "IgnoreClientCertificateExpiry": bool(block.get("IgnoreClientCertificateExpiry", False)),
        "AdvertiseTrustStoreCaNames": advertised,
    }


def check_verified(region: Region, balancer: LoadBalancer, wanted: Listener, present: Listener | None) -> None:
    """Refuse one more listener in the mode `verify` than a load balancer may have.

    Raises:
        AwsError: ValidationError.
    """
    others = [one for one in balancer.listeners.values() if one is not present and _verifies(one)]
    most = region.limits["verify-listeners-per-application-load-balancer"]
    if _verifies(wanted) and len(others) >= most:
        raise invalid(f"A load balancer can have at most '{most}' listeners in the mutual authentication mode 'verify'")


def _verifies(listener: Listener) -> bool:
    return (listener.mutual_authentication or {}).get("Mode") == "verify"
