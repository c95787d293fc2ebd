"""The emulated load balancers carry traffic: a real Envoy follows the state document of the AWS emulator."""

from emulators.dataplane.envoy import EnvoyError
from emulators.dataplane.plane import DataPlane

__all__ = ["DataPlane", "EnvoyError"]
