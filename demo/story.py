"""The story as the Gateway API tells it: one-to-many, one-to-one, many-to-one, every layer, then mistakes, and the end.

Each part does what people would do, waits for what they would see, and checks it.
"""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Any

from kubernetes.client.exceptions import ApiException

from cli.plan import make_plan
from cli.show import changes_table
from demo.beyond_http import beyond_http
from demo.show import Show
from demo.stage import ROUTE, Stage
from demo.stream import Answer, Stream, request

MANIFESTS = Path(__file__).parent / "manifests"
FORBIDDEN = 403
CANARY_REQUESTS = 300
CANARY_TOLERANCE = 6
"""Percentage points; 300 requests at 10 % have a standard deviation of 1.7."""
RATE = 60.0


def play(stage: Stage, show: Show, *, tidy: bool) -> None:
    """Play all parts; with `tidy` also the end, in which the cloud becomes empty again."""
    _one_to_many(stage, show)
    host, port = stage.address("infra", "shared-gw")
    with Stream(host, port, "shop.example.com", "/", _is_team_a, rate=RATE) as stream:
        _one_to_one(stage, show)
        _many_to_one(stage, show)
        _canary(stage, show)
        beyond_http(stage, show)
        _broken(stage, show)
        _rollout(stage, show)
        stream.stop()
    show.chapter("The steady stream to Team A, all through the story")
    show.check(
        f"every one of {stream.sent} requests, each on a connection of its own and tried once, reached Team A",
        holds=stream.errors == 0 and stream.sent > 0,
        seen=dict(stream.wrong) or f"{stream.achieved:.0f} requests/s",
    )
    show.check("the stream kept 50 requests/s or more", holds=stream.achieved >= 50, seen=f"{stream.achieved:.1f}/s")  # noqa: PLR2004 - the story's own figure
    if tidy:
        _end(stage, show)


def _is_team_a(answer: Answer) -> str:
    if answer.status != 200:  # noqa: PLR2004 - OK
        return answer.error or f"status {answer.status}"
    return "" if answer.body.get("team") == "a" else f"answered by team {answer.body.get('team')}"


def _one_to_many(stage: Stage, show: Show) -> None:
    show.chapter("1  One Gateway for many: the cluster admin opens shared-gw, teams A and B attach")
    files = [
        str(MANIFESTS / name) for name in ("00-namespaces.yaml", "10-infra.yaml", "20-team-a.yaml", "30-team-b.yaml")
    ]
    for planned in make_plan(files).offline.gateways:
        show.console.print(changes_table(f"The plan before the first apply, {planned.key}", planned.plan.changes))
    stage.apply(MANIFESTS / "10-infra.yaml", "admin")
    stage.apply(MANIFESTS / "20-team-a.yaml", "team-a")
    stage.apply(MANIFESTS / "30-team-b.yaml", "team-b")
    began = time.monotonic()
    stage.wait_programmed("infra", "shared-gw")
    show.check("shared-gw is Programmed", holds=True, seen=f"{time.monotonic() - began:.1f} s after its Routes")
    stage.wait_route("a", "shop", "Accepted", "True")
    stage.wait_route("b", "pay", "Accepted", "True")
    _reaches(stage, show, "shared-gw", "shop.example.com", "a")
    _reaches(stage, show, "shared-gw", "pay.example.com", "b")
    host, port = stage.address("infra", "shared-gw")
    moved = request(host, port, "shop.example.com", "/old")
    show.check("the old address of the shop redirects", holds=moved.status == 301, seen=moved.location)  # noqa: PLR2004 - moved
    unknown = request(host, port, "nobody.example.com")
    show.check("a hostname that nobody claimed is answered 404", holds=unknown.status == 404, seen=unknown.status)  # noqa: PLR2004 - not found


def _reaches(stage: Stage, show: Show, gateway: str, host: str, team: str, path: str = "/") -> None:
    namespace = "c" if gateway == "dedicated-gw" else "infra"
    answer = stage.eventually(namespace, gateway, host, path, lambda one: one.body.get("team") == team)
    sentence = f"http://{host}{path} on {gateway} reaches Team {team.upper()}"
    show.check(
        sentence, holds=answer.body.get("team") == team, seen=answer.body.get("pod", answer.error or answer.status)
    )


def _one_to_one(stage: Stage, show: Show) -> None:
    show.chapter("2  A Gateway for one: team C deploys dedicated-gw for its own namespace")
    stage.apply(MANIFESTS / "40-team-c.yaml", "team-c")
    stage.wait_programmed("c", "dedicated-gw")
    _reaches(stage, show, "dedicated-gw", "lab.example.com", "c")


