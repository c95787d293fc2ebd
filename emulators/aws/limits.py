"""The account's ELBv2 quotas, by the names that DescribeAccountLimits gives them.

Defaults are those of the user guides; `Limits.set` is the emulated Service Quotas console. Fixed quotas can be set as
well: a test may shrink them to reach them cheaply.
"""

from __future__ import annotations

from typing import Any

from emulators.aws.errors import invalid
from emulators.aws.paging import page

DEFAULTS = {
    "application-load-balancers": 50,
    "network-load-balancers": 50,
    "target-groups": 3000,
    "rules-per-application-load-balancer": 100,
    "condition-values-per-alb-rule": 5,
    "condition-wildcards-per-alb-rule": 5,
    "target-groups-per-action-on-application-load-balancer": 5,
    "target-groups-per-action-on-network-load-balancer": 5,
    "target-groups-per-application-load-balancer": 100,
    "listeners-per-application-load-balancer": 50,
    "listeners-per-network-load-balancer": 50,
    "certificates-per-application-load-balancer": 25,
    "certificates-per-network-load-balancer": 25,
    "targets-per-target-group": 1000,
    "targets-per-application-load-balancer": 1000,
    "targets-per-network-load-balancer": 3000,
    "targets-per-availability-zone-per-network-load-balancer": 500,
    "target-id-registrations-per-application-load-balancer": 1000,
    "network-load-balancer-enis-per-vpc": 1200,
}

UNLISTED = {
    "trust-stores": 20,
    "ca-certificates-per-trust-store": 25,
    "verify-listeners-per-application-load-balancer": 2,
}
"""Quotas of the guide for which no name in an answer is documented; these names are ours."""


class Limits:
    """The quotas of one account, readable by name and settable."""

    def __init__(self) -> None:
        self._values = DEFAULTS | UNLISTED

    def __getitem__(self, name: str) -> int:
        return self._values[name]

    def set(self, name: str, value: int) -> None:
        """Give quota `name` another value.

        Raises:
            KeyError: there is no quota of that name.
        """
        if name not in self._values:
            raise KeyError(f"no quota is called {name!r}; known are {', '.join(sorted(self._values))}")
        self._values[name] = int(value)

    def describe(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer DescribeAccountLimits: `Max` is a string."""
        if unknown := set(request) - {"Marker", "PageSize"}:
            raise invalid(f"Unknown parameters {sorted(unknown)}")
        items = [{"Name": name, "Max": str(value)} for name, value in self._values.items() if name in DEFAULTS]
        return page(items, request, "Limits")
