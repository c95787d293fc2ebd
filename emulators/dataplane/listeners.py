"""Listeners of load balancers as Envoy listeners (LDS): where they listen, their TLS, and what reads the bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emulators.dataplane.actions import idle_timeout
from emulators.dataplane.matching import SOURCE_ADDRESS
from emulators.dataplane.rules import LUA, NAMESPACE
from emulators.dataplane.target_groups import cluster_name, socket_address

Json = dict[str, Any]

_TYPE = "type.googleapis.com/"
_NETWORK = _TYPE + "envoy.extensions.filters.network."
_HTTP = _TYPE + "envoy.extensions.filters.http."
_SCRIPT = (Path(__file__).parent / "request.lua").read_text()
_ENCRYPTED = frozenset({"HTTPS", "TLS"})
_APPLICATION = frozenset({"HTTP", "HTTPS"})
# A session that is resumed shows no certificate: with mutual TLS a load balancer resumes none (user guide).
_AFRESH: Json = {"disable_stateless_session_resumption": True, "disable_stateful_session_resumption": True}
_OF_CLIENTS: Mapping[str, Json] = {
    "off": {},
    "passthrough": _AFRESH,
    "verify": _AFRESH | {"require_client_certificate": True},
}
_STATUS_OF_FLAGS = ((502, ("UF", "UC", "UR", "UPE", "URX", "UMSDR")), (503, ("UH", "NC")), (504, ("UT", "SI")))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a listener stands on this machine.

    Attributes:
        address: loopback alias of its load balancer.
        more: further loopback addresses of it.
        behind: whether it is a target of a network load balancer, which tells it who the client is.
        port: where Envoy listens.
        routes_file: RDS file of its rules.
        access_log: file that gets a JSON line for each request.
    """

    address: str
    port: int
    routes_file: str
    access_log: str
    more: tuple[str, ...] = ()
    behind: bool = False


def listener_name(listener: Mapping[str, Any]) -> str:
    """Return a name for an Envoy listener: that of the load balancer, and a digest that no other listener has."""
    arn = listener["ListenerArn"]
    parts = arn.split("/")
    return f"{parts[2] if len(parts) > 2 else 'listener'}-{hashlib.sha256(arn.encode()).hexdigest()[:10]}"  # noqa: PLR2004 - arn:...:listener/app/NAME/...


def is_http(listener: Mapping[str, Any]) -> bool:
    """Tell whether the listener has rules of HTTP, not just a stream of bytes."""
    return listener["Protocol"] in _APPLICATION


def envoy_listener(listener: Mapping[str, Any], balancer: Mapping[str, Any], place: Place) -> Json:
    """Return the `Listener` of an application or network load balancer's TCP, TLS, HTTP or HTTPS listener."""
    attributes = balancer.get("Attributes", {})
    reader = _http(listener, attributes, place) if is_http(listener) else _stream(listener)
    chain: Json = {"filters": [_remembered_source(), reader]}
    if listener["Protocol"] in _ENCRYPTED:
        chain["transport_socket"] = _tls(listener, attributes)
    return {
        "name": listener_name(listener),
        "address": socket_address(place.address, place.port),
        "additional_addresses": [{"address": socket_address(one, place.port)} for one in place.more],
        "listener_filters": [_told_client()] if place.behind else [],
        # Without it a second data plane on this machine would silently get half of the connections.
        "enable_reuse_port": False,
        "filter_chains": [{"name": "all"} | chain],
    }


def _told_client() -> Json:
    """Return what takes the client from the network load balancer in front; its own clients speak for themselves."""
    config = {
        "@type": _TYPE + "envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol",
        "allow_requests_without_proxy_protocol": True,
    }
    return {"name": "envoy.filters.listener.proxy_protocol", "typed_config": config}


def _remembered_source() -> Json:
    source = {"text_format_source": {"inline_string": "%DOWNSTREAM_REMOTE_ADDRESS%"}}
    config = {
        "@type": _NETWORK + "set_filter_state.v3.Config",
        "on_new_connection": [
            {
                "object_key": SOURCE_ADDRESS,
                "factory_key": "envoy.filters.listener.original_dst.remote_ip",
                "format_string": source,
            }
        ],
    }
    return {"name": "envoy.filters.network.set_filter_state", "typed_config": config}


def _http(listener: Mapping[str, Any], attributes: Mapping[str, str], place: Place) -> Json:
    name = listener_name(listener)
    secure = listener["Protocol"] == "HTTPS"
    config: Json = {
        "@type": _NETWORK + "http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": name,
        # A load balancer speaks HTTP/2 to clients only over TLS.
        "codec_type": "AUTO" if secure else "HTTP1",
        "http_protocol_options": {"accept_http_10": True, "default_host_for_http_10": place.address},
        "rds": {"route_config_name": name, "config_source": file_source(place.routes_file)},
        "http_filters": [_lua(_mode(listener)), {"name": "router", "typed_config": _router()}],
        "server_name": "awselb/2.0",
        "server_header_transformation": "APPEND_IF_ABSENT",
        "use_remote_address": True,
        # The Lua filter writes X-Forwarded-For.
        "skip_xff_append": True,
        "generate_request_id": False,
        "preserve_external_request_id": True,
        "normalize_path": True,
        "merge_slashes": False,
        "stream_idle_timeout": f"{idle_timeout(attributes)}s",
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        "local_reply_config": {"mappers": [_status_of(*pair) for pair in _STATUS_OF_FLAGS]},
        "access_log": [_access_log(listener, place)],
    }
    return {"name": "http", "typed_config": config}


