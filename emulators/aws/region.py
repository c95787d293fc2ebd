"""One Region of the emulated account: its ELBv2 records, and the finding of them by ARN.

Every operation receives a `Region`. It also carries what operations need around the records: clock, quotas, settings
and the views on EC2 and ACM that moto keeps.
"""

from __future__ import annotations

import hashlib
import itertools
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from emulators.aws.backing import MotoCertificates, MotoNetwork, MotoObjects
from emulators.aws.clock import Clock
from emulators.aws.errors import AwsError, invalid
from emulators.aws.limits import Limits
from emulators.aws.names import loopback_address
from emulators.aws.records import Listener, LoadBalancer, Rule, TargetGroup, TrustStore
from emulators.aws.settings import Settings

SECTIONS = ("loadbalancer", "listener", "listener-rule", "targetgroup", "truststore")

type Tagged = tuple[str, str, dict[str, str]]
"""ARN, resource type, tags."""

_ARN = re.compile(r"arn:aws[a-z-]*:elasticloadbalancing:[^:]*:[^:]*:([^/:]+)/.")


@dataclass(slots=True)
class Region:
    """The ELBv2 of one Region.

    Attributes:
        released: (security group ids, subnet ids, until) of deleted load balancers whose interfaces linger.
        fresh_groups: until when a new security group cannot be seen.
        tag_log: what the tagging API will show, and since when; kept only where it lags.
    """

    name: str
    account_id: str
    settings: Settings
    clock: Clock
    limits: Limits
    network: MotoNetwork
    acm: MotoCertificates
    objects: MotoObjects
    load_balancers: dict[str, LoadBalancer] = field(default_factory=dict)
    target_groups: dict[str, TargetGroup] = field(default_factory=dict)
    trust_stores: dict[str, TrustStore] = field(default_factory=dict)
    released: list[tuple[frozenset[str], frozenset[str], float]] = field(default_factory=list)
    fresh_groups: dict[str, float] = field(default_factory=dict)
    tag_log: list[tuple[float, list[Tagged]]] = field(default_factory=list)
    _serial: Iterator[int] = field(default_factory=itertools.count)
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.settings.consistency_seed)  # noqa: S311 - a delay is no secret

    def new_id(self) -> str:
        """Return sixteen hexadecimal digits never used before in this Region; the same run gives the same ids."""
        text = f"{self.account_id}/{self.name}/{next(self._serial)}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def arn(self, resource: str) -> str:
        """Return the ELBv2 ARN of `resource` (e.g. `targetgroup/name/id`) in this Region."""
        return f"arn:aws:elasticloadbalancing:{self.name}:{self.account_id}:{resource}"

    def visible_at(self) -> float:
        """Return when an object that is created now can be seen."""
        return self.clock.now() + self.consistency()

    def consistency(self) -> float:
        """Return how long the next change takes to be seen, in seconds."""
        longest = self.settings.consistency_delay
        return longest if self.settings.consistency_seed is None else self._random.uniform(0, longest)

    def visible(self, record: LoadBalancer | Listener | Rule | TargetGroup | TrustStore) -> bool:
        """Whether reads and dependent writes see `record` yet."""
        return record.visible_at <= self.clock.now()

    def unseen_group(self, group_id: str | None) -> bool:
        """Whether a security group is too new to be seen."""
        return self.clock.now() < self.fresh_groups.get(group_id or "", 0.0)

    def listeners(self) -> Iterator[Listener]:
        """Yield the listeners of all load balancers."""
        for balancer in self.load_balancers.values():
            yield from balancer.listeners.values()

    def loopback(self, name: str) -> str:
        """Return a loopback address for this name that nothing else of the account listens on."""
        balancers = self.load_balancers.values()
        interfaces = (face.public for one in balancers for face in one.interfaces.values())
        return loopback_address(name, {one.address for one in balancers} | set(interfaces))

    def load_balancer(self, arn: str) -> LoadBalancer:
        """Return a load balancer; LoadBalancerNotFound if there is none (or it is not visible yet)."""
        check_section(arn, "loadbalancer")
        found = self.load_balancers.get(arn)
        if found is None or not self.visible(found):
            raise AwsError("LoadBalancerNotFound", f"Load balancer '{arn}' not found")
        return found

    def listener(self, arn: str) -> Listener:
        """Return a listener; ListenerNotFound if there is none."""
        check_section(arn, "listener")
        for balancer in self.load_balancers.values():
            found = balancer.listeners.get(arn)
            if found is not None and self.visible(found):
                return found
        raise AwsError("ListenerNotFound", f"Listener '{arn}' not found")

    def rule(self, arn: str) -> Rule:
        """Return a rule; RuleNotFound if there is none."""
        check_section(arn, "listener-rule")
        for listener in self.listeners():
            found = listener.rules.get(arn)
            if found is not None and self.visible(found):
                return found
        raise AwsError("RuleNotFound", f"Rule '{arn}' not found")

    def target_group(self, arn: str) -> TargetGroup:
        """Return a target group; TargetGroupNotFound if there is none."""
        check_section(arn, "targetgroup")
        found = self.target_groups.get(arn)
        if found is None or not self.visible(found):
            raise AwsError("TargetGroupNotFound", f"Target groups '{arn}' not found")
        return found

    def trust_store(self, arn: str) -> TrustStore:
        """Return a trust store; TrustStoreNotFound if there is none."""
        check_section(arn, "truststore")
        found = self.trust_stores.get(arn)
        if found is None or not self.visible(found):
            raise AwsError("TrustStoreNotFound", f"Trust store '{arn}' not found")
        return found

    def owner(self, listener: Listener) -> LoadBalancer:
        """Return the load balancer that `listener` belongs to."""
        return self.load_balancers[listener.load_balancer_arn]

    def tagged(self, arn: str) -> LoadBalancer | Listener | Rule | TargetGroup | TrustStore:
        """Return whatever record `arn` names, or raise the NotFound error of its kind."""
        match section_of(arn):
            case "loadbalancer":
                return self.load_balancer(arn)
            case "listener":
                return self.listener(arn)
            case "listener-rule":
                return self.rule(arn)
            case "truststore":
                return self.trust_store(arn)
            case _:
                return self.target_group(arn)


def section_of(arn: str) -> str:
    """Return which kind of ELBv2 object `arn` names: one of `SECTIONS`; ValidationError for anything else."""
    found = _ARN.match(arn)
    section = found.group(1) if found else ""
    if section not in SECTIONS:
        raise invalid(f"'{arn}' is not a valid Elastic Load Balancing ARN")
    return section


def check_section(arn: str, section: str) -> None:
    """Refuse an ARN of another kind of object, as AWS does before it looks anything up."""
    if section_of(arn) != section:
        raise invalid(f"'{arn}' is not a valid {section} ARN")
