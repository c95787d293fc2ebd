"""The evaluator against AWS's documents: how conditions match, which rule wins, who gets the request."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.matches import Request
from tests.proof.alb import Evaluator

type Plain = dict[str, Any]
_SERVICE_OF = {"10.0.0.1": "a/web", "10.0.0.2": "a/api"}


def _host(*values: str, **more: Any) -> Plain:
    return {"Field": "host-header", "HostHeaderConfig": {"Values": list(values), **more}}


def _path(*values: str) -> Plain:
    return {"Field": "path-pattern", "PathPatternConfig": {"Values": list(values)}}


def _header(name: str, *values: str) -> Plain:
    return {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": name, "Values": list(values)}}


def _query(**pair: str) -> Plain:
    return {"Field": "query-string", "QueryStringConfig": {"Values": [pair]}}


def _method(*values: str) -> Plain:
    return {"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": list(values)}}


def _fixed(status: int) -> list[Plain]:
    return [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": str(status)}}]


def _rule(priority: str, actions: list[Plain], *conditions: Plain) -> Plain:
    return {"Priority": priority, "IsDefault": priority == "default", "Conditions": conditions, "Actions": actions}


def _forward(**weights: int) -> list[Plain]:
    pairs = [{"TargetGroupArn": name, "Weight": weight} for name, weight in weights.items()]
    return [{"Type": "forward", "ForwardConfig": {"TargetGroups": pairs}}]


def _group(name: str, *targets: tuple[str, str]) -> Plain:
    return {"TargetGroupArn": name, "Targets": [{"Id": address, "State": state} for address, state in targets]}


_GROUPS = [
    _group("web", ("10.0.0.1", "healthy")),
    _group("api", ("10.0.0.2", "healthy"), ("10.0.0.1", "draining")),
    _group("gone", ("10.0.0.1", "draining")),
]


def _answer(request: Request, *rules: Plain, open_ports: frozenset[int] = frozenset({80})) -> str:
    listener = {"Port": 80, "Rules": [*rules, _rule("default", _fixed(404))]}
    (answer,) = Evaluator([request], _SERVICE_OF).answers({"Listeners": [listener]}, _GROUPS, open_ports, 80)
    return answer


@pytest.mark.parametrize(
    ("taken", "condition", "request_"),
    [
        (True, _host("A.example.com"), Request("a.EXAMPLE.com", "/")),
        (False, _host("a.example.com"), Request("a.example.com:80", "/")),
        (True, _host("*.example.com"), Request("b.a.example.com", "/")),
        (False, _host("*.example.com"), Request("example.com", "/")),
        (True, _host("a?.example.com"), Request("ab.example.com", "/")),
        (False, _host("a.example.com"), Request("axexample.com", "/")),
        (True, {"Field": "host-header", "HostHeaderConfig": {"RegexValues": ["^a(:[0-9]+)?$"]}}, Request("A:80", "/")),
        (False, {"Field": "host-header", "HostHeaderConfig": {"RegexValues": ["^a$"]}}, Request("ba", "/")),
        (True, _path("/x", "/a/*"), Request("h", "/a/b/c")),
        (False, _path("/a"), Request("h", "/A")),
        (False, _path("/a/*"), Request("h", "/a")),
        (True, _header("X-Team", "Red"), Request("h", "/", headers=(("x-team", "blue"), ("X-TEAM", "RED")))),
        (False, _header("x-team", "red"), Request("h", "/", headers=(("x-team", "blue, red"),))),
        (True, _query(Key="V", Value="b*"), Request("h", "/", query=(("x", "1"), ("v", "BC")))),
        (True, _query(Value="1"), Request("h", "/", query=(("any", "1"),))),
        (False, _query(Key="v", Value="a\\*"), Request("h", "/", query=(("v", "ab"),))),
        (True, _query(Key="v", Value="a\\*"), Request("h", "/", query=(("v", "a*"),))),
        (True, _method("GET", "POST"), Request("h", "/", "POST")),
        (False, _method("GET"), Request("h", "/", "get")),
    ],
)
def test_a_condition_takes_what_the_documents_say(condition: Plain, request_: Request, *, taken: bool) -> None:
    """Hosts, header values and queries ignore case, paths and methods do not; a host keeps its port."""
    assert ("200" if taken else "404") == _answer(request_, _rule("1", _fixed(200), condition))


def test_the_lowest_priority_whose_conditions_all_hold_wins() -> None:
    """Numbers, not texts: 9 comes before 10."""
    both = _rule("9", _fixed(201), _path("/a"), _host("other"))
    rules = [_rule("100", _fixed(203), _path("/a")), _rule("10", _fixed(202), _path("/a")), both]

    assert "202" == _answer(Request("h", "/a"), *rules)


def test_weights_share_the_requests_and_a_group_without_targets_answers_503_for_its_share() -> None:
    """A target that drains gets no new request; weight 0 gets none."""
    request = Request("h", "/")

    assert "a/api:0.250 a/web:0.750" == _answer(request, _rule("1", _forward(web=3, api=1)))
    assert "503:0.500 a/web:0.500" == _answer(request, _rule("1", _forward(web=1, gone=1)))
    assert "a/web:1.000" == _answer(request, _rule("1", _forward(web=1, api=0)))
    assert "503" == _answer(request, _rule("1", _forward(web=0)))


def test_a_port_without_listener_or_without_a_security_group_that_opens_it_is_closed() -> None:
    """Nobody answers there."""
    assert "closed" == _answer(Request("h", "/"), open_ports=frozenset())
    assert ["closed"] == Evaluator([Request("h", "/")], {}).answers(None, [], frozenset({80}), 80)