def _many_to_one(stage: Stage, show: Show) -> None:
    show.chapter("3  One Route on both Gateways where that is allowed, and refused where it is not")
    _reaches(stage, show, "dedicated-gw", "status.example.com", "c", "/status")
    _reaches(stage, show, "shared-gw", "status.example.com", "c", "/status")
    stage.apply(MANIFESTS / "50-team-a-tries.yaml", "team-a")
    refused = stage.wait_route("a", "guest", "Accepted", "False")
    show.check(
        "Team A's Route is refused by dedicated-gw with NotAllowedByListeners",
        holds=refused["reason"] == "NotAllowedByListeners",
        seen=refused["message"],
    )
    show.check("Team A may not edit shared-gw: Forbidden by RBAC", holds=_forbidden(stage), seen="HTTP 403")
    show.table("Who hangs where", ("Route", "Gateway", "condition", "reason"), stage.attachments())


def _forbidden(stage: Stage) -> bool:
    gateway = stage.admin.get(ROUTE[0], "Gateway", "infra", "shared-gw") or {}
    try:
        stage.user("team-a").merge(gateway, {"metadata": {"labels": {"taken": "over"}}})
    except ApiException as error:
        return bool(error.status == FORBIDDEN)
    return False


def _canary(stage: Stage, show: Show) -> None:
    show.chapter("4  A canary: Team A sends 10 % of the shop to v2")
    stage.set_weights("a", "shop", {"shop-v1": 90, "shop-v2": 10})
    host, port = stage.address("infra", "shared-gw")
    stage.eventually("infra", "shared-gw", "shop.example.com", "/", lambda one: one.body.get("version") == "v2")
    answers = [request(host, port, "shop.example.com") for _ in range(CANARY_REQUESTS)]
    versions = Counter(str(one.body.get("version", one.status)) for one in answers)
    show.bar("the shop, by version", versions)
    share = 100 * versions["v2"] / CANARY_REQUESTS
    show.check("v2 gets about 10 %", holds=abs(share - 10) <= CANARY_TOLERANCE, seen=f"{share:.1f} %")


def _broken(stage: Stage, show: Show) -> None:
    show.chapter("6  Team B ships a broken Route, and breaks only itself")
    stage.apply(MANIFESTS / "70-team-b-broken.yaml", "team-b")
    resolved = stage.wait_route("b", "broken", "ResolvedRefs", "False")
    show.check("the missing Service is told", holds=resolved["reason"] == "BackendNotFound", seen=resolved["message"])
    partial = stage.wait_route("b", "broken", "PartiallyInvalid", "True")
    show.check("the filter that an ALB lacks is told", holds=True, seen=partial["message"])
    missing = stage.eventually("infra", "shared-gw", "broken.example.com", "/missing", lambda one: one.status == 500)  # noqa: PLR2004 - the specification's answer
    show.check("its requests are answered 500", holds=missing.status == 500, seen=missing.status)  # noqa: PLR2004 - the same
    _reaches(stage, show, "shared-gw", "pay.example.com", "b")


def _rollout(stage: Stage, show: Show) -> None:
    show.chapter("7  Team A rolls out new Pods")
    before = stage.pods("a", "shop-v1")
    stage.restart("a", "shop-v1")
    after = stage.wait_rollout("a", "shop-v1", before)
    show.check(
        "every Pod of shop-v1 was replaced", holds=bool(after) and not before & after, seen=", ".join(sorted(after))
    )
    _reaches(stage, show, "shared-gw", "shop.example.com", "a")


def _end(stage: Stage, show: Show) -> None:
    show.chapter("8  Everything is deleted, the sweep runs once, the cloud is empty again")
    calls = stage.counts()
    stage.delete_all()
    show.say("  both Gateways are gone; AWS holds their network interfaces, and so their security groups, for a moment")
    time.sleep(2 * stage.setting.linger)
    swept = stage.sweep()
    show.say(f"  the sweep, with a grace of 0, removed {swept}")
    left = stage.cloud_left()
    show.table("Cloud calls up to here, by operation", ("operation", "calls"), _rows(calls))
    show.table("What is left in the cloud", ("kind", "count"), ((kind, str(count)) for kind, count in left.items()))
    show.check(
        "no load balancer, target group, security group or certificate of ours is left", holds=not any(left.values())
    )
    show.check("the dead-letter queue is empty", holds=stage.dead_letters() == 0, seen=stage.dead_letters())


def _rows(calls: dict[str, Any]) -> list[tuple[str, str]]:
    return [(name, str(count)) for name, count in sorted(calls.items())]
