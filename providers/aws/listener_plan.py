"""Listeners and their certificates. Their rules are planned in `rule_plan`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from providers.aws import calls
from providers.aws.base_plan import is_replaced
from providers.aws.resources import (
    LISTENER,
    LISTENER_ATTRIBUTES,
    LISTENER_CERTIFICATE,
    certificate_key,
    holder_of,
    port_of,
)
from providers.aws.steps import creation, deletion, setting, update
from reconciler.plan import Change, Resource, ResourceKey, differing

_ANSWER = "DefaultActions"

type Resources = Mapping[ResourceKey, Resource]


def wanted_listeners(want: Resources) -> tuple[ResourceKey, ...]:
    """Return the keys of the wanted listeners, by load balancer and port."""
    return tuple(sorted((key for key in want if key.kind == LISTENER), key=lambda key: (key.scope, port_of(key))))


def listener_steps(key: ResourceKey, want: Resources, got: Resources) -> Iterator[Change]:
    """Yield creation or changes of a listener and what it needs to greet clients, but not its default answer.

    A certificate is in the list before it stops being the default one; a listener that gets another protocol gets it
    first, since only HTTPS listeners have certificates.
    """
    listener, there = want[key], got.get(key)
    shown = want.get(certificate_key(str(listener.spec.get("Certificate", ""))))
    if there is None:
        yield replace(creation(calls.CREATE_LISTENER, listener), part=shown)
        yield from _additions(key, want, got)
    elif fields := _greeting(listener, there, want, got):
        switched = "Protocol" in fields
        spec = listener.spec if switched else {name: listener.spec[name] for name in fields}
        change = update(calls.MODIFY_LISTENER, Resource(listener.key, spec, listener.origins), there, fields)
        change = replace(change, part=shown if "Certificate" in spec else None)
        yield from (change, *_additions(key, want, got)) if switched else (*_additions(key, want, got), change)
    else:
        yield from _additions(key, want, got)


def attribute_steps(want: Resources, got: Resources) -> Iterator[Change]:
    """Yield the changes of listeners' attributes."""
    for key in sorted(want):
        if key.kind != LISTENER_ATTRIBUTES:
            continue
        attributes, there = want[key], got.get(key)
        if fields := differing(attributes.spec, there.spec if there else {}):
            spec = {name: attributes.spec[name] for name in fields}
            yield setting(calls.MODIFY_LISTENER_ATTRIBUTES, attributes, there, spec)


def default_answer(key: ResourceKey, want: Resources, got: Resources) -> Iterator[Change]:
    """Yield the change of what a listener answers where no rule does."""
    listener, there = want[key], got.get(key)
    if there is None or (fields := differing(listener.spec, there.spec)) == () or "Protocol" in fields:
        return
    if _ANSWER in fields:
        yield setting(calls.MODIFY_LISTENER, listener, there, {_ANSWER: listener.spec[_ANSWER]})


def certificate_removals(listener: ResourceKey, want: Resources, got: Resources) -> Iterator[Change]:
    """Yield the removal of certificates that a listener no longer offers; a plain listener has lost them already."""
    if want[listener].spec.get("Protocol") not in ("HTTPS", "TLS"):
        return
    for key in sorted(got):
        if key.kind == LISTENER_CERTIFICATE and holder_of(key) == listener:
            if key not in want:
                yield deletion(calls.REMOVE_LISTENER_CERTIFICATE, got[key])
            elif _replaced(key.name, want, got):
                why = f"{key} is the one with the former key type"
                yield deletion(calls.REMOVE_LISTENER_CERTIFICATE, got[key], why)


def listener_deletions(want: Resources, got: Resources) -> Iterator[Change]:
    """Yield the deletion of listeners that are not wanted; their rules and certificates go with them."""
    for key in sorted(got):
        if key.kind == LISTENER and key not in want:
            yield deletion(calls.DELETE_LISTENER, got[key])


def _greeting(listener: Resource, there: Resource, want: Resources, got: Resources) -> tuple[str, ...]:
    """Return the differing fields but the default answer; a certificate imported anew counts as another."""
    fields = {name for name in differing(listener.spec, there.spec) if name != _ANSWER}
    if _replaced(str(listener.spec.get("Certificate", "")), want, got):
        fields.add("Certificate")
    return tuple(sorted(fields))


def _additions(listener: ResourceKey, want: Resources, got: Resources) -> Iterator[Change]:
    for key in sorted(want):
        if key.kind != LISTENER_CERTIFICATE or holder_of(key) != listener:
            continue
        if key not in got or _replaced(key.name, want, got):
            yield creation(calls.ADD_LISTENER_CERTIFICATE, want[key])


def _replaced(name: str, want: Resources, got: Resources) -> bool:
    certificate, there = want.get(certificate_key(name)), got.get(certificate_key(name))
    return certificate is not None and there is not None and is_replaced(certificate, there)
