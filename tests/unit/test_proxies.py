"""The way to a service: which proxy, if any, and what is said of one that can't be used."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest
from embedding_service import EmbeddingService

from listener.embedding import proxies
from listener.embedding.endpoint import Endpoint
from listener.embedding.proxies import proxy_for
from listener.errors import SettingsError

SECRET = "QXZ7jk"


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def proxied(monkeypatch: pytest.MonkeyPatch, url: str, **variables: str) -> str | None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return proxy_for(url)


def test_without_a_variable_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert proxied(monkeypatch, "https://api.example/v1") is None


def test_the_scheme_s_own_comes_before_the_one_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"ALL_PROXY": "http://all:1", "HTTPS_PROXY": "tls:2"}
    assert proxied(monkeypatch, "https://api.example/v1", **given) == "http://tls:2"
    assert proxied(monkeypatch, "http://api.example/v1") == "http://all:1"


@pytest.mark.parametrize(
    ("exception", "url", "is_direct"),
    [
        ("*", "https://api.example/v1", True),
        ("api.example", "https://api.example/v1", True),
        ("example", "https://api.example/v1", True),
        (".api.example", "https://api.example/v1", False),
        ("*.example", "https://api.example/v1", True),
        ("pi.example", "https://api.example/v1", False),
        ("API.Example", "https://api.example/v1", True),
        ("other, api.example", "https://api.example/v1", True),
        ("api.example:8443", "https://api.example:8443/v1", True),
        ("api.example:8443", "https://api.example/v1", False),
        ("https://api.example", "https://api.example/v1", True),
        ("10.0.0.0/8", "https://10.1.2.3/v1", True),
        ("10.0.0.0/8", "https://11.1.2.3/v1", False),
        ("10.1.2.3", "http://10.1.2.3:8080/v1", True),
        ("10.1.2.3:8080", "http://10.1.2.3:8080/v1", True),
        ("::1", "http://[::1]:11434/v1", True),
        ("[::1]", "http://[::1]:11434/v1", True),
        ("localhost", "http://localhost:11434/v1", True),
        ("", "https://api.example/v1", False),
        ("[[[,%,://", "https://api.example/v1", False),
    ],
)
def test_services_that_no_proxy_names_are_called_directly(
    monkeypatch: pytest.MonkeyPatch, exception: str, url: str, is_direct: bool
) -> None:
    found = proxied(monkeypatch, url, ALL_PROXY="http://proxy:3128", NO_PROXY=exception)
    assert found == (None if is_direct else "http://proxy:3128")


UNUSABLE = [
    f"socks5://u:{SECRET}@proxy:1080",
    "socks5h://proxy:1080",
    "socks4://proxy:1080",
    "socks://proxy",
    f"ftp://u:{SECRET}@proxy",
    "http://",
    "http://proxy:port",
    f"http://u:{SECRET}/x@proxy:1",
    f"http://u:{SECRET}@x@proxy:1",
    f"http://u:{SECRET}[@proxy:1",
    f"u:{SECRET}@[proxy",
    "http://pro xy:1",
]


@pytest.mark.parametrize("name", ["ALL_PROXY", "https_proxy"])
@pytest.mark.parametrize("proxy", UNUSABLE)
def test_a_proxy_that_can_t_be_used_is_a_setting_to_mend(
    monkeypatch: pytest.MonkeyPatch, name: str, proxy: str
) -> None:
    monkeypatch.setattr(proxies, "find_spec", lambda _: None)
    with pytest.raises(SettingsError) as raised:
        proxied(monkeypatch, "https://api.example/v1", **{name: proxy})
    error = raised.value
    assert error.code == "bad_proxy"
    assert name in error.message
    assert "NO_PROXY=api.example" in error.hint
    assert SECRET not in f"{error!r} {error.hint}"


def test_a_socks_proxy_is_used_where_its_package_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "socksio", ModuleType("socksio"))
    monkeypatch.setattr(proxies, "find_spec", lambda name: name)
    assert proxied(monkeypatch, "https://api.example/v1", ALL_PROXY="socks5h://proxy:1080") == "socks5h://proxy:1080"


async def test_a_service_that_is_excepted_is_reached_whatever_the_proxies_are(monkeypatch: pytest.MonkeyPatch) -> None:
    async with EmbeddingService(dimensions=8) as service:
        for name in ("ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, "socks5://nowhere.example:1")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        endpoint = Endpoint(service.url, None, calls=1, seconds=20)
        try:
            assert (await endpoint.call("test", ["text"], None)).status == 200
        finally:
            await endpoint.close()


def test_a_file_of_certificates_that_is_not_there_is_a_setting_to_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/ca.pem")
    with pytest.raises(SettingsError, match=r"/nowhere/ca\.pem") as raised:
        Endpoint("https://api.example/v1", None, calls=1, seconds=20)
    assert raised.value.code == "certificate_refused"
