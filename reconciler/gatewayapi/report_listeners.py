"""What a run says about listeners, on the object that holds them: the Gateway, or a ListenerSet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.capabilities import Rejection
from reconciler.errors import TransientError
from reconciler.gatewayapi.conditions import Conditions
from reconciler.gatewayapi.graph import Graph, ListenerNode, Problem, SetNode
from reconciler.gatewayapi.report_failures import Failures, listener_status, standing
from reconciler.gatewayapi.status import Condition, ListenerStatus, SetStatus

_BAD_CERTIFICATE = "InvalidCertificateRef"
"""Reason of ResolvedRefs=False; a listener that has another certificate is served all the same."""
_PROGRAMMED = {"ParentNotAccepted": "ParentNotProgrammed"}
"""Reason of Programmed=False for a ListenerSet that is refused, where it is not that of Accepted=False."""


@dataclass(frozen=True, slots=True)
class ListenerReport:
    """Tells what became of listeners; `rejections` are the provider's, `attached` is attachedRoutes by listener."""

    graph: Graph
    rejections: tuple[Rejection, ...]
    failures: Failures
    attached: Mapping[str, int]

    def refusal(self, node: ListenerNode) -> Problem | None:
        """Return why a listener is refused: a conflict first, then its own values, then what the cloud cannot."""
        by_condition = {problem.condition: problem for problem in reversed(node.problems)}
        for condition in ("Conflicted", "Accepted"):
            if condition in by_condition:
                return by_condition[condition]
        found = next((one for one in self._rejected(node) if one.reason != _BAD_CERTIFICATE), None)
        return Problem("Accepted", found.reason, found.message) if found else None

    def _rejected(self, node: ListenerNode) -> list[Rejection]:
        name = f"listener/{node.listener.id}"
        return [one for one in self.rejections if one.origin == name]

    def refused(self, node: ListenerNode) -> bool:
        """Return whether a listener is not accepted."""
        return self.refusal(node) is not None

    def valid(self, node: ListenerNode) -> bool:
        """Return whether a listener is accepted, and has the certificate that it needs."""
        return node.served and not self.refused(node)

    def status(self, node: ListenerNode, programmed: Condition, generation: int) -> ListenerStatus:
        """Return the entry of a listener; `programmed` is its holder's, `generation` too."""
        say = Conditions("Listener", generation)
        refusal = self.refusal(node)
        made = self._programmed(say, node, refusal, programmed)
        conditions = [_accepted(say, refusal), made, self._resolved(say, node)]
        if refusal is not None and refusal.condition == "Conflicted":
            conditions.append(say.true("Conflicted", refusal.reason, refusal.message))
        if node.overlapping:
            message = "another TLS listener of this port takes some of the same hostnames"
            conditions.append(say.true("OverlappingTLSConfig", "OverlappingHostnames", message))
        return ListenerStatus(node.listener.name, node.kinds, self.attached.get(node.listener.id, 0), tuple(conditions))

    def _resolved(self, say: Conditions, node: ListenerNode) -> Condition:
        """Return ResolvedRefs: the user's mistakes, then a certificate that the cloud does not take."""
        unresolved = [problem for problem in node.problems if problem.condition == "ResolvedRefs"]
        if unresolved:
            return say.false("ResolvedRefs", unresolved[0].reason, "; ".join(one.message for one in unresolved))
        if odd := [one.message for one in self._rejected(node) if one.reason == _BAD_CERTIFICATE]:
            return say.false("ResolvedRefs", _BAD_CERTIFICATE, "; ".join(odd))
        if refused := self.failures.of_certificates(node.listener.id):
            return say.false("ResolvedRefs", _BAD_CERTIFICATE, refused.error.message)
        facts = [one.facts for one in node.certificates if one.facts and one.facts.warning]
        return say.true("ResolvedRefs", message="; ".join(f"{one.ref}: {one.warning}" for one in facts))

    def _programmed(
        self, say: Conditions, node: ListenerNode, refusal: Problem | None, programmed: Condition
    ) -> Condition:
        """Return Programmed of a listener: its own matter first, then its holder's.

        What was said before a failure that may pass is better than not knowing.
        """
        if unmade := _unmade(say, node, refusal):
            return unmade
        failure = self.failures.of_listener(node.listener.id) or self.failures.of_gateway()
        if failure is not None and not isinstance(failure.error, TransientError):
            return say.false("Programmed", "Invalid", failure.error.message)
        if programmed.status != "True":
            return say.false(
                "Programmed", "Invalid" if programmed.reason == "Invalid" else "Pending", programmed.message
            )
        if failure is None:
            return say.true("Programmed")
        before = standing(listener_status(self._status(node), node.listener.name), "Programmed")
        return before or say.false("Programmed", "Pending", failure.error.message)

    def _status(self, node: ListenerNode) -> Mapping[str, Any]:
        """Return the status of a listener's holder as read."""
        for one in self.graph.sets:
            if one.listener_set.holder == node.listener.holder:
                return one.listener_set.status
        return self.graph.gateway.status if self.graph.gateway else {}

    def of_set(self, node: SetNode, accepted: Condition, programmed: Condition) -> SetStatus:
        """Return the status of a ListenerSet; `accepted` and `programmed` are the Gateway's."""
        generation = node.listener_set.meta.generation
        nodes = [one for one in self.graph.listeners if one.listener.holder == node.listener_set.holder]
        conditions = self._conditions(node, nodes, accepted, programmed)
        return SetStatus(conditions, tuple(self.status(one, conditions[1], generation) for one in nodes))

    def _conditions(
        self, node: SetNode, nodes: list[ListenerNode], parent_accepted: Condition, parent_programmed: Condition
    ) -> tuple[Condition, Condition]:
        say = Conditions("ListenerSet", node.listener_set.meta.generation)
        if node.refused is not None:
            return _refused(say, node.refused)
        if parent_accepted.status == "False":
            return _refused(say, Problem("Accepted", "ParentNotAccepted", "the Gateway is not accepted"))
        accepted = self._set_accepted(say, nodes)
        if accepted.status == "False":
            return accepted, say.false("Programmed", "ListenersNotValid", accepted.message)
        return accepted, self._set_programmed(say, node, nodes, parent_programmed)

    def _set_programmed(
        self, say: Conditions, node: SetNode, nodes: list[ListenerNode], parent_programmed: Condition
    ) -> Condition:
        """Return Programmed of a ListenerSet that is accepted: False where none of its listeners could be made."""
        failed = [self.failures.of_listener(one.listener.id) for one in nodes if self.valid(one)]
        if all(failed) and (first := next(iter(failed), None)):
            if not isinstance(first.error, TransientError):
                return say.false("Programmed", "ListenersNotValid", first.error.message)
            before = standing(node.listener_set.status, "Programmed")
            return before or say.unknown("Programmed", "Pending", first.error.message)
        if parent_programmed.status == "True":
            return say.true("Programmed")
        return say.false("Programmed", "ParentNotProgrammed", parent_programmed.message)

    def _set_accepted(self, say: Conditions, nodes: list[ListenerNode]) -> Condition:
        invalid = [one.listener.name for one in nodes if not self.valid(one)]
        if not invalid:
            return say.true("Accepted")
        message = f"listeners that are not valid: {', '.join(invalid)}; see their conditions"
        if len(invalid) == len(nodes):
            return say.false("Accepted", "ListenersNotValid", message)
        return say.true("Accepted", "ListenersNotValid", message)


def left_alone(node: SetNode) -> SetStatus:
    """Return the status of a ListenerSet whose Gateway goes: it has no part of it any more."""
    problem = node.refused or Problem("Accepted", "ParentNotAccepted", "the Gateway is gone")
    return SetStatus(_refused(Conditions("ListenerSet", node.listener_set.meta.generation), problem), ())


def _refused(say: Conditions, problem: Problem) -> tuple[Condition, Condition]:
    reason = _PROGRAMMED.get(problem.reason, problem.reason)
    return say.false("Accepted", problem.reason, problem.message), say.false("Programmed", reason, problem.message)


def _accepted(say: Conditions, refusal: Problem | None) -> Condition:
    return say.false("Accepted", refusal.reason, refusal.message) if refusal else say.true("Accepted")


def _unmade(say: Conditions, node: ListenerNode, refusal: Problem | None) -> Condition | None:
    """Return why a listener is not to be made at all; None if it is."""
    if refusal is not None:
        reason = refusal.reason if refusal.condition == "Conflicted" else "Invalid"
        return say.false("Programmed", reason, refusal.message)
    if not node.served:
        return say.false("Programmed", "Invalid", "no certificate can be used: see ResolvedRefs")
    return None
