"""What nobody owns any more: found by tags, confirmed by tags and by the cluster, older than the grace, then removed.

In this order: load balancers, target groups, trust stores, security groups, certificates, objects that trust stores
were made from; what is still in use waits for the next sweep. AWS tells no age of most resources, so the first sweep
that sees something unused notes the time in a tag, and one that sees it in use again takes the note away: the grace
counts only while nobody was seen to own it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from providers.aws.clients import Clients
from providers.aws.names import GATEWAY, GATEWAY_UID, PREFIX, bundle_prefix
from providers.aws.ownership import tagged
from providers.aws.trust_stores import list_bundles, name_of, owner_of
from reconciler.errors import Conflict, NotReady, PermissionDenied
from reconciler.ports import Live

UNUSED_SINCE = f"{PREFIX}unused-since"

type Call = tuple[str, str, Mapping[str, Any]]
"""Service, operation, arguments."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """One kind of resource: its name in counts, its type in the tagging API, and the calls on one of them by ARN."""

    name: str
    type: str
    delete: Callable[[str], Call]
    note: Callable[[str, str], Call]
    clear: Callable[[str], Call]


def _load_balancing(name: str, kind: str, operation: str, argument: str) -> _Kind:
    return _Kind(
        name,
        f"elasticloadbalancing:{kind}",
        delete=lambda arn: ("elbv2", operation, {argument: arn}),
        note=lambda arn, time: ("elbv2", "AddTags", {"ResourceArns": [arn], "Tags": _tag(time)}),
        clear=lambda arn: ("elbv2", "RemoveTags", {"ResourceArns": [arn], "TagKeys": [UNUSED_SINCE]}),
    )


def _tag(time: str) -> list[dict[str, str]]:
    return [{"Key": UNUSED_SINCE, "Value": time}]


def _last(arn: str) -> str:
    return arn.rpartition("/")[2]


CERTIFICATES = _Kind(
    "certificates",
    "acm:certificate",
    delete=lambda arn: ("acm", "DeleteCertificate", {"CertificateArn": arn}),
    note=lambda arn, time: ("acm", "AddTagsToCertificate", {"CertificateArn": arn, "Tags": _tag(time)}),
    clear=lambda arn: (
        "acm",
        "RemoveTagsFromCertificate",
        {"CertificateArn": arn, "Tags": [{"Key": UNUSED_SINCE}]},
    ),
)
TRUST_STORES = "elasticloadbalancing:truststore"
KINDS = (
    _load_balancing("load balancers", "loadbalancer", "DeleteLoadBalancer", "LoadBalancerArn"),
    _load_balancing("target groups", "targetgroup", "DeleteTargetGroup", "TargetGroupArn"),
    _load_balancing("trust stores", "truststore", "DeleteTrustStore", "TrustStoreArn"),
    _Kind(
        "security groups",
        "ec2:security-group",
        delete=lambda arn: ("ec2", "DeleteSecurityGroup", {"GroupId": _last(arn)}),
        note=lambda arn, time: ("ec2", "CreateTags", {"Resources": [_last(arn)], "Tags": _tag(time)}),
        clear=lambda arn: ("ec2", "DeleteTags", {"Resources": [_last(arn)], "Tags": [{"Key": UNUSED_SINCE}]}),
    ),
    CERTIFICATES,
)


@dataclass(frozen=True, slots=True)
class Grace:
    """How long something has to be unused: `seconds`, as of `now`."""

    seconds: float
    now: float


def sweep(clients: Clients, cluster: str, live: Live, grace: Grace, bucket: str = "") -> dict[str, int]:
    """Remove what is unused for longer than a grace; return counts by kind. Raises ReconcilerError.

    `bucket`: where the objects stand that trust stores are made from.
    """
    return dict(_Sweep(clients, cluster, live, grace, bucket).run())


@dataclass(slots=True)
class _Sweep:
    clients: Clients
    cluster: str
    live: Live
    grace: Grace
    bucket: str
    counts: Counter[str] = field(default_factory=Counter)
    known: dict[tuple[str, str], bool] = field(default_factory=dict)

    def run(self) -> Counter[str]:
        for kind in KINDS:
            for arn, tags in list(tagged(self.clients, self.cluster, kind.type)):
                self._look(kind, arn, tags)
        self._bundles()
        return self.counts

    def _bundles(self) -> None:
        """Remove the objects of Gateways and trust stores that are gone; S3 itself tells their age."""
        if not self.bucket:
            return
        held = {arn.split("/")[1] for arn, _ in tagged(self.clients, self.cluster, TRUST_STORES)}
        for item in list(list_bundles(self.clients, self.bucket, bundle_prefix(self.cluster))):
            key, age = item["Key"], self.grace.now - item["LastModified"].timestamp()
            if age < self.grace.seconds or name_of(key) in held:
                continue
            if not self._lives(*owner_of(self.clients, self.bucket, key)):
                self.counts["bundles"] += self._make(("s3", "DeleteObject", {"Bucket": self.bucket, "Key": key}))

    def _look(self, kind: _Kind, arn: str, tags: Mapping[str, str]) -> None:
        """Judge one resource: in use, unused for too short a time, or due."""
        if self._is_used(kind, arn, tags):
            if UNUSED_SINCE in tags:
                self._make(kind.clear(arn))
        elif self._is_due(tags):
            if self._make(kind.delete(arn)):
                self.counts[kind.name] += 1
        elif not self._since(tags):
            self._make(kind.note(arn, str(int(self.grace.now))))

    def _is_used(self, kind: _Kind, arn: str, tags: Mapping[str, str]) -> bool:
        """Return whether the Gateway lives; of a certificate, which is the cluster's, whether ACM says it is in use."""
        if kind is CERTIFICATES:
            return bool(
                self.clients.call("acm", "DescribeCertificate", CertificateArn=arn)["Certificate"].get("InUseBy")
            )
        return self._lives(tags.get(GATEWAY, ""), tags.get(GATEWAY_UID, ""))

    def _lives(self, gateway: str, uid: str) -> bool:
        key = (gateway, uid)
        if not all(key):
            return True  # nothing says whose it is, so it is not ours to remove
        if key not in self.known:
            self.known[key] = self.live(*key)
        return self.known[key]

    def _is_due(self, tags: Mapping[str, str]) -> bool:
        since = self._since(tags)
        return self.grace.seconds <= 0 or (bool(since) and self.grace.now - since >= self.grace.seconds)

    def _since(self, tags: Mapping[str, str]) -> int:
        """Return when a sweep first found it unused, 0 if none did; a note from the future is none."""
        text = tags.get(UNUSED_SINCE, "")
        return int(text) if text.isdecimal() and int(text) <= self.grace.now else 0

    def _make(self, call: Call) -> bool:
        """Return whether a call went through; what is in use, gone already or protected waits for the next sweep."""
        service, operation, arguments = call
        try:
            self.clients.call(service, operation, **arguments)
        except (NotReady, Conflict, PermissionDenied):
            return False
        return True
