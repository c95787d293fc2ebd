"""What the cloud refused for good, kept from run to run in the mark: the events of others ask for it no more (Law 6).

A refused step would else be tried in every run, and all be looked at for its sake: whoever asks for something that the
cloud does not take would slow down every later change of everybody on the Gateway. It is tried again when anything
wanted for the same origins changes, when room was made for what did not fit, and whenever the schedule looks.
"""

from __future__ import annotations

from collections.abc import Mapping

from reconciler import errors
from reconciler.errors import TerminalError
from reconciler.events import Cause
from reconciler.mark import Mark, Refusal
from reconciler.plan import Failure, Outcome, Rendered, Resource, ResourceKey, digest

MOST = 100
"""Refusals that a mark holds; a Gateway with more of them is looked at as a whole in every run."""
MAX_MESSAGE = 1000
_ERRORS: Mapping[str, type[TerminalError]] = {
    one.__name__: one
    for one in (errors.PermissionDenied, errors.QuotaExceeded, errors.Misconfigured, errors.InvalidCertificate)
}


def remember(outcome: Outcome, want: Rendered) -> tuple[Refusal, ...] | None:
    """Return what the mark has to hold so that it may say clean of all else; None if that cannot be said."""
    if not outcome.failed:
        return () if outcome.complete else None
    known = all(_is_told(one, want) for one in outcome.failed)
    if not outcome.settled or outcome.held or not known or len(outcome.failed) > MOST:
        return None
    wanted = _Wanted(want)
    return tuple(
        Refusal(
            key=(one.key.kind, one.key.scope, one.key.name),
            call=one.call,
            wanted=wanted.digest(one.key),
            error=type(one.error).__name__,
            message=one.error.message,
            last_good=one.last_good,
            missing=one.missing,
            keeps=one.keeps,
        )
        for one in outcome.failed
    )


def _is_told(one: Failure, want: Rendered) -> bool:
    """Return whether a refusal can be told again from the want and a mark."""
    known = type(one.error).__name__ in _ERRORS and len(one.error.message) <= MAX_MESSAGE
    return known and bool(one.call) and one.key in want.resources


def recall(mark: Mark, want: Rendered, cause: Cause) -> tuple[Failure, ...] | None:
    """Return what a run has to take as refused; None if all is to be looked at, and what was refused asked again."""
    if not mark.refused:
        return ()
    if cause is not Cause.EVENT:
        return None
    wanted = _Wanted(want)
    found = []
    for one in mark.refused:
        key = ResourceKey(*one.key)
        if one.error not in _ERRORS or wanted.digest(key) != one.wanted:
            return None
        found.append(_failure(one, want.resources[key]))
    return tuple(found)


def _failure(one: Refusal, resource: Resource) -> Failure:
    return Failure(
        key=resource.key,
        error=_ERRORS[one.error](one.message),
        origins=resource.origins,
        last_good=one.last_good,
        listeners=resource.listeners,
        call=one.call,
        missing=one.missing,
        keeps=one.keeps,
    )


class _Wanted:
    """Digests of all that is wanted for the same origins as a resource."""

    def __init__(self, want: Rendered) -> None:
        self._want = want.resources
        self._by_origin: dict[str, list[ResourceKey]] = {}
        for key in sorted(want.resources):
            for origin in want.resources[key].origins:
                self._by_origin.setdefault(origin, []).append(key)

    def digest(self, key: ResourceKey) -> str:
        """Return the digest; "" for what is not wanted."""
        if key not in self._want:
            return ""
        alike = {other for origin in self._want[key].origins for other in self._by_origin[origin]}
        return digest({str(one): dict(self._want[one].spec) for one in sorted({key, *alike})})
