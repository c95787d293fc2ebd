"""QUICRoute: a Route kind of its own package, for QUIC connections passed on as they come.

It uses public names of routewright alone, so it could live in any repository. The guide "Write your own Route kind"
goes through this file line by line.
"""

from reconciler.gatewayapi.kinds import RouteKind
from reconciler.gatewayapi.read_streams import read_stream_rules

KIND = RouteKind(
    name="QUICRoute",
    plural="quicroutes",
    group="routewright.dev",
    version="v1alpha1",
    protocols=("routewright.dev/QUIC",),
    carried="QUIC",
    backend="UDP",
    read_rules=read_stream_rules,
)
