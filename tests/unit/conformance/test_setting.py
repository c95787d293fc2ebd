"""The suite runs against an AWS that hurries nobody: what makes AWS hard is on, and one leniency is."""

from __future__ import annotations

from tests.conformance.setting import LENIENCY, SECONDS, setting


def test_the_emulated_aws_is_slow_lagging_and_throttled_and_lenient_in_one_thing() -> None:
    chosen = setting({})
    assert chosen.provisioning >= 3
    assert chosen.linger >= 60
    assert "--throttle" in chosen.aws
    assert ["--allow-any-certificate"] == [LENIENCY] == [one for one in chosen.aws if one.startswith("--allow")]
    for delay in ("consistency-delay", "tagging-delay", "certificate-delay", "target-initial"):
        assert SECONDS[delay] >= 1
        assert f"--{delay}={SECONDS[delay]}" in chosen.aws


def test_the_functions_have_the_limits_and_the_patience_of_a_deployment_that_sets_neither() -> None:
    assert {"ROUTEWRIGHT_CALL_RATE": "1", "ROUTEWRIGHT_SETTLE": "2"} == dict(setting({}).environment)
