"""Everything that can be chosen about an emulated account, in one frozen value with the strict defaults.

Delays are seconds of the emulated clock. What rests on an inference about AWS is a switch here, never a silent belief.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """How the emulated account behaves.

    Attributes:
        region: the Region of clients that the emulator makes itself.
        provisioning: seconds until a new load balancer is `active`.
        target_initial: seconds a target stays `initial`; None means healthy threshold times interval.
        interface_linger: seconds for which a deleted load balancer's network interfaces still hold its security groups.
        consistency_delay: seconds until a new ELBv2 object or security group is visible, and for which a released
            target group is in use.
        consistency_seed: None makes each of these delays as long as `consistency_delay`, a number draws them anew
            between 0 and that; the same number draws the same ones.
        tagging_delay: seconds by which GetResources lags behind every write.
        certificate_delay: seconds until ELBv2 sees a fresh ACM certificate.
        trust_store_creating: seconds until a new trust store is `ACTIVE`.
        virtual_clock: whether time passes only when told.
        throttle: whether the API rate limits are enforced.
        loopback_dns: whether a load balancer's DNSName is its loopback address, so that clients can dial it.
        allow_any_certificate: whether ELBv2 takes certificates without a fully qualified name.
        set_priorities_atomic: whether SetRulePriorities applies all pairs at once (False: one by one).
        strict_protocol_version: whether gRPC and HTTP/2 target groups are refused on HTTP listeners.
        echo_both_forms: whether reads repeat host and path values, and single forwards, in the old and the new form.
        list_listeners: whether GetResources lists `elasticloadbalancing:listener` and `listener-rule`.
        delete_unknown_target_group: whether DeleteTargetGroup of an unknown ARN succeeds.
        invocable_functions: ARNs of Lambda functions that Elastic Load Balancing may invoke.
        imported_certificates: how many certificates the account may have imported at a time.
    """

    region: str = "us-east-1"
    provisioning: float = 0.0
    target_initial: float | None = 0.0
    interface_linger: float = 0.0
    consistency_delay: float = 0.0
    consistency_seed: int | None = None
    tagging_delay: float = 0.0
    certificate_delay: float = 0.0
    trust_store_creating: float = 0.0
    virtual_clock: bool = False
    throttle: bool = False
    loopback_dns: bool = False
    allow_any_certificate: bool = False
    set_priorities_atomic: bool = True
    strict_protocol_version: bool = True
    echo_both_forms: bool = True
    list_listeners: bool = True
    delete_unknown_target_group: bool = True
    invocable_functions: frozenset[str] = frozenset()
    imported_certificates: int = 2500
