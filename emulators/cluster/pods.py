"""What a Pod's specification asks of a machine: commands, environments, ports, times. Pure; starts nothing."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

type Json = Mapping[str, Any]

_REFERENCE = re.compile(r"\$\$|\$\(([A-Za-z_.-][A-Za-z0-9_.-]*)\)")
_NO_VALUES: Mapping[str, str] = MappingProxyType({})
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
DEFAULT_GRACE = 30.0
"""Seconds; the API server sets it in every Pod, so this is for Pods that never met one."""


class CannotRun(Exception):
    """A container asks for something that does not exist here; `reason` is that of a waiting container's state."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Image:
    """What runs in place of a container image.

    Attributes:
        command: the program and its arguments; used where the container has no `command`.
        environment: set before the container's own; `$(NAME)` refers to what the kubelet sets, such as `$(PORT_3000)`.
        ports: container ports that it listens on even when the container declares none.
        readiness: a readinessProbe for containers that have none.
    """

    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=lambda: _NO_VALUES)
    ports: tuple[int, ...] = ()
    readiness: Json | None = None


def _own(module: str, port: int, readiness: Json) -> Image:
    """Return an image that is one of our echo servers."""
    return Image(
        command=(sys.executable, "-m", f"emulators.cluster.{module}"),
        environment={"PYTHONPATH": str(Path(__file__).parents[2])},
        ports=(port,),
        readiness={**readiness, "periodSeconds": 1},
    )


