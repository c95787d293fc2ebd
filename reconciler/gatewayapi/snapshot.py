"""Snapshot: all that one run needs to know of the cluster, frozen.

A list that failed never gives a Snapshot (the edge raises Unavailable instead), so that what is absent here is absent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.certificates import CaBundle, CertificateFacts
from reconciler.gatewayapi.pods import Pod
from reconciler.gatewayapi.resources import (
    BackendTLSPolicy,
    ConfigObject,
    EndpointSlice,
    Gateway,
    GatewayClass,
    Holder,
    ListenerSet,
    Namespace,
    Node,
    ReferenceGrant,
    Route,
    Service,
)
from reconciler.keys import GatewayKey
from reconciler.values import frozen_map


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The Gateway, its class, the Routes that name it (in spec, or in a parent entry of ours), and what these refer to.

    Attributes:
        key: the Gateway asked for.
        controller: our controllerName, e.g. `routewright.dev/aws`.
        gateway: None if it does not exist.
        bundle_version: of the installed Gateway API CRDs, e.g. `v1.7.0`; "" if unknown.
        listener_sets: those that name the Gateway as their parent, admitted or not.
        lost_sets: ListenerSets that are gone, but stand in a parent entry of ours on one of the Routes.
        certificates: facts of every Secret that the Gateway or its ListenerSets refer to and that may be read; a
            referenced and granted Secret without an entry here does not exist.
        versions: by kind of Route, ListenerSet and policy, the version up to which nothing is missing; a kind that is
            not here is as of now.
        nodes: all Nodes, where a BackendConfig of the Gateway's Services asks for them as targets; else none is read.
        bundles: of every ConfigMap that is referred to as a bundle of certificate authorities and may be read.
        pods: one that speaks for each Service, and those that wait for a readiness gate of ours, where they may be
            read; more do no harm.
        sharing: by (namespace, name) of a Service whose Pods wait for a gate of ours, the Gateways (`namespace/name`)
            that a Route to it has an entry of ours for.
        The order of the tuples carries no meaning.
    """

    key: GatewayKey
    controller: str
    gateway: Gateway | None = None
    gateway_class: GatewayClass | None = None
    listener_sets: tuple[ListenerSet, ...] = ()
    lost_sets: tuple[Holder, ...] = ()
    routes: tuple[Route, ...] = ()
    grants: tuple[ReferenceGrant, ...] = ()
    services: tuple[Service, ...] = ()
    slices: tuple[EndpointSlice, ...] = ()
    pods: tuple[Pod, ...] = ()
    sharing: tuple[tuple[tuple[str, str], tuple[str, ...]], ...] = ()
    namespaces: tuple[Namespace, ...] = ()
    nodes: tuple[Node, ...] = ()
    configs: tuple[ConfigObject, ...] = ()
    tls_policies: tuple[BackendTLSPolicy, ...] = ()
    certificates: tuple[CertificateFacts, ...] = ()
    bundles: tuple[CaBundle, ...] = ()
    bundle_version: str = ""
    versions: Mapping[str, str] = field(default_factory=frozen_map)
