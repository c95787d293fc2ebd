"""How the emulated AWS and the functions are set for the suite: as strict as AWS, but for one named leniency."""

from __future__ import annotations

from collections.abc import Mapping

from demo.stage import Setting
from emulators.cluster.pods import Image
from tests.conformance.profiles import BUNDLE

SECONDS: Mapping[str, float] = {
    "provisioning": 3,
    "interface-linger": 60,
    "consistency-delay": 1,
    "tagging-delay": 2,
    "certificate-delay": 1,
    "target-initial": 1,
}
"""The delays, by the options of `python -m emulators.aws`."""
_OF_THE_STAGE = frozenset({"provisioning", "interface-linger"})
LENIENCY = "--allow-any-certificate"
_SWITCHES = ("--loopback-dns", "--throttle", "--consistency-seed=1")
_FUNCTIONS = {"ROUTEWRIGHT_CALL_RATE": "1", "ROUTEWRIGHT_SETTLE": "2"}
"""As a deployment has them that sets neither; a stage of the demo is in more of a hurry."""


def setting(images: Mapping[str, Image]) -> Setting:
    """Return what the stage of a run is made of."""
    options = (f"--{name}={seconds}" for name, seconds in SECONDS.items() if name not in _OF_THE_STAGE)
    return Setting(
        provisioning=SECONDS["provisioning"],
        linger=SECONDS["interface-linger"],
        aws=(*_SWITCHES, LENIENCY, *options),
        bundle=BUNDLE,
        images=images,
        environment=_FUNCTIONS,
    )
