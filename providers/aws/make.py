"""One function a call: a Change becomes arguments, and what came back is remembered for the calls after it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from providers.aws import calls, certificates, trust_stores, wire
from providers.aws.addresses import chosen, subnet_mappings
from providers.aws.clients import Clients
from providers.aws.errors import is_about, is_unseen
from providers.aws.made import Made, got_id, spec_of, want_of
from providers.aws.make_rules import RULES
from providers.aws.make_settings import SETTINGS, permit_access
from providers.aws.names import (
    permission_owner,
    security_group_name,
)
from providers.aws.resources import (
    ALB,
    ALB_TARGET,
    BACKEND_ACCESS,
    CERTIFICATE,
    LOAD_BALANCER_KEY,
    MANAGED,
    NLB,
    SECURITY_GROUP_KEY,
    balancer_key,
    balancer_of,
    holder_of,
    port_of,
)
from providers.aws.waiting import awaited
from reconciler.errors import Conflict, InvalidCertificate, Misconfigured, NotReady, ReconcilerError
from reconciler.keys import SecretRef
from reconciler.plan import Change, Resource, ResourceKey
from reconciler.ports import ReadSecret

YOUNG = 120.0
"""Seconds after its import for which ELBv2 may not know a certificate, or not yet all of it."""


def make(clients: Clients, made: Made, change: Change, read_secret: ReadSecret) -> None:
    """Make the one call of a change. Raises ReconcilerError; NotReady if AWS cannot see yet what was just made."""
    try:
        _make(clients, made, change, read_secret)
    except (Conflict, Misconfigured) as error:
        if is_unseen(error, made.fresh) or _is_young(clients, made, error) or _does_not_listen_yet(change, error):
            raise _later(error) from error
        raise


def _later(error: ReconcilerError) -> NotReady:
    later = NotReady(error.message)
    later.detail = error.detail
    return later


def _make(clients: Clients, made: Made, change: Change, read_secret: ReadSecret) -> None:
    if change.call in (calls.IMPORT_CERTIFICATE, calls.TAG_CERTIFICATE):
        _certificate(clients, made, change, read_secret)
    else:
        _CALLS[change.call](clients, made, change)


def _is_young(clients: Clients, made: Made, error: ReconcilerError) -> bool:
    """Return whether ELBv2 refuses a certificate of ours that an earlier run has only just imported."""
    if not any(is_about(error, code) for code in ("CertificateNotFound", "UnsupportedCertificate")):
        return False
    arns = (arn for key, arn in made.ids.items() if key.kind == CERTIFICATE and arn in error.detail)
    return any(time.time() - certificates.imported_at(clients, arn) < YOUNG for arn in arns)


def _does_not_listen_yet(change: Change, error: ReconcilerError) -> bool:
    """Return whether AWS does not see yet that the ALB listens, without which it cannot become a target."""
    return change.key.kind == ALB_TARGET and is_about(error, "InvalidTarget")


# --- security group -----------------------------------------------------------------------------------------------


def _create_security_group(clients: Clients, made: Made, change: Change) -> None:
    want = want_of(change)
    answer = clients.call(
        "ec2",
        "CreateSecurityGroup",
        GroupName=security_group_name(made.owner.key, made.owner.uid),
        Description=str(want.spec["Description"]),
        VpcId=str(want.spec.get("VpcId") or made.vpc),
        TagSpecifications=[{"ResourceType": "security-group", "Tags": made.tags(want)}],
    )
    made.ids[change.key] = answer["GroupId"]


def _authorize(clients: Clients, made: Made, change: Change) -> None:
    if change.key.kind == BACKEND_ACCESS:
        permit_access(clients, made, change.key, "AuthorizeSecurityGroupIngress", made.owner.uid)
        return
    _permit(
        clients, "AuthorizeSecurityGroupIngress", made, (change.key, want_of(change)), "InvalidPermission.Duplicate"
    )


def _revoke(clients: Clients, made: Made, change: Change) -> None:
    if change.key.kind == BACKEND_ACCESS:
        permit_access(clients, made, change.key, "RevokeSecurityGroupIngress", made.owner.uid)
    elif change.got is not None:
        about = (change.key, change.got)
        _permit(clients, "RevokeSecurityGroupIngress", made, about, "InvalidPermission.NotFound")


def _permit(clients: Clients, call: str, made: Made, about: tuple[ResourceKey, Resource], fine: str) -> None:
    key, resource = about
    protocol = str(resource.spec["Protocol"])
    group = made.id_of(SECURITY_GROUP_KEY)
    sources = [group if one == MANAGED else one for one in wire.items(resource.spec["Sources"])]
    described = wire.permission(port_of(key), protocol, sources, permission_owner(made.owner.uid))
    try:
        clients.call("ec2", call, GroupId=group, IpPermissions=[described])
    except Misconfigured as error:
        if fine not in error.message:
            raise


def _delete_security_group(clients: Clients, made: Made, change: Change) -> None:
    del made
    clients.call("ec2", "DeleteSecurityGroup", GroupId=got_id(change))


# --- certificates -------------------------------------------------------------------------------------------------


def _certificate(clients: Clients, made: Made, change: Change, read_secret: ReadSecret) -> None:
    want = want_of(change)
    if change.call == calls.TAG_CERTIFICATE:
        certificates.tag_again(clients, got_id(change), want)
        return
    pair = read_secret(SecretRef(*certificates.secret_of(change.key)), str(want.spec["Fingerprint"]))
    try:
        if change.op == "create":
            made.ids[change.key] = certificates.import_anew(clients, made.owner.key.cluster, want, pair)
        else:
            certificates.import_again(clients, got_id(change), pair)
    except Misconfigured as error:
        raise InvalidCertificate(error.message) from error


# --- target groups ------------------------------------------------------------------------------------------------


def _create_target_group(clients: Clients, made: Made, change: Change) -> None:
    want = want_of(change)
    arguments = wire.target_group({"VpcId": made.vpc, **{k: v for k, v in want.spec.items() if k != "Tags"}})
    answer = clients.call("elbv2", "CreateTargetGroup", **arguments, Tags=made.tags(want))
    made.ids[change.key] = answer["TargetGroups"][0]["TargetGroupArn"]


def _modify_target_group(clients: Clients, made: Made, change: Change) -> None:
    arn = made.id_of(change.key)
    clients.call("elbv2", "ModifyTargetGroup", TargetGroupArn=arn, **wire.target_group(spec_of(change)))


def _target_group_attributes(clients: Clients, made: Made, change: Change) -> None:
    arn = made.arn(change.key.name)
    listed = wire.attributes(spec_of(change))
    clients.call("elbv2", "ModifyTargetGroupAttributes", TargetGroupArn=arn, Attributes=listed)


def _register(clients: Clients, made: Made, change: Change) -> None:
    listed = wire.targets(spec_of(change)["Register"])
    for one in listed:
        one["Id"] = made.id_of(LOAD_BALANCER_KEY) if one["Id"] == ALB else one["Id"]
    clients.call("elbv2", "RegisterTargets", TargetGroupArn=made.arn(change.key.name), Targets=listed)


def _deregister(clients: Clients, made: Made, change: Change) -> None:
    listed = wire.targets(spec_of(change)["Deregister"])
    clients.call("elbv2", "DeregisterTargets", TargetGroupArn=made.arn(change.key.name), Targets=listed)


def _delete_target_group(clients: Clients, made: Made, change: Change) -> None:
    del made
    clients.call("elbv2", "DeleteTargetGroup", TargetGroupArn=got_id(change))


# --- load balancer ------------------------------------------------------------------------------------------------


def _create_load_balancer(clients: Clients, made: Made, change: Change) -> None:
    want = want_of(change)
    spec = {name: want.spec[name] for name in ("Name", "Type", "Scheme", "IpAddressType")}
    groups = made.groups(want.spec["SecurityGroups"])
    guarded = {"SecurityGroups": groups} if groups else {}
    answer = clients.call("elbv2", "CreateLoadBalancer", **spec, **_where(made, want), **guarded, Tags=made.tags(want))
    found = answer["LoadBalancers"][0]
    made.ids[change.key] = found["LoadBalancerArn"]
    published = _published(want, found)
    if found["State"]["Code"] == "active" and published is not None:
        made.addresses[change.key] = published
    else:
        made.waiting = (*made.waiting, awaited(made.owner.placement, found))


def _published(want: Resource, made: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Return where clients reach a new load balancer, none behind another; None while that cannot be seen yet."""
    if "Behind" in want.spec:
        return ()
    return chosen(made) or None if "Addresses" in want.spec else (made["DNSName"],)