def file_source(path: str) -> Json:
    """Return a `ConfigSource` that watches a file."""
    return {"resource_api_version": "V3", "path_config_source": {"path": path}}


def _lua(clients: str) -> Json:
    code = {"inline_string": f'local CLIENTS = "{clients}"\n{_SCRIPT}'}
    return {"name": LUA, "typed_config": {"@type": _HTTP + "lua.v3.Lua", "default_source_code": code}}


def _router() -> Json:
    return {"@type": _HTTP + "router.v3.Router", "suppress_envoy_headers": True}


def _status_of(status: int, flags: tuple[str, ...]) -> Json:
    return {"filter": {"response_flag_filter": {"flags": list(flags)}}, "status_code": status}


def _access_log(listener: Mapping[str, Any], place: Place) -> Json:
    line = {
        "time": "%START_TIME%",
        "listener": listener["ListenerArn"],
        "rule": f"%METADATA(ROUTE:{NAMESPACE}:rule)%",
        "priority": f"%METADATA(ROUTE:{NAMESPACE}:priority)%",
        "method": "%REQ(:METHOD)%",
        "host": "%REQ(:AUTHORITY)%",
        "path": "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
        "status": "%RESPONSE_CODE%",
        "flags": "%RESPONSE_FLAGS%",
        "details": "%RESPONSE_CODE_DETAILS%",
        "cluster": "%UPSTREAM_CLUSTER%",
        "target": "%UPSTREAM_HOST%",
        "client": "%DOWNSTREAM_REMOTE_ADDRESS%",
    }
    config = {
        "@type": _TYPE + "envoy.extensions.access_loggers.file.v3.FileAccessLog",
        "path": place.access_log,
        "log_format": {"json_format": line},
    }
    return {"name": "envoy.access_loggers.file", "typed_config": config}


def _tls(listener: Mapping[str, Any], attributes: Mapping[str, str]) -> Json:
    common: Json = {"tls_certificates": [_certificate(one) for one in listener["Certificates"]]}
    if listener["Protocol"] == "HTTPS":
        http2 = attributes.get("routing.http2.enabled", "true") == "true"
        common["alpn_protocols"] = ["h2", "http/1.1"] if http2 else ["http/1.1"]
    # Envoy chooses by SNI among all certificates of the context and falls back to the first, as a load balancer does.
    context: Json = {"@type": _TYPE + "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext"}
    context |= {"common_tls_context": common | _validation(listener), **_OF_CLIENTS[_mode(listener)]}
    return {"name": "envoy.transport_sockets.tls", "typed_config": context}


def _mode(listener: Mapping[str, Any]) -> str:
    return str(listener.get("MutualAuthentication", {}).get("Mode", "off"))


def _validation(listener: Mapping[str, Any]) -> Json:
    """Return how the certificates of clients are judged; in the mode `passthrough` any will do, or none."""
    match _mode(listener):
        case "verify":
            lenient = bool(listener["MutualAuthentication"].get("IgnoreClientCertificateExpiry", False))
            trusted = {"inline_string": listener["CaCertificates"]}
            return {"validation_context": {"trusted_ca": trusted, "allow_expired_certificate": lenient}}
        case "passthrough":
            return {"validation_context": {"trust_chain_verification": "ACCEPT_UNTRUSTED"}}
    return {}


def _certificate(certificate: Mapping[str, str]) -> Json:
    chain = "\n".join(filter(None, (certificate["Certificate"].strip(), certificate.get("Chain", "").strip())))
    return {
        "certificate_chain": {"inline_string": chain + "\n"},
        "private_key": {"inline_string": certificate["PrivateKey"]},
    }


def _stream(listener: Mapping[str, Any]) -> Json:
    groups = listener["DefaultActions"][-1]["ForwardConfig"]["TargetGroups"]
    weights = {cluster_name(group["TargetGroupArn"]): int(group.get("Weight", 1)) for group in groups}
    clusters = [{"name": name, "weight": weight} for name, weight in weights.items() if weight]
    config: Json = {
        "@type": _NETWORK + "tcp_proxy.v3.TcpProxy",
        "stat_prefix": listener_name(listener),
        "idle_timeout": f"{listener.get('Attributes', {}).get('tcp.idle_timeout.seconds', '350')}s",
    }
    # A cluster that does not exist ends each connection: nobody has a share.
    config |= {"weighted_clusters": {"clusters": clusters}} if clusters else {"cluster": "nobody"}
    return {"name": "tcp", "typed_config": config}
