"""The `MutualAuthentication` block of an HTTPS listener: off, passthrough, or verify against a trust store.

Trust stores are not emulated yet, so `verify` always answers TrustStoreNotFound.
"""

from __future__ import annotations

from typing import Any

from emulators.aws.errors import AwsError, invalid

MODES = frozenset({"off", "passthrough", "verify"})


def checked_mutual_authentication(block: dict[str, Any] | None, protocol: str) -> dict[str, Any] | None:
    """Return the block as reads show it, None where the protocol has none.

    Raises:
        AwsError: ValidationError, TrustStoreNotFound.
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
    if mode != "verify" and block.keys() - {"Mode"}:
        raise invalid("A trust store can only be specified for the mutual authentication mode 'verify'")
    if mode == "verify":
        raise AwsError("TrustStoreNotFound", f"Trust store '{block.get('TrustStoreArn')}' not found")
    return {"Mode": mode}