def _where(made: Made, want: Resource) -> dict[str, Any]:
    """Return the subnets of a new load balancer; where addresses are chosen, with these."""
    if want.key == balancer_key(NLB) and made.mappings:
        return {"SubnetMappings": subnet_mappings(wire.items(made.mappings))}
    return {"Subnets": [str(one) for one in wire.items(want.spec.get("Subnets") or made.network.get("Subnets"))]}


def _set_security_groups(clients: Clients, made: Made, change: Change) -> None:
    arn, groups = made.id_of(change.key), made.groups(spec_of(change)["SecurityGroups"])
    clients.call("elbv2", "SetSecurityGroups", LoadBalancerArn=arn, SecurityGroups=groups)


def _set_subnets(clients: Clients, made: Made, change: Change) -> None:
    spec, arn = spec_of(change), made.id_of(change.key)
    if "Mappings" not in spec:
        subnets = [str(one) for one in wire.items(spec["Subnets"])]
        clients.call("elbv2", "SetSubnets", LoadBalancerArn=arn, Subnets=subnets)
        return
    mappings = subnet_mappings(wire.items(spec["Mappings"]))
    answer = clients.call("elbv2", "SetSubnets", LoadBalancerArn=arn, SubnetMappings=mappings)
    if known := chosen(answer):
        made.addresses[change.key] = known
        return
    name = change.got.spec["Name"] if change.got else ""
    looked = {"LoadBalancerArn": arn, "LoadBalancerName": name, "State": {"Code": "getting other addresses"}}
    made.waiting = (*made.waiting, awaited(made.owner.placement, looked))  # the next look finds what AWS chose


