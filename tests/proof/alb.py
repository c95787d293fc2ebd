"""How an Application Load Balancer answers, read from AWS's documents and from nothing of ours.

Rules are tried in the order of their priority, the first whose conditions all hold wins, else the default one
(Elastic Load Balancing, "Listener rules"). Values of a condition are alternatives. `*` stands for any characters, `?`
for one; hosts, header values, query keys and values ignore case, paths and methods do not ("Condition types").
A forward to target groups without any target is answered 503.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from reconciler.matches import Request

type Plain = Mapping[str, Any]
type Answer = str
"""`closed`, a status, `redirect HOST STATUS`, or the shares of the Services asked, e.g. `s1:0.900 s2:0.100`."""


@dataclass
class Evaluator:
    """Answers a fixed list of requests on one port, for any state of an account.

    Attributes:
        requests: what is asked, in the order of the answers.
        service_of: Service behind a target's address, or behind a node port (`:30080`), which is one Service's on all
            instances.
    """

    requests: Sequence[Request]
    service_of: Mapping[str, str]
    _masks: dict[str, int] = field(default_factory=dict)

    def answers(
        self, balancer: Plain | None, groups: Iterable[Plain], open_ports: frozenset[int], port: int
    ) -> list[Answer]:
        """Return the answer to each request."""
        listener = next((one for one in balancer["Listeners"] if one["Port"] == port), None) if balancer else None
        if listener is None or port not in open_ports:
            return ["closed"] * len(self.requests)
        shares = {one["TargetGroupArn"]: self._service(one) for one in groups}
        found: list[Answer] = [""] * len(self.requests)
        left = (1 << len(self.requests)) - 1
        for rule in sorted(listener["Rules"], key=_priority):
            taken = left & self._mask(rule)
            if taken:
                answer = _answer(rule["Actions"], shares)
                for index in _bits(taken):
                    found[index] = answer
                left &= ~taken
        return found

    def _service(self, group: Plain) -> str:
        serving = [one for one in group["Targets"] if one["State"] != "draining"]
        services = {self.service_of.get(one["Id"]) or self.service_of[f":{one['Port']}"] for one in serving}
        return "+".join(sorted(services))

    def _mask(self, rule: Plain) -> int:
        mask = (1 << len(self.requests)) - 1
        for condition in rule["Conditions"]:
            key = json.dumps(condition, sort_keys=True)
            if key not in self._masks:
                self._masks[key] = sum(1 << i for i, one in enumerate(self.requests) if _holds(condition, one))
            mask &= self._masks[key]
        return mask


def _priority(rule: Plain) -> int:
    return 1_000_000 if rule["IsDefault"] else int(rule["Priority"])


def _bits(mask: int) -> Iterable[int]:
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


def _answer(actions: Sequence[Plain], services: Mapping[str, str]) -> Answer:
    action = actions[-1]
    match action["Type"]:
        case "fixed-response":
            return str(action["FixedResponseConfig"]["StatusCode"])
        case "redirect":
            return f"redirect {action['RedirectConfig']['Host']} {action['RedirectConfig']['StatusCode']}"
    shares: Counter[str] = Counter()
    for one in action["ForwardConfig"]["TargetGroups"]:
        shares[services[one["TargetGroupArn"]]] += one.get("Weight", 1)
    total = shares.total()
    if not total:
        return "503"
    return " ".join(f"{name or '503'}:{weight / total:.3f}" for name, weight in sorted(shares.items()) if weight)


def _holds(condition: Plain, request: Request) -> bool:
    match condition["Field"]:
        case "host-header":
            return _any(condition["HostHeaderConfig"], [request.host], fold=True)
        case "path-pattern":
            return _any(condition["PathPatternConfig"], [request.path], fold=False)
        case "http-request-method":
            return request.method in condition["HttpRequestMethodConfig"]["Values"]
        case "http-header":
            config = condition["HttpHeaderConfig"]
            name = config["HttpHeaderName"].lower()
            return _any(config, [value for one, value in request.headers if one.lower() == name], fold=True)
        case "query-string":
            wanted = condition["QueryStringConfig"]["Values"]
            return any(_pair(one, key, value) for one in wanted for key, value in request.query)
    raise AssertionError(f"no such condition: {condition}")


def _pair(wanted: Plain, key: str, value: str) -> bool:
    """Return whether a query parameter is the wanted one; without a key any will do, and a backslash escapes."""
    key_fits = "Key" not in wanted or _glob(wanted["Key"], key, fold=True, escapes=True)
    return key_fits and _glob(wanted["Value"], value, fold=True, escapes=True)


def _any(config: Plain, texts: Iterable[str], *, fold: bool) -> bool:
    flags = re.IGNORECASE if fold else 0
    return any(
        any(_glob(value, text, fold=fold) for value in config.get("Values", ()))
        or any(re.search(value, text, flags) for value in config.get("RegexValues", ()))
        for text in texts
    )


def _glob(pattern: str, text: str, *, fold: bool, escapes: bool = False) -> bool:
    return _compiled(pattern, fold, escapes).fullmatch(text) is not None


@lru_cache(maxsize=4096)
def _compiled(pattern: str, fold: bool, escapes: bool) -> re.Pattern[str]:  # noqa: FBT001 - keys of the cache
    parts = re.findall(r"\\.|.", pattern) if escapes else list(pattern)
    text = "".join(_WILD.get(part) or re.escape(part[-1]) for part in parts)
    return re.compile(text, (re.IGNORECASE if fold else 0) | re.DOTALL)


_WILD = {"*": ".*", "?": "."}
