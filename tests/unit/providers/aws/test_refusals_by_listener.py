"""What a listener's load balancer cannot do of a Route is refused on that listener: elsewhere the Route is served."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.builders import (
    backend,
    gateway,
    gateway_class,
    listener,
    parent,
    prefix,
    route,
    route_of,
    rule,
    with_service,
)
from tests.unit.providers.aws.offline import Answers, answers

type Plain = dict[str, Any]

HEADERS = [{"name": f"x-{number}", "value": "1"} for number in range(4)]
FULL = {**prefix("/full"), "headers": HEADERS}
"""One value for the path and one a header: a rule of an ALB has five, so that a hostname is one too many."""
LISTENERS = (listener("any"), listener("host", hostname="a.example.com"))


def told(found: Answers, kind: str = "HTTPRoute") -> list[dict[str, tuple[str, str]]]:
    """Return {type: (status, message)} by parent entry of Route a/web."""
    (status,) = [one[3] for one in found.offline.statuses if one[:3] == (kind, "a", "web")]
    parents = status["parents"]
    return [{one["type"]: (one["status"], one["message"]) for one in entry["conditions"]} for entry in parents]


def attached(found: Answers) -> dict[str, int]:
    (status,) = [one[3] for one in found.offline.statuses if one[0] == "Gateway"]
    return {one["name"]: one["attachedRoutes"] for one in status["listeners"]}


def of_route(*rules: Plain, parents: Sequence[Plain] | None = None) -> Answers:
    here = gateway(listeners=list(LISTENERS))
    return answers(gateway_class(), here, route(rules=list(rules), parents=parents), *with_service())


def test_a_rule_that_one_listener_cannot_take_is_served_on_the_other() -> None:
    found = of_route(rule(backend(), matches=[FULL]))

    (entry,) = told(found)
    assert "True" == entry["Accepted"][0]
    status, message = entry["PartiallyInvalid"]
    assert "True" == status
    assert message.startswith("Dropped Rule: rule 0 on listener host: match 0: needs 6 conditions")
    rules = [str(spec["Conditions"]) for spec in found.specs("rule")]
    assert ["/full", "a.example.com"] == sorted("/full" if "/full" in one else "a.example.com" for one in rules)
    assert not any("/full" in one and "a.example.com" in one for one in rules)


def test_each_parent_ref_hears_of_its_own_listener_alone() -> None:
    parents = [parent(sectionName="any"), parent(sectionName="host")]

    found = of_route(rule(backend(), matches=[FULL]), parents=parents)

    whole, none = told(found)
    assert "True" == whole["Accepted"][0]
    assert "PartiallyInvalid" not in whole
    assert "False" == none["Accepted"][0]
    assert none["Accepted"][1].startswith("no rule can be used; rule 0: match 0: needs 6")
    assert {"any": 1, "host": 0} == attached(found)


def test_a_route_of_which_every_listener_refuses_every_rule_is_not_accepted_and_not_counted() -> None:
    found = of_route(rule(backend(), matches=[{**FULL, "headers": [*HEADERS, {"name": "y", "value": "1"}]}]))

    (entry,) = told(found)
    assert "False" == entry["Accepted"][0]
    assert {"any": 0, "host": 0} == attached(found)


def test_rules_that_are_refused_here_and_there_leave_the_route_accepted() -> None:
    found = of_route(rule(backend(), matches=[FULL]), rule(backend(), matches=[prefix("/plain")]))

    (entry,) = told(found)
    assert "True" == entry["Accepted"][0]
    assert "rule 0 on listener host: " in entry["PartiallyInvalid"][1]
    assert "rule 1" not in entry["PartiallyInvalid"][1]


def test_a_tls_route_that_loses_one_port_keeps_the_other() -> None:
    ports = [listener(f"tls-{port}", port, "TLS", tls={"mode": "Passthrough"}) for port in (443, 8443)]
    first = route_of("TLSRoute", "first", spec={"hostnames": ["b.example.com"], "parentRefs": [parent(port=443)]})
    first["metadata"]["creationTimestamp"] = "2020-01-01T00:00:00Z"
    second = route_of("TLSRoute", spec={"hostnames": ["a.example.com"]})
    found = answers(gateway_class(), gateway(listeners=ports), first, second, *with_service())

    (entry,) = told(found, "TLSRoute")
    assert "True" == entry["Accepted"][0]
    assert "rule 0 on listener tls-443: port 443 of an NLB serves one TLSRoute" in entry["PartiallyInvalid"][1]
