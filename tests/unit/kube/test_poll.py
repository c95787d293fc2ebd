"""Secrets and ConfigMaps are looked at one by one: what came, changed or went."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

from kube.api import Api
from kube.poll import MISSING, PRESENT, Poll
from reconciler.errors import PermissionDenied, Unavailable
from reconciler.events import Seen

SECRET, BUNDLE = ("Secret", "a", "cert"), ("ConfigMap", "a", "ca")
PATHS = {SECRET: "/api/v1/namespaces/a/secrets/cert", BUNDLE: "/api/v1/namespaces/a/configmaps/ca"}


@dataclass
class _Cluster:
    """Answers by path; `data` is never asked for."""

    found: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def get(self, path: str, *, metadata_only: bool) -> Any:
        assert metadata_only
        self.asked.append(path)
        answer = self.found.get(path)
        if isinstance(answer, Exception):
            raise answer
        return answer


def meta(version: str) -> Any:
    return {"metadata": {"uid": "u", "resourceVersion": version}}


def test_both_kinds_are_polled_and_told_by_their_kind() -> None:
    cluster = _Cluster({path: meta("1") for path in PATHS.values()})

    seen = Poll(cast("Api", cluster)).look(PATHS, 0.0)

    assert {SECRET: Seen("Secret", "u", "1"), BUNDLE: Seen("ConfigMap", "u", "1")} == seen


def test_what_is_missing_is_looked_at_more_often_than_what_is_there() -> None:
    cluster = _Cluster({PATHS[SECRET]: meta("1")})
    poll = Poll(cast("Api", cluster))
    poll.look(PATHS, 0.0)
    cluster.asked.clear()

    poll.look(PATHS, MISSING)
    assert [PATHS[BUNDLE]] == cluster.asked
    poll.look(PATHS, PRESENT)
    assert sorted([*PATHS.values(), PATHS[BUNDLE]]) == sorted(cluster.asked)


def test_a_bundle_that_changes_and_goes_is_told() -> None:
    cluster = _Cluster({PATHS[BUNDLE]: meta("1")})
    poll = Poll(cast("Api", cluster))
    poll.look([BUNDLE], 0.0)
    cluster.found[PATHS[BUNDLE]] = meta("2")
    assert {BUNDLE: Seen("ConfigMap", "u", "2")} == poll.look([BUNDLE], PRESENT)
    del cluster.found[PATHS[BUNDLE]]

    assert {BUNDLE: Seen("ConfigMap", "u", "2", deleted=True)} == poll.look([BUNDLE], 2 * PRESENT)
    assert {} == poll.look([BUNDLE], 3 * PRESENT)


def test_one_that_may_not_be_read_holds_up_no_other_and_a_passing_failure_ends_the_round() -> None:
    cluster = _Cluster({PATHS[BUNDLE]: PermissionDenied("forbidden"), PATHS[SECRET]: meta("1")})
    poll = Poll(cast("Api", cluster))

    assert {SECRET: Seen("Secret", "u", "1")} == poll.look(PATHS, 0.0)
    cluster.found = {path: Unavailable("down") for path in PATHS.values()}
    assert {} == poll.look(PATHS, PRESENT)
    cluster.found = {path: meta("2") for path in PATHS.values()}
    assert set(PATHS) == set(poll.look(PATHS, PRESENT))
