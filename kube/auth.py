"""Credentials become an `ApiClient`: a kubeconfig, the Pod's service account, or EKS tokens signed here.

A kubeconfig written by `aws eks update-kubeconfig` works where there is no `aws` command: its token is a presigned STS
call, which is made in this process. Reads files; makes no call to the cluster.
"""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml
from kubernetes import config
from kubernetes.client import ApiClient, Configuration
from kubernetes.config.config_exception import ConfigException

from reconciler.errors import Misconfigured

_CONNECTIONS = 32
"""Kept open: the watcher follows each kind on one of its own."""
_TOKEN_SECONDS = 600.0
"""An EKS token is good for 15 minutes; ours is renewed well before."""
_NAME_FLAGS = ("--cluster-name", "--cluster-id", "-i")


def connect(kubeconfig: str = "") -> ApiClient:
    """Return a client for the cluster of a kubeconfig's current context, or of the Pod that this process runs in.

    Without a path: `$KUBECONFIG` if it is set, else the service account of the Pod. Raises Misconfigured.
    """
    path = kubeconfig or os.environ.get("KUBECONFIG", "")
    settings = Configuration()
    settings.retries = False  # our own errors say when to come back; the default would sleep inside of the call
    settings.connection_pool_maxsize = _CONNECTIONS
    try:
        if path:
            _load(Path(path), settings)
        else:
            config.load_incluster_config(settings)  # type: ignore[no-untyped-call]
    except (ConfigException, OSError, yaml.YAMLError, KeyError, TypeError) as error:
        where = f"kubeconfig {path}" if path else "the Pod's service account (no kubeconfig is set)"
        raise Misconfigured(f"cannot read the credentials of {where}: {error}") from error
    return ApiClient(settings)


def _load(path: Path, settings: Configuration) -> None:
    body = yaml.safe_load(path.read_text())
    if not isinstance(body, dict):
        raise Misconfigured(f"kubeconfig {path} holds no object; expected `kind: Config`")
    _make_paths_absolute(body, path.parent)
    user = _current_user(body)
    eks = eks_cluster_of(user)
    if eks is not None:
        del user["exec"]
        user["token"] = "signed-at-the-first-call"  # noqa: S105 - a stand-in that the hook replaces
    config.load_kube_config_from_dict(body, client_configuration=settings)  # type: ignore[no-untyped-call]
    if eks is not None:
        hook: Any = renewing(lambda: eks_token(eks), time.monotonic)
        settings.refresh_api_key_hook = hook


def _make_paths_absolute(body: Mapping[str, Any], folder: Path) -> None:
    for section, part, names in (
        ("clusters", "cluster", ("certificate-authority",)),
        ("users", "user", ("client-certificate", "client-key", "tokenFile")),
    ):
        for entry in body.get(section) or ():
            for name in names:
                if (entry.get(part) or {}).get(name):
                    entry[part][name] = str(folder / entry[part][name])


def _current_user(body: Mapping[str, Any]) -> dict[str, Any]:
    contexts = {entry["name"]: entry["context"] for entry in body.get("contexts") or ()}
    wanted = contexts[body["current-context"]].get("user", "")
    users: dict[str, dict[str, Any]] = {entry["name"]: entry["user"] for entry in body.get("users") or ()}
    return users.get(wanted) or {}


@dataclass(frozen=True, slots=True)
class EksCluster:
    """An EKS cluster by name; `region` "" takes the process's own."""

    name: str
    region: str = ""


def eks_cluster_of(user: Mapping[str, Any]) -> EksCluster | None:
    """Return the EKS cluster whose tokens a kubeconfig user asks `aws eks get-token` for, None for any other user."""
    plugin = user.get("exec") or {}
    arguments = [str(argument) for argument in plugin.get("args") or ()]
    if Path(str(plugin.get("command", ""))).name != "aws" or "get-token" not in arguments:
        return None
    name = next((value for flag in _NAME_FLAGS if (value := _after(flag, arguments))), "")
    if _after("--role-arn", arguments) or not name:
        raise Misconfigured("kubeconfig: `aws eks get-token` needs --cluster-name and, here, no --role-arn")
    return EksCluster(name, _after("--region", arguments))


def _after(flag: str, arguments: Sequence[str]) -> str:
    return next((after for one, after in pairwise(arguments) if one == flag), "")


def renewing(issue: Callable[[], str], clock: Callable[[], float]) -> Callable[[Configuration], None]:
    """Return a hook that puts a fresh bearer token into a configuration when the last one is old."""
    kept: list[tuple[float, str]] = []

    def renew(settings: Configuration) -> None:
        if not kept or clock() - kept[0][0] >= _TOKEN_SECONDS:
            kept[:] = [(clock(), issue())]
        settings.api_key["authorization"] = settings.api_key["BearerToken"] = f"Bearer {kept[0][1]}"

    return renew


def eks_token(cluster: EksCluster) -> str:
    """Return a bearer token for an EKS cluster, signed with this process's AWS credentials. Raises Misconfigured.

    Source: aws-iam-authenticator, "API Authorization from Outside a Cluster".
    """
    try:
        import boto3
        from botocore.signers import RequestSigner
    except ImportError as error:
        raise Misconfigured("an EKS kubeconfig needs boto3; install routewright[aws]") from error
    session = boto3.session.Session(region_name=cluster.region or None)
    sts, credentials = session.client("sts"), session.get_credentials()
    if credentials is None:
        raise Misconfigured("an EKS kubeconfig needs AWS credentials; give the function a role")
    region = sts.meta.region_name
    signer = RequestSigner(sts.meta.service_model.service_id, region, "sts", "v4", credentials, session.events)
    request = {
        "method": "GET",
        "url": f"https://sts.{region}.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15",
        "body": {},
        "headers": {"x-k8s-aws-id": cluster.name},
        "context": {},
    }
    url = signer.generate_presigned_url(request, operation_name="", region_name=region, expires_in=60)
    return "k8s-aws-v1." + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")
