"""The load balancer itself, its security group and ports, and the certificates that listeners use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from providers.aws import calls
from providers.aws.attributes import PROTECTION, with_defaults
from providers.aws.names import ADDONS, OR
from providers.aws.resources import (
    ADDRESSES_KEY,
    ALB,
    BACKEND_ACCESS,
    CERTIFICATE,
    INGRESS,
    LISTENER,
    NLB,
    SECURITY_GROUP,
    SECURITY_GROUP_KEY,
    WEB_ACL_KEY,
    attributes_key,
    balancer_key,
    balancer_of,
)
from providers.aws.steps import creation, deletion, setting, update
from providers.aws.unified import address_steps
from reconciler.plan import Change, Op, Resource, ResourceKey, canonical, differing
from reconciler.values import Json

RULES_QUOTA = "RulesQuota"
"""Field of a wanted load balancer: rules it may have. A limit, nothing to compare or to set."""

type Resources = Mapping[ResourceKey, Resource]


def security_group_creation(want: Resources, got: Resources) -> Iterator[Change]:
    """Yield the creation of our security group, which opens no port yet."""
    if (group := want.get(SECURITY_GROUP_KEY)) and SECURITY_GROUP_KEY not in got:
        yield creation(calls.CREATE_SECURITY_GROUP, group)


def security_group_deletions(want: Resources, got: Resources) -> Iterator[Change]:
    """Yield the deletion of security groups of ours that nothing uses any more; their ingress goes with them."""
    for key in sorted(got):
        if key.kind == SECURITY_GROUP and key not in want:
            yield deletion(calls.DELETE_SECURITY_GROUP, got[key])


def backend_grants(want: Resources, got: Resources) -> Iterator[Change]:
    """Yield what lets our security group reach the backends: before anything is sent there."""
    missing = (want[key] for key in sorted(want) if key.kind == BACKEND_ACCESS and key not in got)
    return (creation(calls.AUTHORIZE_INGRESS, access) for access in missing)


def backend_revocations(want: Resources, got: Resources) -> Iterator[Change]:
    """Yield what takes that back: after nothing is sent there any more; a group that is named there cannot go."""
    stale = (got[key] for key in sorted(got) if key.kind == BACKEND_ACCESS and key not in want)
    return (deletion(calls.REVOKE_INGRESS, access) for access in stale)


def certificate_imports(want: Resources, got: Resources) -> Iterator[Change]:
    """Yield imports of new and renewed certificates. They belong to the cluster, so none is ever deleted here."""
    for key in sorted(want):
        if key.kind != CERTIFICATE:
            continue
        certificate, there = want[key], got.get(key)
        if there is None:
            yield creation(calls.IMPORT_CERTIFICATE, certificate)
        elif is_replaced(certificate, there):
            why = f"{key} has another key type, which a certificate in ACM cannot change: it is imported anew"
            yield creation(calls.IMPORT_CERTIFICATE, certificate, why)
        elif fields := differing(certificate.spec, there.spec):
            yield _either(certificate, there)
            yield update(calls.IMPORT_CERTIFICATE, certificate, there, fields)


def _either(certificate: Resource, there: Resource) -> Change:
    """Return the step that lets a certificate's tag name both contents: after a cut, it must not vouch for one."""
    both = f"{there.spec.get('Fingerprint', '')}{OR}{certificate.spec['Fingerprint']}"
    spec: dict[str, Json] = {**certificate.spec, "Fingerprint": both}
    why = f"{certificate.key} is about to be imported: its tag names what it holds before and after"
    return Change(Op.UPDATE, certificate.key, replace(certificate, spec=spec), there, why, call=calls.TAG_CERTIFICATE)


def is_replaced(certificate: Resource, there: Resource) -> bool:
    """Return whether a renewal needs another certificate in ACM, because the key type is another."""
    return "KeyType" in differing(certificate.spec, there.spec)


def load_balancer_steps(balancer: str, want: Resources, got: Resources) -> Iterator[Change]:
    """Yield creation or changes of a load balancer and its attributes; what cannot be changed is in its name.

    One without any listener to serve is kept where it is, and not made where it is not.
    """
    key = balancer_key(balancer)
    wanted, there = want.get(key), got.get(key)
    if wanted is None or (there is None and not is_needed(balancer, want)):
        return
    wanted = replace(wanted, spec={name: value for name, value in wanted.spec.items() if name != RULES_QUOTA})
    if there is None:
        yield creation(calls.CREATE_LOAD_BALANCER, wanted)
    else:
        yield from _network(wanted, there)
        yield from address_steps(wanted, there, got.get(ADDRESSES_KEY) if balancer == NLB else None)
        yield from _security_groups(wanted, there)
        yield from _recording(wanted, there, {*_addons(wanted), *_addons(there)})
    yield from _attributes(balancer, want, got)
    if balancer == ALB:
        yield from _web_acl(want, got)
    if there is not None:
        yield from _recording(wanted, there, set(_addons(wanted)), final=True)


def is_needed(balancer: str, want: Resources) -> bool:
    """Return whether a load balancer has a listener to serve, and an address to serve at."""
    wanted = want.get(balancer_key(balancer))
    homeless = wanted is not None and wanted.spec.get("Addresses") == []
    return not homeless and any(key.kind == LISTENER and balancer_of(key) == balancer for key in want)


