"""What of a rule's redirect, timeouts and retries an ALB can do; what means nothing is not refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders import backend, gateway, gateway_class, route, rule, with_service
from tests.unit.providers.aws.offline import Answers, answers


def of_rule(item: dict[str, Any]) -> Answers:
    return answers(gateway_class(), gateway(), route(rules=[item]), *with_service())


def redirected(**redirect: Any) -> Answers:
    return of_rule(rule(filters=[{"type": "RequestRedirect", "requestRedirect": {"statusCode": 302} | redirect}]))


@pytest.mark.parametrize(
    ("redirect", "told"),
    [
        ({"hostname": f"{'a' * 60}.{'b' * 60}.example.com"}, "hostname is longer than the 128 characters"),
        ({"scheme": "ftp"}, 'requestRedirect.scheme "ftp" is not supported'),
        ({"port": 65_536}, "ports are 1 to 65535"),
        ({"path": {"type": "ReplaceFullPath", "replaceFullPath": "new"}}, "has to begin with /"),
        ({"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "new"}}, "has to begin with /"),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else None,
)
def test_a_redirect_that_aws_would_refuse_is_refused_before(redirect: dict[str, Any], told: str) -> None:
    found = redirected(**redirect)

    assert [] == found.specs("rule")
    assert "UnsupportedValue" == found.reason("HTTPRoute", "a", "web")
    assert told in found.message("HTTPRoute", "a", "web")


@pytest.mark.parametrize("path", [{"replaceFullPath": "new"}, {"replacePrefixMatch": "new"}])
def test_a_url_is_never_rewritten_to_a_path_without_its_slash(path: dict[str, str]) -> None:
    (name,) = path
    rewrite = {"path": {"type": name[0].upper() + name[1:], **path}}
    found = of_rule(rule(backend(), filters=[{"type": "URLRewrite", "urlRewrite": rewrite}]))

    assert [] == found.specs("rule")
    assert "has to begin with /" in found.message("HTTPRoute", "a", "web")


@pytest.mark.parametrize("off", ["0s", "0ms", "0h", "0h0m0s", "00s"])
def test_a_timeout_of_nothing_is_none(off: str) -> None:
    assert 1 == len(of_rule(rule(backend()) | {"timeouts": {"request": off}}).specs("rule"))


@pytest.mark.parametrize("on", ["1ms", "0h0m1s", "10s"])
def test_a_timeout_of_a_rule_is_refused(on: str) -> None:
    found = of_rule(rule(backend()) | {"timeouts": {"request": on}})

    assert [] == found.specs("rule")
    assert "timeouts of a rule" in found.message("HTTPRoute", "a", "web")


@pytest.mark.parametrize(("retry", "rules"), [({"attempts": 0}, 1), ({"attempts": 1}, 0), ({"codes": [503]}, 0)])
def test_only_retries_that_would_be_made_are_refused(retry: dict[str, Any], rules: int) -> None:
    assert rules == len(of_rule(rule(backend()) | {"retry": retry}).specs("rule"))