def _set_ip_address_type(clients: Clients, made: Made, change: Change) -> None:
    arn, kind = made.id_of(change.key), str(spec_of(change)["IpAddressType"])
    clients.call("elbv2", "SetIpAddressType", LoadBalancerArn=arn, IpAddressType=kind)


def _delete_load_balancer(clients: Clients, made: Made, change: Change) -> None:
    clients.call("elbv2", "DeleteLoadBalancer", LoadBalancerArn=got_id(change))
    made.addresses.pop(change.key, None)


# --- listeners ----------------------------------------------------------------------------------------------------


def _listener_arguments(made: Made, spec: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: spec[name] for name in ("Port", "Protocol", "SslPolicy") if name in spec}
    if "DefaultActions" in spec:
        found["DefaultActions"] = wire.actions(spec["DefaultActions"], made.arn)
    if "Certificate" in spec:
        found["Certificates"] = [{"CertificateArn": made.certificate(spec["Certificate"])}]
    if "MutualAuthentication" in spec:
        found["MutualAuthentication"] = wire.mutual_authentication(spec["MutualAuthentication"], made.trust_store)
    return found


def _create_listener(clients: Clients, made: Made, change: Change) -> None:
    want = want_of(change)
    arguments = _listener_arguments(made, want.spec)
    arn = made.id_of(balancer_key(balancer_of(change.key)))
    answer = clients.call("elbv2", "CreateListener", LoadBalancerArn=arn, **arguments, Tags=made.tags(want))
    made.ids[change.key] = answer["Listeners"][0]["ListenerArn"]


def _modify_listener(clients: Clients, made: Made, change: Change) -> None:
    arguments = _listener_arguments(made, spec_of(change))
    clients.call("elbv2", "ModifyListener", ListenerArn=made.id_of(change.key), **arguments)


def _add_certificate(clients: Clients, made: Made, change: Change) -> None:
    listener, arn = made.id_of(holder_of(change.key)), made.certificate(change.key.name)
    clients.call("elbv2", "AddListenerCertificates", ListenerArn=listener, Certificates=[{"CertificateArn": arn}])


def _remove_certificate(clients: Clients, made: Made, change: Change) -> None:
    listener, arn = made.id_of(holder_of(change.key)), got_id(change)
    clients.call("elbv2", "RemoveListenerCertificates", ListenerArn=listener, Certificates=[{"CertificateArn": arn}])


def _delete_listener(clients: Clients, made: Made, change: Change) -> None:
    del made
    clients.call("elbv2", "DeleteListener", ListenerArn=got_id(change))


_CALLS: Mapping[str, Callable[[Clients, Made, Change], None]] = {
    **SETTINGS,
    calls.CREATE_SECURITY_GROUP: _create_security_group,
    calls.AUTHORIZE_INGRESS: _authorize,
    calls.REVOKE_INGRESS: _revoke,
    calls.DELETE_SECURITY_GROUP: _delete_security_group,
    **trust_stores.CALLS,
    **RULES,
    calls.CREATE_TARGET_GROUP: _create_target_group,
    calls.MODIFY_TARGET_GROUP: _modify_target_group,
    calls.MODIFY_TG_ATTRIBUTES: _target_group_attributes,
    calls.REGISTER_TARGETS: _register,
    calls.DEREGISTER_TARGETS: _deregister,
    calls.DELETE_TARGET_GROUP: _delete_target_group,
    calls.CREATE_LOAD_BALANCER: _create_load_balancer,
    calls.SET_SECURITY_GROUPS: _set_security_groups,
    calls.SET_SUBNETS: _set_subnets,
    calls.SET_IP_ADDRESS_TYPE: _set_ip_address_type,
    calls.DELETE_LOAD_BALANCER: _delete_load_balancer,
    calls.CREATE_LISTENER: _create_listener,
    calls.MODIFY_LISTENER: _modify_listener,
    calls.ADD_LISTENER_CERTIFICATE: _add_certificate,
    calls.REMOVE_LISTENER_CERTIFICATE: _remove_certificate,
    calls.DELETE_LISTENER: _delete_listener,
}
