"""What nobody owns any more: found by tags, confirmed by tags and by the cluster, older than the grace, then removed.

In this order: load balancers, target groups, security groups, certificates; what is still in use waits for the next
sweep. AWS tells no age of most resources, so the first sweep that sees something unused notes the time in a tag.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from providers.aws.certificates import tagged_certificates
from providers.aws.clients import Clients
from providers.aws.names import CLUSTER, GATEWAY, GATEWAY_UID, PREFIX
from providers.aws.ownership import plain
from reconciler.errors import Conflict, NotReady, PermissionDenied

UNUSED_SINCE = f"{PREFIX}unused-since"

type Live = Callable[[str, str], bool]
"""(value of the GATEWAY tag, UID) -> whether such a Gateway exists; raises rather than guesses."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """How one kind is deleted: service, operation, name of the id argument, and how its ARN becomes the id."""

    name: str
    type: str
    call: tuple[str, str, str]
    tag: tuple[str, str, str]
    id_of: Callable[[str], str] = str


def _last(arn: str) -> str:
    return arn.rpartition("/")[2]


KINDS = (
    _Kind(
        "load balancers",
        "elasticloadbalancing:loadbalancer",
        ("elbv2", "DeleteLoadBalancer", "LoadBalancerArn"),
        ("elbv2", "AddTags", "ResourceArns"),
    ),
    _Kind(
        "target groups",
        "elasticloadbalancing:targetgroup",
        ("elbv2", "DeleteTargetGroup", "TargetGroupArn"),
        ("elbv2", "AddTags", "ResourceArns"),
    ),
    _Kind(
        "security groups",
        "ec2:security-group",
        ("ec2", "DeleteSecurityGroup", "GroupId"),
        ("ec2", "CreateTags", "Resources"),
        _last,
    ),
)


def sweep(clients: Clients, cluster: str, live: Live, grace: float, now: float) -> dict[str, int]:
    """Remove what is unused for longer than `grace` seconds; return counts by kind. Raises ReconcilerError."""
    return dict(_Sweep(clients, cluster, live, grace, now).run())


@dataclass(slots=True)
class _Sweep:
    clients: Clients
    cluster: str
    live: Live
    grace: float
    now: float
    counts: Counter[str] = field(default_factory=Counter)
    known: dict[tuple[str, str], bool] = field(default_factory=dict)

    def run(self) -> Counter[str]:
        for kind in KINDS:
            for arn, tags in list(self._tagged(kind)):
                if not self._is_live(tags) and self._is_due(kind, arn, tags):
                    self._remove(kind, arn)
        self._certificates()
        return self.counts

    def _tagged(self, kind: _Kind) -> Iterator[tuple[str, dict[str, str]]]:
        filters = [{"Key": CLUSTER, "Values": [self.cluster]}]
        token: dict[str, str] = {}
        while True:
            answer = self.clients.call(
                "resourcegroupstaggingapi", "GetResources", TagFilters=filters, ResourceTypeFilters=[kind.type], **token
            )
            for item in answer["ResourceTagMappingList"]:
                yield item["ResourceARN"], plain(item["Tags"])
            if not answer.get("PaginationToken"):
                return
            token = {"PaginationToken": answer["PaginationToken"]}

    def _is_live(self, tags: Mapping[str, str]) -> bool:
        key = (tags.get(GATEWAY, ""), tags.get(GATEWAY_UID, ""))
        if not all(key):
            return True  # nothing says whose it is, so it is not ours to remove
        if key not in self.known:
            self.known[key] = self.live(*key)
        return self.known[key]

    def _is_due(self, kind: _Kind, arn: str, tags: Mapping[str, str]) -> bool:
        """Return whether the grace is over; note the time at the first sight."""
        if self.grace <= 0:
            return True
        since = tags.get(UNUSED_SINCE, "")
        if since.isdigit():
            return self.now - int(since) >= self.grace
        service, operation, argument = kind.tag
        tag = [{"Key": UNUSED_SINCE, "Value": str(int(self.now))}]
        self.clients.call(service, operation, **{argument: [kind.id_of(arn)], "Tags": tag})
        return False

    def _remove(self, kind: _Kind, arn: str) -> None:
        service, operation, argument = kind.call
        try:
            self.clients.call(service, operation, **{argument: kind.id_of(arn)})
        except (NotReady, Conflict, PermissionDenied):  # in use, gone already, or protected: the next sweep looks again
            return
        self.counts[kind.name] += 1

    def _certificates(self) -> None:
        """Remove certificates that no listener uses; they belong to the cluster, so their use is asked of ACM."""
        for arn, tags in list(tagged_certificates(self.clients, self.cluster)):
            used = self.clients.call("acm", "DescribeCertificate", CertificateArn=arn)["Certificate"].get("InUseBy")
            if used:
                continue
            since = tags.get(UNUSED_SINCE, "")
            if self.grace > 0 and not since.isdigit():
                tag = [{"Key": UNUSED_SINCE, "Value": str(int(self.now))}]
                self.clients.call("acm", "AddTagsToCertificate", CertificateArn=arn, Tags=tag)
                continue
            if self.grace <= 0 or self.now - int(since) >= self.grace:
                self._delete_certificate(arn)

    def _delete_certificate(self, arn: str) -> None:
        try:
            self.clients.call("acm", "DeleteCertificate", CertificateArn=arn)
        except (NotReady, Conflict):
            return
        self.counts["certificates"] += 1
