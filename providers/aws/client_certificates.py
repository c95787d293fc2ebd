"""Client certificates on HTTPS listeners: what asks for them, the trust stores behind it, and the order of both.

A trust store belongs to one Gateway and is named by what it holds: listeners that trust the same authorities share it,
and other authorities are another trust store, made before any listener turns to it and deleted after all left the
former one. Pure, no SDK; the calls stand in `providers.aws.trust_stores`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from providers.aws import calls
from providers.aws.names import bundle_key, trust_store_name
from providers.aws.resources import CA_BUNDLE, TRUST_STORE, ca_bundle_key, trust_store_key
from providers.aws.steps import creation, deletion, update
from reconciler.capabilities import Rejection
from reconciler.ir import Frontend, LoadBalancer
from reconciler.plan import Change, Resource, ResourceKey, differing, digest
from reconciler.values import Json

VALID_ONLY = "AllowValidOnly"
MOST_VERIFIED = 2
"""Listeners of an ALB in the mode `verify` (ELBv2 guide, quotas of Application Load Balancers; not adjustable)."""
MOST_AUTHORITIES = 25
"""Certificates of a trust store (the same)."""
LARGEST_AUTHORITY = 16 * 1024
"""Bytes of one of them (the same)."""
BUCKET_SETTING = "ROUTEWRIGHT_TRUST_STORE_BUCKET"
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n?", re.DOTALL)

type Resources = Mapping[ResourceKey, Resource]


# --- what is wanted -----------------------------------------------------------------------------------------------


def with_client_certificates(frontends: Sequence[Frontend], bucket: str) -> tuple[list[Frontend], list[Rejection]]:
    """Return the frontends whose clients can be validated as wanted; the others are no listeners, rather than open."""
    kept: list[Frontend] = []
    refused: list[Rejection] = []
    for frontend in frontends:
        if problem := _problem(frontend, bucket):
            names = (f"listener/{one.name}" for one in frontend.listeners)
            refused.extend(Rejection(name, "UnsupportedValue", problem) for name in names)
        else:
            kept.append(frontend)
    return kept, refused


def _problem(frontend: Frontend, bucket: str) -> str:
    if not verifies(frontend):
        return ""
    authorities = _authorities(frontend)
    if not bucket:
        return (
            "client certificates cannot be validated: a trust store is made from an object in S3, and "
            f"{BUCKET_SETTING} of this deployment names no bucket"
        )
    if len(authorities) > MOST_AUTHORITIES:
        return (
            f"caCertificateRefs hold {len(authorities)} certificates, a trust store takes {MOST_AUTHORITIES}; "
            "name fewer authorities"
        )
    largest = max(map(len, authorities), default=0)
    if largest > LARGEST_AUTHORITY:
        return f"caCertificateRefs hold a certificate of {largest} bytes, an ALB takes {LARGEST_AUTHORITY}"
    return "" if authorities else "caCertificateRefs hold no certificate"


def verifies(frontend: Frontend) -> bool:
    """Return whether a frontend's clients need a certificate that somebody vouches for."""
    wanted = frontend.client_validation
    return wanted is not None and wanted.mode == VALID_ONLY


def _authorities(frontend: Frontend) -> list[str]:
    """Return the certificates (PEM) of all bundles, without repeats, in an order that depends on them alone."""
    wanted = frontend.client_validation
    found = (_CERTIFICATE.findall(bundle.pem) for bundle in (wanted.bundles if wanted else ()))
    return sorted({f"{one.strip()}\n" for several in found for one in several})


def mutual_authentication(lb: LoadBalancer, frontend: Frontend) -> dict[str, Json]:
    """Return the canonical MutualAuthentication of an HTTPS listener.

    AllowInsecureFallback is `passthrough`: a certificate is asked for and handed on, whatever it is.
    """
    if frontend.client_validation is None:
        return {"Mode": "off"}
    if not verifies(frontend):
        return {"Mode": "passthrough"}
    store = _name(lb, _authorities(frontend))
    return {"Mode": "verify", "TrustStore": store, "IgnoreClientCertificateExpiry": False}


def trust_stores(lb: LoadBalancer, frontends: Sequence[Frontend], bucket: str) -> Iterator[Resource]:
    """Yield the trust stores of a Gateway's frontends, and the objects that they are made from."""
    users: dict[str, list[str]] = {}
    held: dict[str, list[str]] = {}
    for frontend in frontends:
        if verifies(frontend):
            authorities = _authorities(frontend)
            name = _name(lb, authorities)
            held[name] = authorities
            users.setdefault(name, []).extend(f"listener/{one.name}" for one in frontend.listeners)
    for name, authorities in held.items():
        origins, place = tuple(users[name]), {"Bucket": bucket, "Key": bundle_key(lb.key, lb.uid, name)}
        yield Resource(ca_bundle_key(name), {**place, "Pem": "".join(authorities)}, origins)
        yield Resource(trust_store_key(name), {"Name": name, "Certificates": len(authorities)}, origins)


def _name(lb: LoadBalancer, authorities: Sequence[str]) -> str:
    return trust_store_name(lb.key, lb.uid, digest("".join(authorities)))


def store_of(listener: Resource) -> str:
    """Return the name of the trust store that a listener verifies its clients by, "" if it uses none."""
    wanted = listener.spec.get("MutualAuthentication")
    return str(wanted.get("TrustStore", "")) if isinstance(wanted, Mapping) else ""


# --- the order ----------------------------------------------------------------------------------------------------


def trust_store_creations(want: Resources, got: Resources) -> Iterator[Change]:
    """Yield what makes trust stores, before any listener uses them; one that somebody filled anew is mended."""
    for key in sorted(want):
        if key.kind != TRUST_STORE:
            continue
        bundle, there = want[ca_bundle_key(key.name)], got.get(key)
        if bundle.key not in got:
            yield creation(calls.PUT_BUNDLE, bundle)
        if there is None:
            yield creation(calls.CREATE_TRUST_STORE, _with_place(want[key], bundle))
        elif fields := differing(want[key].spec, there.spec):
            yield update(calls.MODIFY_TRUST_STORE, _with_place(want[key], bundle), there, fields)


def _with_place(store: Resource, bundle: Resource) -> Resource:
    place = {name: bundle.spec[name] for name in ("Bucket", "Key")}
    return Resource(store.key, {"Name": store.spec["Name"], **place}, store.origins)


def trust_store_deletions(want: Resources, got: Resources) -> Iterator[Change]:
    """Yield what removes trust stores that no listener uses any more, each after the object that it was made from.

    In this order a run that is cut in between leaves a trust store, which the next one finds, and no object.
    """
    for kind in (CA_BUNDLE, TRUST_STORE):
        call = calls.DELETE_BUNDLE if kind == CA_BUNDLE else calls.DELETE_TRUST_STORE
        for key in sorted(got):
            if key.kind == kind and key not in want:
                yield deletion(call, got[key])