IMAGES: Mapping[str, Image] = MappingProxyType(
    {
        "routewright.dev/echo": _own("echo", 8080, {"httpGet": {"path": "/healthz", "port": 8080}}),
        "routewright.dev/echo-grpc": _own("echo_grpc", 50051, {"tcpSocket": {"port": 50051}}),
        "routewright.dev/echo-stream": _own("echo_stream", 9000, {"tcpSocket": {"port": 9000}}),
    }
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where one start of a container happens.

    Attributes:
        address: of its Pod.
        ports: the loopback port of each container port.
        folders: where the files of each mount path lie.
    """

    address: str
    ports: Mapping[int, int]
    folders: Mapping[str, str] = field(default_factory=lambda: _NO_VALUES)


@dataclass(frozen=True, slots=True)
class Program:
    """A command with its whole environment."""

    command: tuple[str, ...]
    environment: Mapping[str, str]


def image_of(container: Json, images: Mapping[str, Image]) -> Image:
    """Return what runs for a container; its tag does not matter. Raises CannotRun."""
    name = re.sub(r"(@sha256:[0-9a-f]+|:[^:/]+)$", "", container["image"])
    if name in images:
        return images[name]
    if container.get("command"):
        return Image(command=tuple(container["command"]))
    known = ", ".join(sorted(images))
    raise CannotRun(
        "ErrImagePull", f"no image is ever pulled here: set `command` to a local program, or use one of: {known}"
    )


def container_ports(container: Json, image: Image) -> tuple[int, ...]:
    """Return the ports that a container declares, in order, then those that its image opens whether declared or not."""
    declared = (port["containerPort"] for port in container.get("ports") or ())
    return tuple(dict.fromkeys((*declared, *image.ports)))


def port_number(container: Json, port: int | str) -> int:
    """Return the container port of a number or a name. Raises CannotRun."""
    for declared in container.get("ports") or ():
        if declared.get("name") == port:
            return int(declared["containerPort"])
    if isinstance(port, str):
        raise CannotRun("CreateContainerConfigError", f"container {container['name']} has no port named {port}")
    return port


def program(pod: Json, container: Json, image: Image, place: Place) -> Program:
    """Return what to run for a container. Raises CannotRun."""
    environment = _environment(pod, container, image, place)
    command = (*(container.get("command") or image.command), *(container.get("args") or ()))
    return Program(tuple(_expanded(word, environment) for word in command), environment)


def pre_stop(container: Json) -> tuple[str, ...]:
    """Return the command of the preStop hook, empty if there is none that can run here (`sleep`, `exec`)."""
    hook = (container.get("lifecycle") or {}).get("preStop") or {}
    if "sleep" in hook:
        return "sleep", str(hook["sleep"].get("seconds", 0))
    return tuple((hook.get("exec") or {}).get("command") or ())


def grace(pod: Json) -> float:
    """Return the seconds from the deletion to SIGKILL: the deletion's own, else those of the specification."""
    own = pod["metadata"].get("deletionGracePeriodSeconds")
    return float(pod["spec"].get("terminationGracePeriodSeconds", DEFAULT_GRACE) if own is None else own)


def unsupported(pod: Json) -> str:
    """Return what of a Pod's specification cannot be had here, in a sentence; empty if all can."""
    if pod["spec"].get("initContainers"):
        return "init containers do not run here: remove spec.initContainers"
    for container in pod["spec"]["containers"]:
        if container.get("envFrom"):
            return f"container {container['name']}: envFrom is not read here: use env with values"
    return ""


def _environment(pod: Json, container: Json, image: Image, place: Place) -> dict[str, str]:
    """Return what the kubelet sets, then the image's, then the container's own variables, each seeing those before."""
    found = dict(_given(pod, container, place))
    for name, value in image.environment.items():
        found[name] = _expanded(value, found)
    for entry in container.get("env") or ():
        source = entry.get("valueFrom")
        value = _downward(pod, container, place, source) if source else entry.get("value", "")
        found[entry["name"]] = led(_expanded(value, found), place.folders)
    return found


def led(value: str, folders: Mapping[str, str]) -> str:
    """Return a value of the environment; a path under a mount is led to the folder of the mount's files."""
    for path, folder in folders.items():
        if value == path or value.startswith(f"{path}/"):
            return folder + value.removeprefix(path)
    return value


def _given(pod: Json, container: Json, place: Place) -> Iterator[tuple[str, str]]:
    meta = pod["metadata"]
    yield "PATH", _PATH
    yield "HOSTNAME", meta["name"]
    yield "POD_NAME", meta["name"]
    yield "POD_NAMESPACE", meta["namespace"]
    yield "POD_IP", place.address
    yield "SHUTDOWN_SECONDS", f"{max(0.0, grace(pod) - _pre_stop_seconds(container)):g}"
    for number, port in enumerate(place.ports):
        if number == 0:
            yield "PORT", str(place.ports[port])
        yield f"PORT_{port}", str(place.ports[port])


def _pre_stop_seconds(container: Json) -> float:
    match pre_stop(container):
        case ("sleep", seconds):
            return float(seconds)
        case _:
            return 0.0


def _downward(pod: Json, container: Json, place: Place, source: Json) -> str:
    path = (source.get("fieldRef") or {}).get("fieldPath", "")
    values = {
        "metadata.name": pod["metadata"]["name"],
        "metadata.namespace": pod["metadata"]["namespace"],
        "metadata.uid": pod["metadata"]["uid"],
        "spec.nodeName": pod["spec"].get("nodeName", ""),
        "spec.serviceAccountName": pod["spec"].get("serviceAccountName", ""),
        "status.podIP": place.address,
        "status.hostIP": "127.0.0.1",
    }
    if path not in values:
        given = f"fieldRef {path}" if path else " and ".join(source)
        message = f"container {container['name']}: env from {given} is not read here: use value or another fieldRef"
        raise CannotRun("CreateContainerConfigError", message)
    return str(values[path])


def _expanded(text: str, environment: Mapping[str, str]) -> str:
    """Replace `$(NAME)` as Kubernetes does: unknown names stay, `$$` is an escaped `$`."""

    def replacement(found: re.Match[str]) -> str:
        name = found.group(1)
        return "$" if name is None else environment.get(name, found.group(0))

    return _REFERENCE.sub(replacement, text)
