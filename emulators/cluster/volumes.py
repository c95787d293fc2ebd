"""Secrets and ConfigMaps of a Pod as files on this machine.

No file system is mounted: `pods.led` leads a value of the environment that names a path under a mount to the files.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from emulators.cluster.pods import CannotRun, Json

type Source = Callable[[str, str, str], Json | None]
"""Called with kind (`Secret`, `ConfigMap`), namespace and name; answers the object, None if it does not exist."""


def mounts(pod: Json, container: Json, source: Source, folder: Path) -> dict[str, str]:
    """Write the volumes that a container mounts below `folder`; return the folder of each mount path.

    Raises:
        CannotRun: an object does not exist yet, or the volume is of another sort.
    """
    volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes") or ()}
    found = {}
    for mount in container.get("volumeMounts") or ():
        place = folder / str(pod["metadata"]["uid"]) / mount["name"]
        place.mkdir(parents=True, exist_ok=True)
        for name, content in _files(pod, volumes[mount["name"]], source):
            (place / name).write_bytes(content)
        found[str(mount["mountPath"]).rstrip("/")] = str(place)
    return found


def _files(pod: Json, volume: Json, source: Source) -> Iterator[tuple[str, bytes]]:
    """Yield path and content of each file: those of `items`, else all."""
    kind, body = _body(volume)
    namespace, name = pod["metadata"]["namespace"], body.get("secretName") or body["name"]
    found = source(kind, namespace, name)
    if found is None:
        raise CannotRun("ContainerCreating", f"{kind} {namespace}/{name} of volume {volume['name']} does not exist yet")
    content = dict(_content(kind, found))
    for item in body.get("items") or [{"key": key, "path": key} for key in content]:
        if item["key"] not in content:
            raise CannotRun("ContainerCreating", f"{kind} {namespace}/{name} has no key {item['key']} yet")
        yield item["path"], content[item["key"]]


def _body(volume: Json) -> tuple[str, Json]:
    for field, kind in (("secret", "Secret"), ("configMap", "ConfigMap")):
        if body := volume.get(field):
            return kind, body
    message = f"volume {volume['name']}: only Secrets and ConfigMaps can be had here"
    raise CannotRun("CreateContainerConfigError", message)


def _content(kind: str, found: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    for name, value in (found.get("data") or {}).items():
        yield name, base64.b64decode(value) if kind == "Secret" else value.encode()
    for name, value in (found.get("binaryData") or {}).items():
        yield name, base64.b64decode(value)
