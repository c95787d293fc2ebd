"""Which namespaces a Listener takes Routes from, and a Gateway ListenerSets."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.gatewayapi.resources import AllowedListeners, AllowedRoutes, LabelSelector
from reconciler.values import frozen_map

_NONE: Mapping[str, str] = frozen_map()


def allowed_from(
    allowed: AllowedRoutes | AllowedListeners, holder: str, namespace: str, labels: Mapping[str, Mapping[str, str]]
) -> bool:
    """Return whether objects of `namespace` may attach to one (listener or Gateway) that lives in namespace `holder`.

    `labels` are those of the Namespaces by name. No selector selects nothing, an empty one everything.
    """
    if allowed.source == "All":
        return True
    if allowed.source == "Selector":
        found = labels.get(namespace)
        return found is not None and allowed.selector is not None and selects(allowed.selector, found)
    return allowed.source == "Same" and namespace == holder


def selects(selector: LabelSelector, labels: Mapping[str, str]) -> bool:
    """Return whether a label selector takes a set of labels; an unknown operator takes none."""
    exact = all(labels.get(key) == value for key, value in selector.labels.items())
    return exact and all(_holds(expression, labels) for expression in selector.expressions)


def _holds(expression: tuple[str, str, tuple[str, ...]], labels: Mapping[str, str]) -> bool:
    key, operator, values = expression
    match operator:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return key not in labels or labels[key] not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
        case _:
            return False
