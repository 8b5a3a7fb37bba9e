"""How often one key, or one address, may ask."""

import ipaddress
import math
import time

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from back.problems import Problem


class Rates:
    """Counts requests in this process's memory.

    Args:
        per_key: "600/minute"; None for no limit.
        per_address: the same, for whoever sends no key. This machine itself has no limit.
    """

    def __init__(self, per_key: str | None, per_address: str | None) -> None:
        self._per_key = parse(per_key) if per_key else None
        self._per_address = parse(per_address) if per_address else None
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())

    def count_key(self, name: str) -> None:
        """Raises Problem: 429, this key has asked too often."""
        self._count(self._per_key, "key", name, f"the key {name}")

    def count_address(self, address: str | None) -> None:
        """Raises Problem: 429, too many requests came from this address (of IPv6, from its network)."""
        network = _network(address)
        if network is not None:
            self._count(self._per_address, "address", network, "your address")

    def _count(self, rate: RateLimitItem | None, kind: str, identity: str, who: str) -> None:
        if rate is None or self._limiter.hit(rate, kind, identity):
            return
        wait = max(1, math.ceil(self._limiter.get_window_stats(rate, kind, identity).reset_time - time.time()))
        sentence = (
            f"More than {rate.amount} requests a {rate.GRANULARITY.name} came from {who}; try again in {wait} s."
        )
        raise Problem(429, sentence, retry_after_s=wait)


def _network(address: str | None) -> str | None:
    """Who counts as one: an IPv4 address, or the /64 that IPv6 gives to one customer. None for this machine."""
    try:
        ip = ipaddress.ip_address(address or "")
    except ValueError:  # a Unix socket
        return None
    if isinstance(ip, ipaddress.IPv6Address):
        ip = ip.ipv4_mapped or ip
    if ip.is_loopback:
        return None
    return str(ip) if ip.version == 4 else str(ipaddress.ip_network((ip, 64), strict=False))
