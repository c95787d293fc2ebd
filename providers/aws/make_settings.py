"""The calls that set what is configured on what exists: attributes, tags, a web ACL, who may reach backends."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from providers.aws import calls, wire
from providers.aws.clients import Clients
from providers.aws.made import Made, spec_of
from providers.aws.names import permission_owner
from providers.aws.resources import LISTENER, LOAD_BALANCER_KEY, SECURITY_GROUP_KEY, TAGS, balancer_key
from reconciler.errors import Conflict, Misconfigured
from reconciler.plan import Change, ResourceKey


def _balancer_attributes(clients: Clients, made: Made, change: Change) -> None:
    arn, listed = made.id_of(balancer_key(change.key.name)), wire.attributes(spec_of(change))
    clients.call("elbv2", "ModifyLoadBalancerAttributes", LoadBalancerArn=arn, Attributes=listed)


def _listener_attributes(clients: Clients, made: Made, change: Change) -> None:
    arn = made.id_of(ResourceKey(LISTENER, change.key.scope, change.key.name))
    clients.call("elbv2", "ModifyListenerAttributes", ListenerArn=arn, Attributes=wire.attributes(spec_of(change)))


def _on(made: Made, change: Change) -> list[str]:
    """Return the ARNs that tags go to."""
    if change.key.kind != TAGS:
        return [made.id_of(change.key)]
    return [made.id_of(ResourceKey(*map(str, one))) for one in wire.items(spec_of(change)["On"])]


def _add_tags(clients: Clients, made: Made, change: Change) -> None:
    clients.call("elbv2", "AddTags", ResourceArns=_on(made, change), Tags=wire.tags(spec_of(change)["Tags"]))


def _remove_tags(clients: Clients, made: Made, change: Change) -> None:
    keys = [str(one) for one in wire.items(spec_of(change)["TagKeys"])]
    clients.call("elbv2", "RemoveTags", ResourceArns=_on(made, change), TagKeys=keys)


def _associate(clients: Clients, made: Made, change: Change) -> None:
    arn = made.id_of(LOAD_BALANCER_KEY)
    clients.call("wafv2", "AssociateWebACL", WebACLArn=str(spec_of(change)["Arn"]), ResourceArn=arn)


def _disassociate(clients: Clients, made: Made, change: Change) -> None:
    del change
    clients.call("wafv2", "DisassociateWebACL", ResourceArn=made.id_of(LOAD_BALANCER_KEY))


_ALL_PORTS = (0, 65_535)
_FINE = ("InvalidPermission.Duplicate", "InvalidPermission.NotFound")
"""What is already as it is to be."""


def permit_access(clients: Clients, made: Made, key: ResourceKey, call: str, uid: str) -> None:
    """Let our security group reach all ports of another one, or no longer. Raises Misconfigured if there is none."""
    pair = {"GroupId": made.id_of(SECURITY_GROUP_KEY), "Description": permission_owner(uid)}
    low, high = _ALL_PORTS
    permission = {"IpProtocol": key.scope, "FromPort": low, "ToPort": high, "UserIdGroupPairs": [pair]}
    try:
        clients.call("ec2", call, GroupId=key.name, IpPermissions=[permission])
    except Misconfigured as error:
        if not any(fine in error.message for fine in _FINE):
            raise
    except Conflict as error:
        if key.name in error.message:
            raise Misconfigured(f"spec.aws.backendSecurityGroups: there is no security group {key.name}") from error
        raise


SETTINGS: Mapping[str, Callable[[Clients, Made, Change], None]] = {
    calls.ADD_TAGS: _add_tags,
    calls.ASSOCIATE_WEB_ACL: _associate,
    calls.DISASSOCIATE_WEB_ACL: _disassociate,
    calls.MODIFY_LB_ATTRIBUTES: _balancer_attributes,
    calls.MODIFY_LISTENER_ATTRIBUTES: _listener_attributes,
    calls.REMOVE_TAGS: _remove_tags,
}
