"""A small client for whole objects: server-side apply, get, list, delete. Used by emulator, demo and tests."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from kubernetes import client, config
from kubernetes.client.exceptions import ApiException

if TYPE_CHECKING:
    import urllib3

_OWNER = "routewright-emulator"
_OK = 200
_NOT_FOUND = 404


class Stream:
    """An answer that is read line by line while it comes; use it as a context manager."""

    def __init__(self, response: urllib3.BaseHTTPResponse) -> None:
        self._response = response

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._response.close()

    def lines(self) -> Iterator[bytes]:
        """Yield whole lines until the stream ends. Raises urllib3.exceptions.HTTPError if it breaks."""
        rest = b""
        for piece in self._response.stream(65536):
            *whole, rest = (rest + piece).split(b"\n")
            yield from whole

    def shut_down(self) -> None:
        """End the stream from another thread: its reader comes to the end at once."""
        with contextlib.suppress(OSError, ValueError, RuntimeError):
            self._response.shutdown()


class Objects:
    """Acts on any kind as the user of a kubeconfig."""

    def __init__(self, kubeconfig: Path) -> None:
        settings = client.Configuration()
        config.load_kube_config(str(kubeconfig), client_configuration=settings)  # type: ignore[no-untyped-call]
        settings.retries = 3
        self._api = client.ApiClient(settings)
        self._kinds: dict[tuple[str, str], tuple[str, bool]] = {}

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, str] | None = None,
        kind: str = "application/json",
    ) -> Any:
        """Make one raw call and return the decoded answer. Raises ApiException."""
        headers = {"Accept": "application/json", "Content-Type": kind}
        url = self._api.configuration.host + path + _query(query)
        answer = self._api.call_api(method, url, headers, body, _request_timeout=15)
        answer.read()  # type: ignore[no-untyped-call]
        if not 200 <= answer.status < 300:  # noqa: PLR2004 - the range of success
            raise ApiException(http_resp=answer)
        return json.loads(answer.data or b"null")

    def stream(self, path: str, query: Mapping[str, str]) -> Stream:
        """Open an answer that goes on, such as a watch. Raises ApiException."""
        url = self._api.configuration.host + path + _query(query)
        answer = self._api.call_api("GET", url, {"Accept": "application/json"}, None, _request_timeout=(5, None))
        if answer.status != _OK:
            answer.read()  # type: ignore[no-untyped-call]
            raise ApiException(http_resp=answer)
        return Stream(answer.response)

    def path(self, api_version: str, kind: str, namespace: str = "", name: str = "") -> str:
        """Return the path of an object or, without name, of a kind."""
        plural, namespaced = self._resource(api_version, kind)
        root = f"/api/{api_version}" if "/" not in api_version else f"/apis/{api_version}"
        middle = f"/namespaces/{namespace}" if namespaced and namespace else ""
        return f"{root}{middle}/{plural}" + (f"/{name}" if name else "")

    def apply(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Create or change an object (server-side apply, taking over fields)."""
        meta = body["metadata"]
        path = self.path(body["apiVersion"], body["kind"], meta.get("namespace", "default"), meta["name"])
        query = {"fieldManager": _OWNER, "force": "true"}
        found: dict[str, Any] = self.call("PATCH", path, dict(body), query=query, kind="application/apply-patch+yaml")
        return found

    def get(self, api_version: str, kind: str, namespace: str, name: str) -> dict[str, Any] | None:
        """Return an object, None if there is none."""
        try:
            found: dict[str, Any] = self.call("GET", self.path(api_version, kind, namespace, name))
        except ApiException as error:
            if error.status == _NOT_FOUND:
                return None
            raise
        return found

    def list(self, api_version: str, kind: str, namespace: str = "") -> list[dict[str, Any]]:
        """Return all objects of a kind, in a namespace or everywhere."""
        return list(self.call("GET", self.path(api_version, kind, namespace))["items"])

    def delete(self, api_version: str, kind: str, namespace: str, name: str, *, grace: int | None = None) -> None:
        """Delete an object; one that is not there is fine."""
        body = {"propagationPolicy": "Background"} | ({} if grace is None else {"gracePeriodSeconds": grace})
        try:
            self.call("DELETE", self.path(api_version, kind, namespace, name), body)
        except ApiException as error:
            if error.status != _NOT_FOUND:
                raise

    def merge(self, body: Mapping[str, Any], patch: Mapping[str, Any], *, status: bool = False) -> dict[str, Any]:
        """Merge-patch an object, or its status."""
        meta = body["metadata"]
        path = self.path(body["apiVersion"], body["kind"], meta.get("namespace", ""), meta["name"])
        kind = "application/merge-patch+json"
        found: dict[str, Any] = self.call("PATCH", path + ("/status" if status else ""), dict(patch), kind=kind)
        return found

    def wait_for_crds(self, timeout: float) -> None:
        """Wait until every CustomResourceDefinition is established. Raises TimeoutError."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            crds = self.list("apiextensions.k8s.io/v1", "CustomResourceDefinition")
            if all(_established(crd) for crd in crds):
                self._kinds.clear()
                return
            time.sleep(0.1)
        raise TimeoutError(f"CRDs are not established after {timeout:.0f} s")

    def _resource(self, api_version: str, kind: str) -> tuple[str, bool]:
        if (api_version, kind) not in self._kinds:
            root = f"/api/{api_version}" if "/" not in api_version else f"/apis/{api_version}"
            for resource in self.call("GET", root)["resources"]:
                if "/" not in resource["name"]:
                    self._kinds[api_version, resource["kind"]] = (resource["name"], resource["namespaced"])
        return self._kinds[api_version, kind]


def _query(items: Mapping[str, str] | None) -> str:
    return "?" + "&".join(f"{key}={value}" for key, value in items.items()) if items else ""


def _established(crd: Mapping[str, Any]) -> bool:
    conditions = (crd.get("status") or {}).get("conditions") or []
    return any(c["type"] == "Established" and c["status"] == "True" for c in conditions)
