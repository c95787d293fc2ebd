"""Whole runs against the emulated AWS: what others did, what AWS refuses, what takes time, what is left behind."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from emulators.aws.account import Account
from emulators.aws.faults import Fault
from emulators.aws.inprocess import strict_aws
from emulators.aws.settings import Settings
from kube.certificates import facts_of, key_pair_of
from providers import provider_for
from providers.aws.provider import AwsProvider
from reconciler.events import Cause, Seen, Trigger
from reconciler.ir import CertificateFacts
from reconciler.reconcile import Result, Room, reconcile
from tests.builders import (
    CLUSTER,
    CONTROLLER,
    backend,
    config,
    exact,
    gateway,
    gateway_class,
    listener,
    prefix,
    route,
    rule,
    with_service,
)
from tests.fakes import FakeCluster, trigger

CHANGED = (Seen("HTTPRoute", "uid-a-web", "9"),)
type Plain = dict[str, Any]


class World:
    """An account with a network, a cluster with a Gateway and a Route, and runs in between."""

    def __init__(self, account: Account, *, network: bool = True) -> None:
        self.account = account
        if network:
            account.prepare_network()
        self.cluster = FakeCluster(provider="aws")
        self.cluster.put(gateway_class(), gateway(), route(), *with_service())

    def run(self, one: Trigger | None = None) -> Result:
        """Reconcile once, as a fresh process would."""
        return reconcile(one or trigger(seen=CHANGED), Room(self.cluster, self.provider, lambda: "nonce"))

    @property
    def provider(self) -> AwsProvider:
        """A provider with clients of its own."""
        return provider_for(CONTROLLER, rate=1000)

    def operations(self) -> list[str]:
        """Return the writes since the journal was reset."""
        return [entry.operation for entry in self.account.journal.writes()]

    def forget(self) -> None:
        """Reset the journal."""
        self.account.journal.reset()

    def balancer(self) -> Plain:
        """Return the only load balancer, as the data plane sees it."""
        (found,) = self.account.state()["loadBalancers"]
        return dict(found)

    def rules(self, port: int = 80) -> list[Plain]:
        """Return the rules of a listener but its default one."""
        (found,) = [one for one in self.balancer()["Listeners"] if one["Port"] == port]
        return [one for one in found["Rules"] if not one["IsDefault"]]

    def says(self, kind: str = "Gateway", namespace: str = "infra", name: str = "gw") -> dict[str, tuple[str, str]]:
        """Return conditions as {type: (status, reason)}."""
        return self.cluster.conditions(kind, namespace, name)


@pytest.fixture
def world() -> Iterator[World]:
    with strict_aws() as account:
        yield World(account)


def test_a_rule_that_somebody_made_by_hand_stays_and_its_priority_is_avoided(world: World) -> None:
    world.run()
    elbv2, arn = world.account.client("elbv2"), world.balancer()["Listeners"][0]["ListenerArn"]
    action = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}]
    theirs = [{"Field": "path-pattern", "Values": ["/theirs"]}]
    elbv2.create_rule(ListenerArn=arn, Priority=1, Conditions=theirs, Actions=action)
    world.cluster.put(route(rules=[rule(backend(), matches=[exact("/new")]), rule(backend())]))

    world.run()

    assert "1" in {one["Priority"] for one in world.rules()}
    assert 3 == len(world.rules())
    world.forget()
    world.run(trigger(cause=Cause.DEEP))
    assert [] == world.operations()


@pytest.mark.parametrize("deed", ["delete", "change"])
def test_what_somebody_did_to_our_rule_is_mended_by_a_deep_look(world: World, deed: str) -> None:
    world.run()
    before = world.rules()
    elbv2, arn = world.account.client("elbv2"), before[0]["RuleArn"]
    if deed == "delete":
        elbv2.delete_rule(RuleArn=arn)
    else:
        action = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}}]
        elbv2.modify_rule(RuleArn=arn, Actions=action)

    world.run(trigger(cause=Cause.DEEP))

    assert [one["Actions"] for one in before] == [one["Actions"] for one in world.rules()]


def test_a_load_balancer_of_somebody_else_under_our_name_is_an_error_and_untouched(world: World) -> None:
    world.run()
    elbv2, arn = world.account.client("elbv2"), world.balancer()["LoadBalancerArn"]
    elbv2.remove_tags(ResourceArns=[arn], TagKeys=["routewright.dev/cluster"])
    world.forget()

    world.run(trigger(cause=Cause.DEEP))

    assert ("False", "Invalid") == world.says()["Programmed"]
    assert [] == world.operations()


def test_no_subnets_are_a_condition_that_says_what_to_do() -> None:
    with strict_aws() as account:
        world = World(account, network=False)
        world.run()

        told = world.cluster.get("Gateway", "infra", "gw")["status"]["conditions"]
        (programmed,) = [one for one in told if one["type"] == "Programmed"]
        assert "Invalid" == programmed["reason"]
        assert "kubernetes.io/role/internal-elb" in programmed["message"]
        assert [] == world.operations()


def test_while_aws_provisions_the_gateway_waits_without_failing() -> None:
    with strict_aws(Settings(provisioning=60, virtual_clock=True)) as account:
        world = World(account)

        first = world.run()
        assert first.retry_after is not None
        assert ("False", "Pending") == world.says()["Programmed"]
        assert "addresses" not in world.cluster.get("Gateway", "infra", "gw")["status"]

        account.clock.advance(61)
        world.forget()
        second = world.run(trigger(cause=Cause.LATER))
        assert second.retry_after is None
        assert ("True", "Programmed") == world.says()["Programmed"]
        assert [] == world.operations()


def test_a_quota_that_aws_enforces_is_told_where_it_belongs(world: World) -> None:
    world.account.limits.set("rules-per-application-load-balancer", 1)
    older = route("older", "a", [rule(backend(), matches=[exact("/a")])], creationTimestamp="2025-01-01T00:00:00Z")
    newer = route("web", "a", [rule(backend("api"), matches=[exact("/b")])])
    world.cluster.put(older, newer, *with_service("api"))

    world.run()

    refused = {name for name in ("older", "web") if world.says("HTTPRoute", "a", name)["Accepted"][0] == "False"}
    assert 1 == len(refused)
    assert ("True", "Programmed") == world.says()["Programmed"]


def test_a_call_that_we_may_not_make_is_told_and_not_tried_for_ever(world: World) -> None:
    world.account.limits.set("application-load-balancers", 0)

    result = world.run()

    assert ("False", "NoResources") == world.says()["Programmed"]
    assert result.outcome.failed


@pytest.mark.parametrize("kind", ["throttle", "500", "503", "html500", "reset"])
def test_any_failure_of_one_read_is_outlived(world: World, kind: Any) -> None:
    world.account.faults.add(Fault(kind, "read", nth=2))

    world.run()
    world.account.faults.clear()
    world.run()

    assert ("True", "Programmed") == world.says()["Programmed"]


# --- certificates -------------------------------------------------------------------------------------------------


def secret(name: str, *, key: Any = None) -> Plain:
    """Return a TLS Secret of namespace infra."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a.example.com")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("a.example.com")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    form, none = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    material = key.private_bytes(serialization.Encoding.PEM, form, none)
    data = {"tls.crt": base64.b64encode(pem).decode(), "tls.key": base64.b64encode(material).decode()}
    meta = {"name": name, "namespace": "infra", "resourceVersion": "1"}
    return {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls", "metadata": meta, "data": data}


def hold(world: World, *secrets: Plain) -> None:
    """Let the cluster hold these Secrets and no others."""
    world.cluster.certificates = [facts_of(one, datetime.now(UTC)) for one in secrets]
    world.cluster.pairs = {facts_of(one, datetime.now(UTC)).ref: key_pair_of(one)[0] for one in secrets}


def secure(world: World, *names: str) -> None:
    """Give the Gateway one HTTPS listener with these certificates."""
    tls = {"mode": "Terminate", "certificateRefs": [{"name": name} for name in names]}
    world.cluster.put(gateway(listeners=[listener("https", 443, "HTTPS", tls=tls)]))


def test_secrets_become_certificates_the_first_one_the_default(world: World) -> None:
    hold(world, secret("one"), secret("two"))
    secure(world, "one", "two")

    world.run()

    held = world.balancer()["Listeners"][0]["Certificates"]
    assert [True, False] == [one["IsDefault"] for one in held]
    assert ("True", "Programmed") == world.says()["Programmed"]
    world.forget()
    world.run(trigger(cause=Cause.DEEP))
    assert [] == world.operations()


def test_a_renewed_secret_goes_into_the_same_arn_and_no_listener_is_touched(world: World) -> None:
    hold(world, secret("one"))
    secure(world, "one")
    world.run()
    before = world.balancer()["Listeners"][0]["Certificates"][0]["CertificateArn"]
    world.forget()
    hold(world, secret("one"))

    world.run()

    assert ["ImportCertificate", "AddTagsToCertificate"] == world.operations()
    assert before == world.balancer()["Listeners"][0]["Certificates"][0]["CertificateArn"]


def test_a_secret_with_another_key_type_is_imported_anew_and_swapped_without_a_gap(world: World) -> None:
    hold(world, secret("one"))
    secure(world, "one")
    world.run()
    before = world.balancer()["Listeners"][0]["Certificates"][0]["CertificateArn"]
    hold(world, secret("one", key=rsa.generate_private_key(public_exponent=65537, key_size=2048)))

    world.run()

    after = [one["CertificateArn"] for one in world.balancer()["Listeners"][0]["Certificates"]]
    assert before not in after[:1]
    assert 1 == len(set(after) - {before})


def test_a_secret_that_changed_since_the_plan_is_not_imported_and_looked_at_again(world: World) -> None:
    planned = secret("one")
    hold(world, planned)
    secure(world, "one")
    facts = world.cluster.certificates
    world.cluster.certificates = Turning(facts)

    result = world.run()

    assert result.retry_after is not None
    assert "ImportCertificate" not in world.operations()
    assert ("False", "Pending") == world.says()["Programmed"]


class Turning(list[CertificateFacts]):
    """Facts that are another Secret's from the second look on."""

    def __init__(self, facts: list[CertificateFacts]) -> None:
        super().__init__(facts)
        self._looks = 0

    def __iter__(self) -> Iterator[CertificateFacts]:
        self._looks += 1
        changed = [replace(one, fingerprint="another") for one in list.__iter__(self)]
        return iter(changed) if self._looks > 1 else list.__iter__(self)


# --- disruption, deletion, sweep ----------------------------------------------------------------------------------


def test_a_scheme_change_waits_for_the_annotation_and_then_happens(world: World) -> None:
    ref = {"group": "routewright.dev", "kind": "LoadBalancerConfig", "namespace": "infra", "name": "config"}
    world.cluster.put(gateway_class(parametersRef=ref), config({"scheme": "internal"}))
    world.run()
    before = world.balancer()["LoadBalancerArn"]
    world.cluster.put(config({"scheme": "internet-facing"}))

    held = world.run()
    assert held.outcome.held
    assert before == world.balancer()["LoadBalancerArn"]
    assert ("False", "Pending") == world.says()["Programmed"]

    item = world.cluster.get("Gateway", "infra", "gw")
    item["metadata"]["annotations"]["routewright.dev/allow-disruption"] = "true"
    for _ in range(3):
        world.run()
    assert "internet-facing" == world.balancer()["Scheme"]
    assert ("True", "Programmed") == world.says()["Programmed"]


def test_a_plan_that_takes_most_rules_though_no_route_changed_is_refused(world: World) -> None:
    rules = [rule(backend(), matches=[{**prefix(f"/{n}"), "method": "GET"}]) for n in range(8)]
    world.cluster.put(*[route(f"r{n}", "a", [one], [f"h{n}.example.com"]) for n, one in enumerate(rules)])
    world.run()
    for n in range(8):
        item = world.cluster.get("HTTPRoute", "a", f"r{n}")
        item["spec"]["rules"] = []  # as a bug of ours would read it: the generation did not move

    result = world.run(trigger(cause=Cause.RESYNC))

    assert ["UnsafePlan"] == [type(one.error).__name__ for one in result.outcome.failed]
    assert len(world.rules()) > 8 / 2


def test_a_security_group_that_interfaces_still_hold_is_left_to_the_sweep() -> None:
    with strict_aws(Settings(interface_linger=60, virtual_clock=True)) as account:
        world = World(account)
        world.run()
        world.cluster.remove("Gateway", "infra", "gw")
        world.run()
        assert ("Gateway", "infra", "gw") not in world.cluster.objects

        assert {} == world.provider.sweep(CLUSTER, lambda *_: False, 0, 0)
        account.clock.advance(61)
        assert {"security groups": 1} == world.provider.sweep(CLUSTER, lambda *_: False, 0, 0)


def test_the_sweep_takes_nothing_of_a_live_gateway(world: World) -> None:
    world.run()
    world.forget()

    assert {} == world.provider.sweep(CLUSTER, lambda *_: True, 0, 0)
    assert [] == world.operations()


def test_the_sweep_takes_nothing_of_another_cluster(world: World) -> None:
    world.run()

    assert {} == world.provider.sweep("another", lambda *_: False, 0, 0)


def test_the_sweep_waits_for_its_grace_from_the_moment_it_first_saw_something_unused(world: World) -> None:
    world.run()

    assert {} == world.provider.sweep(CLUSTER, lambda *_: False, 3600, 1_000)
    assert {} == world.provider.sweep(CLUSTER, lambda *_: False, 3600, 2_000)
    found = world.provider.sweep(CLUSTER, lambda *_: False, 3600, 5_000)
    assert {"load balancers": 1, "target groups": 1, "security groups": 1} == found


def test_the_sweep_stops_where_it_cannot_know_who_lives(world: World) -> None:
    world.run()

    def unknown(*_: str) -> bool:
        raise LookupError("the API server did not answer")

    with pytest.raises(LookupError):
        world.provider.sweep(CLUSTER, unknown, 0, 0)
    assert world.account.state()["loadBalancers"]


def test_a_certificate_in_use_survives_the_sweep_and_goes_once_unused(world: World) -> None:
    hold(world, secret("one"))
    secure(world, "one")
    world.run()
    assert {} == world.provider.sweep(CLUSTER, lambda *_: True, 0, 0)

    world.cluster.remove("Gateway", "infra", "gw")
    world.run()
    assert {"certificates": 1} == world.provider.sweep(CLUSTER, lambda *_: True, 0, 0)
