"""The proxy on the way to a service: which one the environment names, unless ``NO_PROXY`` names the service.

httpx2 by itself makes whatever is named, for whom it may concern, and stumbles over what it can't make.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from importlib.util import find_spec
from typing import NoReturn
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies

from listener.errors import SettingsError

_PORTS = {"http": 80, "https": 443}
_SOCKS = ("socks", "socks4", "socks4a", "socks5", "socks5h")
_MADE_WITH_SOCKSIO = ("socks5", "socks5h")


def proxy_for(url: str) -> str | None:
    """Return the URL of the proxy for a service; None if it is called directly. Raises SettingsError ``bad_proxy``."""
    service, proxies = urlsplit(url), getproxies()
    if _is_excepted(service, proxies.get("no", "")):
        return None
    for kind in (service.scheme, "all"):
        if named := proxies.get(kind, "").strip():
            proxy = named if "://" in named else f"http://{named}"
            _require_usable(proxy, _variable(kind), service)
            return proxy
    return None


def _is_excepted(service: SplitResult, exceptions: str) -> bool:
    host = (service.hostname or "").rstrip(".")
    port = str(service.port or _PORTS[service.scheme])
    return any(_fits(one.strip().lower(), host, port) for one in exceptions.split(","))


def _fits(exception: str, host: str, port: str) -> bool:
    """Tell whether ``example.com`` (and what lies below it), ``.example.com``, an address, a network or ``*`` fits."""
    name = exception.partition("://")[2] or exception
    if not name or name == "*":
        return name == "*"
    if _address(host):
        without_port = name.removesuffix(f":{port}")
        networks = map(_network, (name, name.strip("[]"), without_port, without_port.strip("[]")))
        return any(network and _address(host) in network for network in networks)
    name, _, wanted_port = name.partition(":")
    name = name.removeprefix("*").rstrip(".")
    below = name if name.startswith(".") else f".{name}"
    return wanted_port in ("", port) and (host == name or host.endswith(below))


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _network(written: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(written, strict=False)
    except ValueError:
        return None


def _require_usable(proxy: str, variable: str, service: SplitResult) -> None:
    try:
        parts = urlsplit(proxy)
        host, _ = parts.hostname, parts.port
    except ValueError:
        _refuse(f"{variable} is no URL of a proxy", service)
    if parts.scheme in _SOCKS:
        if parts.scheme in _MADE_WITH_SOCKSIO and find_spec("socksio") is not None and host:
            return
        _refuse(f"{variable} names a SOCKS proxy, which needs socks5h:// and the package socksio", service)
    if parts.scheme not in _PORTS:
        _refuse(f"{variable} begins with {parts.scheme[:20]}://, not with http:// or https://", service)
    is_plain = proxy.isascii() and proxy.isprintable() and " " not in proxy
    if not host or not is_plain or proxy.count("@") > min(1, parts.netloc.count("@")):
        _refuse(f"{variable} names no host, or its password is not percent-encoded", service)


def _refuse(why: str, service: SplitResult) -> NoReturn:
    raise SettingsError(
        "bad_proxy",
        f"{service.hostname} is called through a proxy, and {why}",
        f"Use a URL like http://proxy.example:3128; or call the service directly: NO_PROXY={service.hostname}",
    )


def _variable(kind: str, environment: Mapping[str, str] = os.environ) -> str:
    name = f"{kind}_proxy"
    return name if name in environment else name.upper()
