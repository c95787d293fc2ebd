"""The catalogue of conditions: which reasons the specification knows for each status of each type, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.gatewayapi.status import Condition

type Reasons = Mapping[str, frozenset[str]]


def _reasons(true: str, false: str = "", unknown: str = "") -> Reasons:
    return {"True": frozenset(true.split()), "False": frozenset(false.split()), "Unknown": frozenset(unknown.split())}


CATALOGUE: Mapping[str, Mapping[str, Reasons]] = {
    "GatewayClass": {
        "Accepted": _reasons("Accepted", "InvalidParameters Unsupported UnsupportedVersion", "Pending"),
        "SupportedVersion": _reasons("SupportedVersion", "UnsupportedVersion"),
    },
    "Gateway": {
        "Accepted": _reasons(
            "Accepted ListenersNotValid", "ListenersNotValid Invalid InvalidParameters UnsupportedAddress", "Pending"
        ),
        "Programmed": _reasons(
            "Programmed", "Invalid Pending NoResources AddressNotAssigned AddressNotUsable", "Pending"
        ),
        "ResolvedRefs": _reasons("ResolvedRefs", "InvalidClientCertificateRef RefNotPermitted ListenersNotResolved"),
        "InsecureFrontendValidationMode": _reasons("ConfigurationChanged"),
    },
    "Listener": {
        "Accepted": _reasons(
            "Accepted",
            "PortUnavailable UnsupportedProtocol UnsupportedValue NoValidCACertificate "
            "HostnameConflict ProtocolConflict ListenerConflict TooManyListeners",
            "Pending",
        ),
        "ResolvedRefs": _reasons(
            "ResolvedRefs",
            "InvalidCertificateRef InvalidRouteKinds RefNotPermitted InvalidCACertificateRef InvalidCACertificateKind",
        ),
        "Programmed": _reasons("Programmed", "Invalid Pending HostnameConflict ProtocolConflict", "Pending"),
        "Conflicted": _reasons("HostnameConflict ProtocolConflict"),
        "OverlappingTLSConfig": _reasons("OverlappingHostnames OverlappingCertificates"),
    },
    "ListenerSet": {
        "Accepted": _reasons(
            "Accepted ListenersNotValid", "NotAllowed ParentNotAccepted ListenersNotValid Invalid", "Pending"
        ),
        "Programmed": _reasons(
            "Programmed", "Invalid NotAllowed ParentNotProgrammed ListenersNotValid PortUnavailable", "Pending"
        ),
    },
    "Route": {
        "Accepted": _reasons(
            "Accepted",
            "NoMatchingParent NotAllowedByListeners NoMatchingListenerHostname UnsupportedValue IncompatibleFilters",
            "Pending",
        ),
        "ResolvedRefs": _reasons("ResolvedRefs", "RefNotPermitted InvalidKind BackendNotFound UnsupportedProtocol"),
        "PartiallyInvalid": _reasons("UnsupportedValue"),
    },
    "Policy": {
        "Accepted": _reasons("Accepted", "Conflicted Invalid TargetNotFound NoValidCACertificate"),
        "ResolvedRefs": _reasons("ResolvedRefs", "InvalidCACertificateRef InvalidKind"),
    },
}


class Conditions:
    """Constructs the conditions of one object: its kind (`Listener` for one of its listeners) and generation."""

    def __init__(self, kind: str, generation: int) -> None:
        self._types = CATALOGUE[kind]
        self._generation = generation

    def true(self, type_: str, reason: str = "", message: str = "") -> Condition:
        """Return the condition with status True; the reason is the type's own name unless another is given."""
        return self._make(type_, "True", reason or type_, message)

    def false(self, type_: str, reason: str, message: str) -> Condition:
        """Return the condition with status False."""
        return self._make(type_, "False", reason, message)

    def unknown(self, type_: str, reason: str, message: str) -> Condition:
        """Return the condition with status Unknown."""
        return self._make(type_, "Unknown", reason, message)

    def _make(self, type_: str, status: str, reason: str, message: str) -> Condition:
        if reason not in self._types[type_][status]:
            raise KeyError(f"{type_}={status} has no reason {reason}")
        return Condition(type_, status, reason, _bounded(message), self._generation)


MAX_MESSAGE = 1024
"""Characters. metav1.Condition allows 32768, but a status holds hundreds of conditions (64 listeners, 32 parents), and
one that is larger than etcd takes (1.5 MiB) could not be written at all."""


def _bounded(message: str) -> str:
    return message if len(message) <= MAX_MESSAGE else message[: MAX_MESSAGE - 1] + "…"
