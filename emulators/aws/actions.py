"""Actions of a rule or a listener: what may stand there, in which order, on which kind of listener.

Target groups are only checked by form here; whether they fit the listener and the load balancer is `forwarding.py`'s.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from emulators.aws.errors import AwsError, invalid
from emulators.aws.redirects import check_redirect, completed_redirect

Action = dict[str, Any]

CONFIG = {
    "forward": "ForwardConfig",
    "redirect": "RedirectConfig",
    "fixed-response": "FixedResponseConfig",
    "authenticate-oidc": "AuthenticateOidcConfig",
    "authenticate-cognito": "AuthenticateCognitoConfig",
    "jwt-validation": "JwtValidationConfig",
}
ROUTING = frozenset({"forward", "redirect", "fixed-response"})
CONTENT_TYPES = frozenset({"text/plain", "text/css", "text/html", "application/javascript", "application/json"})
LONGEST_BODY = 1024
HEAVIEST = 999
LONGEST_STICKINESS = 604_800
LAST_ORDER = 50_000


@dataclass(frozen=True, slots=True)
class Place:
    """Where actions are to stand: the load balancer's type and the listener's protocol and port."""

    balancer_type: str
    protocol: str
    port: int


def check_actions(actions: list[Action], place: Place) -> None:
    """Refuse a list of actions if the API would.

    Raises:
        AwsError: ValidationError, InvalidLoadBalancerAction.
    """
    if not actions:
        raise invalid("At least one action must be specified")
    for action in actions:
        _check_type(action, place)
    _check_order(actions)
    for action in actions:
        _check_config(action, place)


def normalised_actions(actions: list[Action], *, echo_both_forms: bool) -> list[Action]:
    """Return actions as reads show them: in order, redirects and forwards complete, no client secret."""
    ordered = sorted(actions, key=lambda action: int(action.get("Order", 0)))
    return [_normalised(action, echo_both_forms=echo_both_forms) for action in ordered]


def _check_type(action: Action, place: Place) -> None:
    kind = action.get("Type")
    if kind not in CONFIG:
        raise invalid(f"Action type '{kind}' must be one of '{','.join(CONFIG)}'")
    for other, config in CONFIG.items():
        if other != kind and config in action:
            raise invalid(f"'{config}' cannot be specified for an action of the type '{kind}'")
    if place.balancer_type == "network" and kind != "forward":
        raise AwsError(
            "InvalidLoadBalancerAction", f"The action type '{kind}' is not valid with network load balancers"
        )
    if kind not in ROUTING and place.protocol != "HTTPS":
        raise AwsError(
            "InvalidLoadBalancerAction",
            f"The action type '{kind}' is only supported on HTTPS listeners, not on {place.protocol}",
        )


def _check_order(actions: list[Action]) -> None:
    orders = [action.get("Order") for action in actions]
    if any(order is not None and not 1 <= order <= LAST_ORDER for order in orders):
        raise invalid(f"The order of an action must be between 1 and {LAST_ORDER}")
    if len(actions) > 1 and (None in orders or len(set(orders)) < len(orders)):
        raise invalid("Each action must have its own order when there are several actions")
    ordered = sorted(actions, key=lambda action: action.get("Order") or 0)
    routing = [action for action in actions if action["Type"] in ROUTING]
    if len(routing) != 1 or ordered[-1]["Type"] not in ROUTING:
        raise AwsError(
            "InvalidLoadBalancerAction",
            "Exactly one action must be of the type 'forward', 'redirect' or 'fixed-response', and it must be the last",
        )
    if len(actions) > 2:  # noqa: PLR2004 - one routing action and at most one authentication action
        raise AwsError("TooManyActions", "There can be only one authentication action")


def _check_config(action: Action, place: Place) -> None:
    kind = action["Type"]
    if kind == "forward":
        _check_forward(action)
    elif CONFIG[kind] not in action:
        raise invalid(f"An action of the type '{kind}' must have '{CONFIG[kind]}'")
    elif kind == "redirect":
        check_redirect(action["RedirectConfig"], place.protocol, place.port)
    elif kind == "fixed-response":
        _check_fixed_response(action["FixedResponseConfig"])
    elif kind == "jwt-validation":
        _check_jwt(action["JwtValidationConfig"])


def _check_forward(action: Action) -> None:
    config = action.get("ForwardConfig", {})
    groups = config.get("TargetGroups", [])
    single = action.get("TargetGroupArn")
    if not groups and not single:
        raise invalid("A forward action must have a target group")
    arns = [group.get("TargetGroupArn") for group in groups]
    if single and groups and arns != [single]:
        raise invalid("'TargetGroupArn' and 'ForwardConfig' must name the same single target group when both are given")
    if None in arns or len(set(arns)) < len(arns):
        raise invalid("The target groups of a forward action must be distinct")
    if any(not 0 <= group.get("Weight", 1) <= HEAVIEST for group in groups):
        raise invalid(f"The weight of a target group must be between 0 and {HEAVIEST}")
    _check_stickiness(config.get("TargetGroupStickinessConfig", {}))


def _check_stickiness(stickiness: dict[str, Any]) -> None:
    seconds = stickiness.get("DurationSeconds")
    if stickiness.get("Enabled") and seconds is None:
        raise invalid("Target group stickiness must have a duration when it is enabled")
    if seconds is not None and not 1 <= seconds <= LONGEST_STICKINESS:
        raise invalid(f"The duration of target group stickiness must be between 1 and {LONGEST_STICKINESS} seconds")


def _check_fixed_response(config: dict[str, Any]) -> None:
    code = str(config.get("StatusCode", ""))
    if len(code) != 3 or not code.isdigit() or code[0] not in "245":  # noqa: PLR2004 - digits of a status code
        raise invalid(f"The fixed response status code '{code}' must match the pattern '^(2|4|5)\\d\\d$'")
    if len(config.get("MessageBody", "")) > LONGEST_BODY:
        raise invalid(f"The message body of a fixed response must have at most {LONGEST_BODY} characters")
    if config.get("ContentType", "text/plain") not in CONTENT_TYPES:
        raise invalid(f"The content type '{config['ContentType']}' must be one of '{','.join(sorted(CONTENT_TYPES))}'")


def _check_jwt(config: dict[str, Any]) -> None:
    if not str(config.get("JwksEndpoint", "")).startswith("https://"):
        raise invalid("'JwksEndpoint' must be an HTTPS URL")
    if not 1 <= len(config.get("Issuer", "")) <= 256:  # noqa: PLR2004 - the API's own length
        raise invalid("'Issuer' must have 1 to 256 characters")
    if len(config.get("AdditionalClaims", [])) > 10:  # noqa: PLR2004 - the API's own number
        raise invalid("There can be at most 10 additional claims")


def _normalised(action: Action, *, echo_both_forms: bool) -> Action:
    shown = deepcopy(action)
    if shown["Type"] == "redirect":
        shown["RedirectConfig"] = completed_redirect(shown["RedirectConfig"])
    elif shown["Type"] == "forward":
        _complete_forward(shown, echo_both_forms=echo_both_forms)
    elif shown["Type"] == "authenticate-oidc":
        shown["AuthenticateOidcConfig"].pop("ClientSecret", None)
    return shown


def _complete_forward(shown: Action, *, echo_both_forms: bool) -> None:
    if not echo_both_forms and "ForwardConfig" not in shown:
        return
    config = shown.setdefault("ForwardConfig", {})
    groups = config.setdefault("TargetGroups", [{"TargetGroupArn": shown.get("TargetGroupArn")}])
    for group in groups:
        group.setdefault("Weight", 1)
    config.setdefault("TargetGroupStickinessConfig", {"Enabled": False})
    if len(groups) == 1 and echo_both_forms:
        shown["TargetGroupArn"] = groups[0]["TargetGroupArn"]
