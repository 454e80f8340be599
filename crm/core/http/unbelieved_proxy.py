"""A proxy that is not believed: all who come through it count as one client, the proxy."""

import logging
from collections import OrderedDict

from crm.core.http.forwarded import Headers, forwarded_address

logger = logging.getLogger(__name__)

# From so many different addresses on, a peer that forwards them is a proxy rather than a client.
ADDRESSES = 20
# Peers that are watched at once; the ones that were first seen longest ago are dropped.
PEERS = 100


class UnbelievedProxyWatch:
    """Sees ``X-Forwarded-For`` of a server that does not believe it, and warns once."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, set[str]] = OrderedDict()
        self._has_warned = False

    def see(self, peer: str, headers: Headers) -> None:
        if self._has_warned or (address := forwarded_address(headers, proxies=1)) is None:
            return
        seen = self._seen.setdefault(peer, set())
        seen.add(address)
        if len(seen) >= ADDRESSES:
            self._warn()
        elif len(self._seen) > PEERS:
            self._seen.popitem(last=False)

    def _warn(self) -> None:
        self._has_warned = True
        self._seen.clear()
        logger.warning(
            "Requests of many addresses come through one proxy that is not believed: they share "
            "its rate limits and its few requests at once. If the proxy is yours and sets "
            "X-Forwarded-For, start `serve` with --proxy-headers.",
            extra={"metadata": {"action": "proxy.unbelieved", "addresses": ADDRESSES}},
        )