def _attributes(balancer: str, want: Resources, got: Resources) -> Iterator[Change]:
    key, there = attributes_key(balancer), got.get(balancer_key(balancer))
    attributes, known = want.get(key), got.get(key)
    if attributes is not None:
        observed = known.spec if known else {}
        off = {name: "false" for name in _addons(there) if observed.get(name) == "true"}
        wanted = {**off, **with_defaults(attributes.spec, observed, balancer)}
        if fields := differing(wanted, observed):
            yield setting(calls.MODIFY_LB_ATTRIBUTES, attributes, known, {name: wanted[name] for name in fields})


def _network(want: Resource, got: Resource) -> Iterator[Change]:
    """Yield subnets and address type; dual stack needs its subnets first, and leaves before them."""
    fields = differing(want.spec, got.spec)
    steps = {"Subnets": calls.SET_SUBNETS, "IpAddressType": calls.SET_IP_ADDRESS_TYPE}
    order = reversed(steps) if want.spec.get("IpAddressType") == "ipv4" else iter(steps)
    for field in order:
        if field in fields:
            yield setting(steps[field], want, got, {field: want.spec[field]})


def _security_groups(want: Resource, got: Resource) -> Iterator[Change]:
    """Yield the union of old and new groups first, so that no client is shut out in between."""
    if "SecurityGroups" not in differing(want.spec, got.spec):
        return
    new, old = _strings(want.spec.get("SecurityGroups")), _strings(got.spec.get("SecurityGroups"))
    both = sorted({*old, *new})
    between = [both] if set(both) not in (set(old), set(new)) else []
    for groups in (*between, new):
        yield setting(calls.SET_SECURITY_GROUPS, want, got, {"SecurityGroups": list[Json](groups)})


def _addons(balancer: Resource | None) -> list[str]:
    return _strings(balancer.spec.get("Addons")) if balancer else []


def _recording(want: Resource, got: Resource, addons: set[str], *, final: bool = False) -> Iterator[Change]:
    """Yield what records the add-ons that are ours: before one is turned on, and after one was turned off."""
    before = {*_addons(want), *_addons(got)} if final else set(_addons(got))
    if addons == before:
        return
    if addons:
        yield setting(calls.ADD_TAGS, want, got, {"Tags": {ADDONS: " ".join(sorted(addons))}})
    else:
        yield setting(calls.REMOVE_TAGS, want, got, {"TagKeys": [ADDONS]})


def _web_acl(want: Resources, got: Resources) -> Iterator[Change]:
    """Yield the association of the wanted web ACL; one that is not ours by the record is let be."""
    wanted, there = want.get(WEB_ACL_KEY), got.get(WEB_ACL_KEY)
    if wanted is not None and (there is None or there.spec.get("Arn") != wanted.spec["Arn"]):
        yield setting(calls.ASSOCIATE_WEB_ACL, wanted, there, {"Arn": wanted.spec["Arn"]})
    elif wanted is None and there is not None and there.spec.get("Ours"):
        yield deletion(calls.DISASSOCIATE_WEB_ACL, there, "nobody asks for the web ACL any more, which we associated")


def unprotection(balancer: Resource, got: Resources) -> Iterator[Change]:
    """Yield what lets a load balancer be deleted that is protected against it; a person has to agree."""
    attributes = got.get(attributes_key(balancer.key.name))
    if attributes is not None and attributes.spec.get(PROTECTION) == "true":
        off = Resource(attributes.key, {PROTECTION: "false"}, attributes.origins)
        why = f"{balancer.key} is about to be deleted, and protected against that"
        yield Change(Op.UPDATE, off.key, off, attributes, why, call=calls.MODIFY_LB_ATTRIBUTES)


def openings(want: Resources, got: Resources) -> Iterator[Change]:
    """Yield what opens ports to clients: only once their listeners answer."""
    for key in sorted(want):
        if key.kind == INGRESS and (sources := _sources(want[key]) - _sources(got.get(key))):
            yield creation(calls.AUTHORIZE_INGRESS, _permission(want[key], sources))


def closings(want: Resources, got: Resources) -> Iterator[Change]:
    """Yield what closes ports to clients that may not connect any more; a group about to go needs none of it."""
    if SECURITY_GROUP_KEY in got and SECURITY_GROUP_KEY not in want:
        return
    for key in sorted(got):
        if key.kind == INGRESS and (sources := _sources(got[key]) - _sources(want.get(key))):
            why = f"port {key.name} is not open to {', '.join(sorted(sources))} any more"
            yield Change(Op.DELETE, key, None, _permission(got[key], sources), why, call=calls.REVOKE_INGRESS)


def _permission(ingress: Resource, sources: set[str]) -> Resource:
    return replace(ingress, spec={**ingress.spec, "Sources": list[Json](sorted(sources))})


def _sources(ingress: Resource | None) -> set[str]:
    return set(_strings(ingress.spec.get("Sources"))) if ingress else set()


def _strings(value: Json) -> list[str]:
    return [str(item) for item in value] if isinstance(value, (list, tuple)) else []


def same_name(want: Resource, got: Resource) -> bool:
    """Return whether an observed load balancer is the wanted one, and not one that it replaces."""
    return canonical(want.spec.get("Name")) == canonical(got.spec.get("Name"))
