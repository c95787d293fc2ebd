"""The calls that set what is configured on what exists: attributes, tags, a web ACL."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from providers.aws import calls, wire
from providers.aws.clients import Clients
from providers.aws.resources import LISTENER, LOAD_BALANCER_KEY, TAGS, balancer_key
from reconciler.plan import Change, ResourceKey


class Ids(Protocol):
    """What is known of the cloud: AWS's ids by our keys."""

    def id_of(self, key: ResourceKey) -> str:
        """Return AWS's id. Raises Conflict for what is not there."""


def _spec(change: Change) -> dict[str, Any]:
    return dict(change.want.spec) if change.want else {}


def _balancer_attributes(clients: Clients, made: Ids, change: Change) -> None:
    arn, listed = made.id_of(balancer_key(change.key.name)), wire.attributes(_spec(change))
    clients.call("elbv2", "ModifyLoadBalancerAttributes", LoadBalancerArn=arn, Attributes=listed)


def _listener_attributes(clients: Clients, made: Ids, change: Change) -> None:
    arn = made.id_of(ResourceKey(LISTENER, change.key.scope, change.key.name))
    clients.call("elbv2", "ModifyListenerAttributes", ListenerArn=arn, Attributes=wire.attributes(_spec(change)))


def _on(made: Ids, change: Change) -> list[str]:
    """Return the ARNs that tags go to."""
    if change.key.kind != TAGS:
        return [made.id_of(change.key)]
    return [made.id_of(ResourceKey(*map(str, one))) for one in wire.items(_spec(change)["On"])]


def _add_tags(clients: Clients, made: Ids, change: Change) -> None:
    clients.call("elbv2", "AddTags", ResourceArns=_on(made, change), Tags=wire.tags(_spec(change)["Tags"]))


def _remove_tags(clients: Clients, made: Ids, change: Change) -> None:
    keys = [str(one) for one in wire.items(_spec(change)["TagKeys"])]
    clients.call("elbv2", "RemoveTags", ResourceArns=_on(made, change), TagKeys=keys)


def _associate(clients: Clients, made: Ids, change: Change) -> None:
    arn = made.id_of(LOAD_BALANCER_KEY)
    clients.call("wafv2", "AssociateWebACL", WebACLArn=str(_spec(change)["Arn"]), ResourceArn=arn)


def _disassociate(clients: Clients, made: Ids, change: Change) -> None:
    del change
    clients.call("wafv2", "DisassociateWebACL", ResourceArn=made.id_of(LOAD_BALANCER_KEY))


SETTINGS: Mapping[str, Callable[[Clients, Ids, Change], None]] = {
    calls.ADD_TAGS: _add_tags,
    calls.ASSOCIATE_WEB_ACL: _associate,
    calls.DISASSOCIATE_WEB_ACL: _disassociate,
    calls.MODIFY_LB_ATTRIBUTES: _balancer_attributes,
    calls.MODIFY_LISTENER_ATTRIBUTES: _listener_attributes,
    calls.REMOVE_TAGS: _remove_tags,
}
