"""What is there, in canonical form, as deep as asked: two reads, or those of the parts that changed, or everything.

Tags are read only of what may be changed or deleted: the load balancer, and each resource that is not as wanted. What
is exactly as wanted needs no proof, since nothing will be done to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from providers.aws import addresses, canonical, wire
from providers.aws.base_plan import is_needed
from providers.aws.candidates import Item, load_balancers, target_groups
from providers.aws.certificates import read_certificates
from providers.aws.client_certificates import store_of
from providers.aws.clients import PAGE, Clients
from providers.aws.config import WEB_ACL_RECORD, web_acl_digest
from providers.aws.names import ADDONS, NONCE
from providers.aws.network import discover_subnets, read_security_group
from providers.aws.ownership import is_owned, read_tags
from providers.aws.resources import (
    ADDRESSES_KEY,
    ALB,
    CERTIFICATE,
    LISTENER,
    LOAD_BALANCER,
    NLB,
    ORDER,
    PART_BASE,
    PART_TAGS,
    PART_TRUST,
    RULE,
    TAGS_KEY,
    TARGET_GROUP,
    TARGETS,
    TRUST_STORE,
    WEB_ACL_KEY,
    alb_target_key,
    attributes_key,
    balancer_key,
    listener_attributes_key,
    listener_certificate_key,
    listener_key,
    listener_part,
    order_key,
    part_of,
    scope_of,
    target_group_key,
    targets_key,
    tg_attributes_key,
)
from providers.aws.trust_stores import read_bundles, read_trust_stores
from providers.aws.unified import is_front
from providers.aws.waiting import awaited, check_made, unready
from reconciler.errors import Misconfigured
from reconciler.plan import Depth, Failure, Look, Rendered, Resource, ResourceKey, ResourceSet, differing, digest
from reconciler.ports import Owner
from reconciler.values import Json

BALANCERS = (ALB, NLB)
_TYPES = {"application": ALB, "network": NLB}


def observe(clients: Clients, owner: Owner, want: Rendered, look: Look, bucket: str = "") -> ResourceSet:
    """Return what is there; `bucket`: where trust stores come from.

    Raises ReconcilerError; Misconfigured where a name of ours is held by somebody else.
    """
    return _Look(clients, owner, want, look, bucket).take()


@dataclass(slots=True)
class _Look:
    """One observation under way.

    Attributes:
        found: resources so far; `proof` names, by ARN, those whose owner the tags have to prove.
        groups: our names of target groups by ARN.
    """

    clients: Clients
    owner: Owner
    want: Rendered
    look: Look
    bucket: str
    found: dict[ResourceKey, Resource] = field(default_factory=dict)
    proof: dict[str, ResourceKey] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)
    failed: tuple[Failure, ...] = ()
    health: dict[str, Mapping[tuple[str, int], str]] = field(default_factory=dict)

    def take(self) -> ResourceSet:
        balancers = load_balancers(self.clients, self.owner, self.want, self.look)
        wanted = {key: item for key, item in self._keyed(balancers) if key.name in BALANCERS}
        deep = self.look.depth is Depth.ALL
        if deep or self.look.parts:
            self._security(wanted)
            self._target_groups(balancers)
            self._certificates()
            for key, item in self._keyed(balancers):
                self._attributes(key.name, item)
            for key, item in wanted.items():
                self._listeners(key.name, item)
            self._trust_stores()
        elif self._pools_to_compare():
            self._target_groups(balancers)
        self._targets()
        if deep or self.look.parts:
            self._group_attributes()
        tags = self._prove(balancers)
        for key, item in wanted.items():
            if key.name == ALB:
                self._web_acl(item, tags.get(item["LoadBalancerArn"], {}))
        return self._result(balancers, tags)

    def _keyed(self, balancers: Iterable[Item]) -> Iterator[tuple[ResourceKey, Item]]:
        """Yield load balancers by our keys; one of another name than the wanted one is a former one, named by itself.

        One of a type that is not wanted any more keeps its key: it goes with all that is on it.
        """
        used: set[ResourceKey] = set()
        for item in balancers:
            key = balancer_key(_TYPES[item["Type"]])
            resource = self.want.resources.get(key)
            former = resource is not None and resource.spec["Name"] != item["LoadBalancerName"]
            key = ResourceKey(LOAD_BALANCER, "", item["LoadBalancerName"]) if former or key in used else key
            used.add(key)
            yield key, item

    def _touched(self, part: str) -> bool:
        return self.look.depth is Depth.ALL or part in self.look.parts

    # --- load balancers ---

    def _result(self, balancers: Sequence[Item], tags: Mapping[str, Mapping[str, str]]) -> ResourceSet:
        managed = next((one.cloud_id for one in self.found.values() if one.key.kind == "security-group"), "")
        serving: dict[str, Item] = {}
        for key, item in self._keyed(balancers):
            arn, name = item["LoadBalancerArn"], item["LoadBalancerName"]
            if not is_owned(tags.get(arn, {}), self.owner):
                raise Misconfigured(f"load balancer {name} exists and is not ours by its tags; rename or delete it")
            spec = {**canonical.load_balancer(item, managed), "Addons": tags[arn].get(ADDONS, "").split()}
            if item["Type"] == "network":
                spec["Mappings"] = addresses.listed(addresses.mapped(item).values())
            self.found[key] = Resource(key, spec, cloud_id=arn)
            if key in self.want.resources:
                check_made(item)
                serving[key.name] = item
        there = [serving[one] for one in BALANCERS if one in serving]
        published = addresses.published(self.clients, self.want.resources.get(balancer_key(NLB)), serving)
        for name in serving:
            key = balancer_key(name)
            shown: list[Json] = [*published.get(name, ())]
            self.found[key] = replace(self.found[key], spec={**self.found[key].spec, "Published": shown})
        where = tuple(one for name in BALANCERS for one in published.get(name, ()))
        nonces = (tags.get(item["LoadBalancerArn"], {}).get(NONCE, "") for item in balancers)
        return ResourceSet(
            resources=self.found,
            addresses=where,
            waiting=tuple(awaited(self.owner.placement, one) for one in unready(there, where)),
            failed=self.failed,
            health=self.health,
            nonce=next(filter(None, nonces), ""),
            exists=bool(serving) and all(one in serving for one in BALANCERS if is_needed(one, self.want.resources)),
        )

    def _attributes(self, balancer: str, item: Item) -> None:
        if self._touched(PART_BASE):
            arn, key = item["LoadBalancerArn"], attributes_key(balancer)
            answer = self.clients.call("elbv2", "DescribeLoadBalancerAttributes", LoadBalancerArn=arn)
            spec: dict[str, Json] = {one["Key"]: one["Value"] for one in answer["Attributes"]}
            self.found[key] = Resource(key, spec, cloud_id=arn)

    def _web_acl(self, item: Item, tags: Mapping[str, str]) -> None:
        """Read the web ACL where one is wanted, or was associated by us."""
        record = [one for one in tags.get(ADDONS, "").split() if one.startswith(WEB_ACL_RECORD)]
        if not self._touched(PART_BASE) or not (record or WEB_ACL_KEY in self.want.resources):
            return
        arn = item["LoadBalancerArn"]
        acl = self.clients.call("wafv2", "GetWebACLForResource", ResourceArn=arn).get("WebACL") or {}
        found = str(acl.get("ARN", ""))
        ours = bool(found) and web_acl_digest(found) in record
        self.found[WEB_ACL_KEY] = Resource(WEB_ACL_KEY, {"Arn": found, "Ours": ours}, cloud_id=arn)

    # --- around it ---

    def _security(self, wanted: Mapping[ResourceKey, Item]) -> None:
        if not self._touched(PART_BASE):
            return
        for resource in read_security_group(self.clients, self.owner):
            self.found[resource.key] = resource
        every = [one for one in map(balancer_key, BALANCERS) if one in self.want.resources]
        network = self.want.resources.get(balancer_key(NLB))
        chosen = network is not None and any(wire.items(network.spec.get("Addresses")))
        if chosen or any(key not in wanted for key in every):
            first = next((key for key in every if key not in wanted), every[0])
            subnets = discover_subnets(self.clients, self.want.resources[first])
            self.found[subnets.key] = subnets
            if network is not None and chosen:
                zones = [addresses.Zone(*map(str, one)) for one in wire.items(subnets.spec["Zones"])]
                found = addresses.choose(self.clients, network, zones, wanted.get(network.key))
                self.found[ADDRESSES_KEY] = Resource(ADDRESSES_KEY, {"Mappings": addresses.listed(found.mappings)})
                self.failed = found.failed

    def _certificates(self) -> None:
        wanted = {key.name: one for key, one in self.want.resources.items() if key.kind == CERTIFICATE}
        if wanted:
            for resource in read_certificates(self.clients, self.owner.key.cluster, wanted):
                self.found[resource.key] = resource

    def _trust_stores(self) -> None:
        """Read trust stores where they are to change, or where a listener is to turn to another one."""
        touched = self._touched(PART_TRUST)
        needed = any(key.kind == TRUST_STORE for key in self.want.resources)
        if touched or self._turns():
            for resource in read_trust_stores(self.clients, self.owner, needed=needed):
                self.found[resource.key] = resource
                self.proof[resource.cloud_id] = resource.key
        if touched and self.bucket:
            for resource in read_bundles(self.clients, self.owner, self.bucket):
                self.found[resource.key] = resource

    def _turns(self) -> bool:
        """Return whether a listener that is looked at is to use a trust store that it does not use yet."""
        wanted = (one for key, one in self.want.resources.items() if key.kind == LISTENER and store_of(one))
        return any(
            self._touched(part_of(one.key))
            and (one.key not in self.found or store_of(self.found[one.key]) != store_of(one))
            for one in wanted
        )

    # --- target groups ---

    def _pools_to_compare(self) -> bool:
        return self.look.pools is None or bool(self.look.pools)

    def _target_groups(self, balancers: list[Item]) -> None:
        """Read the target groups: those on the load balancer, those wanted, those that a cut run meant to make."""
        seen = {
            item["TargetGroupName"]: item
            for item in target_groups(self.clients, self.owner, self.want, self.look, balancers)
        }
        for name, item in seen.items():
            key, arn = target_group_key(name), item["TargetGroupArn"]
            self.groups[arn] = name
            self.found[key] = Resource(key, canonical.target_group(item), cloud_id=arn)
            if self._tagged_anew() or not self._as_wanted(self.found[key]) or not item.get("LoadBalancerArns"):
                self.proof[arn] = key
            if item.get("TargetType") == "alb" and self._touched(listener_part(item["Port"], NLB)):
                self._target_behind(name, item)

    def _target_behind(self, name: str, item: Item) -> None:
        """Read which ALB stands behind a target group, if any."""
        health = self.clients.call("elbv2", "DescribeTargetHealth", TargetGroupArn=item["TargetGroupArn"])
        for target in health["TargetHealthDescriptions"]:
            if target["TargetHealth"]["State"] != "draining":
                key = alb_target_key(item["Port"], name)
                self.found[key] = Resource(key, {"Balancer": ALB}, cloud_id=target["Target"]["Id"])

    def _targets(self) -> None:
        """Read the targets of the pools whose endpoints are to be compared."""
        arns = {name: arn for arn, name in self.groups.items()}
        for key, resource in self.want.resources.items():
            if key.kind != TARGETS or key.name not in arns:
                continue
            if self.look.pools is None or set(resource.origins) & self.look.pools or self.look.depth is Depth.ALL:
                health = self.clients.call("elbv2", "DescribeTargetHealth", TargetGroupArn=arns[key.name])
                spec: dict[str, Json] = {"Targets": canonical.targets(health["TargetHealthDescriptions"])}
                self.found[targets_key(key.name)] = Resource(targets_key(key.name), spec, cloud_id=arns[key.name])
                self.health |= dict.fromkeys(resource.origins, canonical.health(health["TargetHealthDescriptions"]))

    def _group_attributes(self) -> None:
        """Read the attributes of the wanted target groups: of those whose settings changed, on a full look of all."""
        arns = {name: arn for arn, name in self.groups.items()}
        groups = (one.key.name for one in self.want.resources.values() if one.key.kind == TARGET_GROUP)
        fronts = {one.key.name for one in self.want.resources.values() if is_front(one)}
        for name in groups:
            key = tg_attributes_key(name)
            if name in arns and name not in fronts and self._touched(part_of(key)):
                arn = arns[name]
                answer = self.clients.call("elbv2", "DescribeTargetGroupAttributes", TargetGroupArn=arn)
                spec: dict[str, Json] = {one["Key"]: one["Value"] for one in answer["Attributes"]}
                self.found[key] = Resource(key, spec, cloud_id=arn)

    # --- listeners ---

    def _listeners(self, balancer: str, wanted: Item) -> None:
        arn = wanted["LoadBalancerArn"]
        certificates = {one.cloud_id: key.name for key, one in self.found.items() if key.kind == CERTIFICATE}
        items = self.clients.pages("elbv2", "DescribeListeners", "Listeners", LoadBalancerArn=arn, PageSize=PAGE)
        for item in items:
            key = listener_key(item["Port"], balancer)
            spec = canonical.listener(item, self.groups, certificates)
            self.found[key] = Resource(key, spec, cloud_id=item["ListenerArn"])
            if self._tagged_anew() or not self._as_wanted(self.found[key]):
                self.proof[item["ListenerArn"]] = key
            self._listener_attributes(key, item)
            if self._tagged_anew() or self._touched(listener_part(item["Port"], balancer)):
                self._offered(balancer, item, certificates)
                if balancer == ALB:
                    self._rules(item)

    def _listener_attributes(self, listener: ResourceKey, item: Item) -> None:
        """Read a listener's attributes where what it is to have changed, on a full look always."""
        key = listener_attributes_key(listener)
        if item["Protocol"] in ("HTTP", "HTTPS", "TCP") and self._touched(part_of(key)):
            arn = item["ListenerArn"]
            answer = self.clients.call("elbv2", "DescribeListenerAttributes", ListenerArn=arn)
            spec: dict[str, Json] = {one["Key"]: one.get("Value", "") for one in answer["Attributes"]}
            self.found[key] = Resource(key, spec, cloud_id=arn)

    def _offered(self, balancer: str, item: Item, certificates: Mapping[str, str]) -> None:
        if item["Protocol"] not in ("HTTPS", "TLS"):
            return
        arn = item["ListenerArn"]
        offered = self.clients.pages(
            "elbv2", "DescribeListenerCertificates", "Certificates", ListenerArn=arn, PageSize=PAGE
        )
        for one in offered:
            if not one.get("IsDefault"):
                name = certificates.get(one["CertificateArn"], one["CertificateArn"])
                key = listener_certificate_key(item["Port"], name, balancer)
                self.found[key] = Resource(key, cloud_id=one["CertificateArn"])

    def _rules(self, item: Item) -> None:
        """Read a listener's rules; their names are the digests of their conditions, with `~2` for a repetition."""
        port, names = item["Port"], list[str]()
        numbers: list[int] = []
        pages = self.clients.pages("elbv2", "DescribeRules", "Rules", ListenerArn=item["ListenerArn"], PageSize=PAGE)
        for rule in sorted((one for one in pages if not one["IsDefault"]), key=lambda one: int(one["Priority"])):
            conditions = canonical.conditions(rule["Conditions"])
            base = digest(conditions)
            count = 1 + sum(1 for name in names if name.partition("~")[0] == base)
            name = base if count == 1 else f"{base}~{count}"
            spec: dict[str, Json] = {
                "Conditions": conditions,
                "Actions": canonical.actions(rule["Actions"], self.groups),
                "Transforms": canonical.transforms(rule.get("Transforms", ())),
            }
            key = ResourceKey(RULE, scope_of(port), name)
            self.found[key] = Resource(key, spec, cloud_id=rule["RuleArn"])
            if self._tagged_anew() or not self._as_wanted(self.found[key]):
                self.proof[rule["RuleArn"]] = key
            names.append(name)
            numbers.append(int(rule["Priority"]))
        order: dict[str, Json] = {"Rules": list[Json](names), "Priorities": list[Json](numbers), "Taken": []}
        self.found[order_key(port)] = Resource(order_key(port), order, cloud_id=item["ListenerArn"])

    # --- proof ---

    def _tagged_anew(self) -> bool:
        """Return whether the user's tags are to be compared on everything that carries them."""
        return self._touched(PART_TAGS)

    def _as_wanted(self, resource: Resource) -> bool:
        wanted = self.want.resources.get(resource.key)
        return wanted is not None and not differing(wanted.spec, resource.spec)

    def _prove(self, balancers: Iterable[Item]) -> dict[str, dict[str, str]]:
        """Read the tags that matter; what is not ours is marked, foreign rules become taken numbers."""
        arns = [item["LoadBalancerArn"] for item in balancers]
        tags = read_tags(self.clients, [*arns, *self.proof])
        for arn, key in self.proof.items():
            if not is_owned(tags.get(arn, {}), self.owner):
                self._disown(key)
        if self._tagged_anew():
            held = [(key, arn) for arn, key in self.proof.items() if key in self.found and self.found[key].owned]
            held += [(key, item["LoadBalancerArn"]) for key, item in self._keyed(balancers)]
            known: list[Json] = [[key.kind, key.scope, key.name, tags.get(arn, {})] for key, arn in sorted(held)]
            self.found[TAGS_KEY] = Resource(TAGS_KEY, {"Known": known})
        return tags

    def _disown(self, key: ResourceKey) -> None:
        """A foreign rule only takes a number; a foreign holder of one of our names is an error; the rest is let be."""
        if key.kind == RULE:
            del self.found[key]
            self._take(ResourceKey(ORDER, key.scope, ""), key.name)
        elif key.kind == TRUST_STORE and key not in self.want.resources:
            del self.found[key]  # its name only begins like ours
        elif key in self.want.resources and key.kind != LISTENER:
            raise Misconfigured(f"{key} exists and is not ours by its tags; rename or delete it")
        else:
            self.found[key] = replace(self.found[key], owned=False)

    def _take(self, order: ResourceKey, name: str) -> None:
        spec = self.found[order].spec
        names, numbers, taken = (list(wire.items(spec[field_])) for field_ in ("Rules", "Priorities", "Taken"))
        place = names.index(name)
        del names[place]
        taken.append(numbers.pop(place))
        self.found[order] = replace(self.found[order], spec={"Rules": names, "Priorities": numbers, "Taken": taken})
