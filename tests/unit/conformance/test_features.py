"""What the suite is told follows from what status claims, in the words of the suite's bundle."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.capabilities import Capabilities
from reconciler.gatewayapi.features import supported_features
from reconciler.values import frozen_map
from tests.conformance.features import counted_extended, told_features

KINDS = frozen_map(
    {"HTTP": ("HTTPRoute",), "HTTPS": ("HTTPRoute", "GRPCRoute"), "TLS": ("TLSRoute",), "TCP": ("TCPRoute",)}
)
CAN = Capabilities(features=("HTTPRouteMethodMatching",), kinds=KINDS, tls_modes=("Passthrough", "Terminate"))


def test_every_claim_is_told_in_some_profile_of_the_newest_bundle() -> None:
    told = {
        name
        for kind in ("HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute")
        for name in told_features(CAN, kind, "1.7.0")
    }
    assert set(supported_features(CAN)) == told


def test_a_new_claim_is_told_without_further_work() -> None:
    more = replace(CAN, client_validation=("AllowValidOnly",))
    new = set(told_features(more, "HTTPRoute", "1.6.3")) - set(told_features(CAN, "HTTPRoute", "1.6.3"))
    assert {"GatewayFrontendClientCertificateValidation"} == new


def test_a_profile_is_not_told_of_other_kinds() -> None:
    told = told_features(CAN, "TLSRoute", "1.6.3")
    assert "TLSRouteModeTerminate" in told
    assert not [name for name in told if name.startswith(("HTTPRoute", "TCPRoute", "GRPCRoute"))]


def test_a_feature_goes_by_the_name_that_its_bundle_has_for_it() -> None:
    can = replace(CAN, features=("HTTPRouteRetryCodes",))
    assert "HTTPRouteRetryCodes" in told_features(can, "HTTPRoute", "1.7.0")
    assert "HTTPRouteRetry" in told_features(can, "HTTPRoute", "1.6.3")
    assert "HTTPRouteRetryCodes" not in told_features(can, "HTTPRoute", "1.6.3")


def test_a_feature_without_a_name_in_the_bundle_is_not_told() -> None:
    assert "GatewayRouteHostnameIntersectionPrecedence" in told_features(CAN, "HTTPRoute", "1.7.0")
    assert "GatewayRouteHostnameIntersectionPrecedence" not in told_features(CAN, "HTTPRoute", "1.6.3")


def test_a_bundle_that_nobody_looked_at_is_an_error() -> None:
    with pytest.raises(KeyError):
        told_features(CAN, "HTTPRoute", "1.8.0")


def test_a_kind_that_is_not_claimed_is_tried_with_all_that_is_held_back_for_it() -> None:
    can = replace(CAN, unclaimed=frozenset({"TLSRoute", "TLSRouteModeTerminate", "ListenerSet"}))
    told = told_features(can, "TLSRoute", "1.6.3")
    assert {"TLSRoute", "TLSRouteModeTerminate"} <= set(told)
    assert "ListenerSet" not in told
    assert "TLSRoute" not in told_features(can, "HTTPRoute", "1.6.3")


def test_what_is_held_back_of_a_claimed_kind_stays_held_back() -> None:
    can = replace(CAN, unclaimed=frozenset({"TLSRouteModeTerminate"}))
    assert "TLSRouteModeTerminate" not in told_features(can, "TLSRoute", "1.6.3")


def test_a_report_lists_neither_core_features_nor_those_of_no_profile() -> None:
    told = ("GRPCRoute", "GRPCRouteNamedRouteRule", "Gateway", "GatewayHTTPListenerIsolation", "ReferenceGrant")
    assert ("GatewayHTTPListenerIsolation",) == counted_extended(told, "GRPCRoute")
