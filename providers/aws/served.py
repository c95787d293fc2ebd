"""Which listeners the load balancers take: by key types of certificates, then by the quotas, the first ones first.

A listener that is refused is told so, alone, and its hosts stay closed on the port. Listeners count by port, TCP and
UDP of a port as one; certificates count by load balancer, once for each port that shows them, besides each port's
default. Where one NLB stands in front of all, all ports count together, and a port is either for requests or for
streams: a target group of type `alb` takes TCP only, so no listener leads UDP elsewhere beside it. Source: ELBv2
guides, "Quotas for your load balancers"; NLB guide, "Use an Application Load Balancer as a target".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from providers.aws.config import Quotas
from reconciler.capabilities import Rejection
from reconciler.certificates import Certificate
from reconciler.gatewayapi.fences import without
from reconciler.ir import Frontend, FrontendListener

KEY_TYPES = frozenset({"RSA_2048", "RSA_3072", "RSA_4096", "EC_prime256v1", "EC_secp384r1", "EC_secp521r1"})


@dataclass(slots=True)
class Served:
    """The frontends that are left, and what was refused."""

    frontends: list[Frontend] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)


def served(frontends: Sequence[Frontend], quotas: Quotas, *, unified: bool = False) -> Served:
    """Return the frontends with the listeners and certificates that their load balancers take.

    `unified`: one NLB listens on all ports, also on those of requests.
    """
    found = Served()
    fit = [_with_fit_keys(frontend, found) for frontend in frontends]
    apart = [one for one in fit if not one.streams], [one for one in fit if one.streams]
    for listening in (_of_one_sort(fit, found),) if unified else apart:
        found.frontends.extend(_within_quotas(listening, quotas, found))
    found.frontends = sorted((one for one in found.frontends if one.listeners), key=lambda one: one.port)
    return found


def _with_fit_keys(frontend: Frontend, found: Served) -> Frontend:
    """Return a frontend with the certificates that a load balancer takes; a listener needs one of its own."""
    odd = [one for one in frontend.certificates if one.facts is not None and one.facts.key_type not in KEY_TYPES]
    if not odd:
        return frontend
    refused: set[str] = set()
    for one in frontend.listeners:
        if told := "; ".join(_odd_key(certificate) for certificate in one.certificates if certificate in odd):
            left = any(certificate not in odd for certificate in one.certificates)
            reason = "InvalidCertificateRef" if left else "UnsupportedValue"
            found.rejections.append(Rejection(f"listener/{one.name}", reason, told))
            refused.update(() if left else (one.name,))
    kept = tuple(
        replace(one, certificates=tuple(certificate for certificate in one.certificates if certificate not in odd))
        for one in frontend.listeners
    )
    fit = tuple(one for one in frontend.certificates if one not in odd)
    return without(replace(frontend, listeners=kept, certificates=fit), refused)


def _odd_key(certificate: Certificate) -> str:
    facts = certificate.facts
    return f"{facts.ref}: a load balancer takes no key of type {facts.key_type}" if facts else ""


def _of_one_sort(frontends: Sequence[Frontend], found: Served) -> list[Frontend]:
    """Return the frontends less the listeners for streams on a port for requests, or the other way round."""
    first: dict[int, Frontend] = {}
    for _, frontend in _by_precedence(frontends):
        first.setdefault(frontend.port, frontend)
    left = []
    for frontend in frontends:
        holder = first.get(frontend.port, frontend)
        late = frontend.listeners if holder.streams != frontend.streams else ()
        use = f"carries {holder.protocol}" if holder.streams else "is used by requests"
        message = f"port {frontend.port} {use}, at the same address; choose another"
        found.rejections.extend(Rejection(f"listener/{one.name}", "PortUnavailable", message) for one in late)
        left.append(without(frontend, {one.name for one in late}))
    return left


def _within_quotas(frontends: Sequence[Frontend], quotas: Quotas, found: Served) -> Iterator[Frontend]:
    """Yield the frontends that a load balancer listens for, less the listeners that are too many."""
    ports: set[int] = set()
    shown: dict[tuple[bool, int], set[Certificate]] = {}
    refused: set[str] = set()
    for one, frontend in _by_precedence(frontends):
        port, place = frontend.port, (frontend.streams, frontend.port)
        beside = {**shown, place: shown.get(place, set()) | set(one.certificates)}
        every = (certificates for (streams, _), certificates in beside.items() if streams == frontend.streams)
        extra = sum(len(certificates) - 1 for certificates in every if certificates)
        if port not in ports and len(ports) >= quotas.listeners:
            message = f"the load balancer has {quotas.listeners} ports, all taken by listeners that go before this one"
            found.rejections.append(_too_many(one, "PortUnavailable", message))
            refused.add(one.name)
        elif extra > quotas.certificates:
            message = (
                f"the load balancer takes {quotas.certificates} certificates besides each port's default, and {extra} "
                "are needed; listeners that go before this one keep theirs"
            )
            found.rejections.append(_too_many(one, "UnsupportedValue", message))
            refused.add(one.name)
        else:
            ports.add(port)
            shown = beside
    return (without(frontend, refused & {one.name for one in frontend.listeners}) for frontend in frontends)


def _by_precedence(frontends: Sequence[Frontend]) -> list[tuple[FrontendListener, Frontend]]:
    every = ((one, frontend) for frontend in frontends for one in frontend.listeners)
    return sorted(every, key=lambda pair: (pair[0].place, pair[0].name))


def _too_many(listener: FrontendListener, reason: str, message: str) -> Rejection:
    return Rejection(f"listener/{listener.name}", "TooManyListeners" if listener.of_set else reason, message)
