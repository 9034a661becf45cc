"""TLS that asyncpg can't set up by itself: the system's authorities, and a host that is reached by its address."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path

from listener.database.parameters import trusts_system

_FILES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")


def authorities() -> str | None:
    """Return the file with the system's trusted authorities: psycopg's OpenSSL may look where there is none."""
    files = (ssl.get_default_verify_paths().cafile, *_FILES)
    return next((file for file in files if file and Path(file).exists()), None)


def context(parameters: Mapping[str, str], names: Mapping[str, str]) -> ssl.SSLContext:
    """Return what makes connections with ``sslmode`` require or stricter.

    ``names``: what the host at an address is called, which is what its certificate says. Raises OSError for files that
    can't be read.
    """
    made = _Naming(ssl.PROTOCOL_TLS_CLIENT)
    made.names = names
    mode = parameters.get("sslmode", "prefer")
    made.check_hostname = mode == "verify-full"
    root = parameters.get("sslrootcert")
    if trusts_system(parameters):
        made.load_default_certs(ssl.Purpose.SERVER_AUTH)
    elif root:
        made.load_verify_locations(cafile=root)
    elif mode == "require":
        made.verify_mode = ssl.CERT_NONE
    else:
        made.load_verify_locations(cafile=Path("~/.postgresql/root.crt").expanduser())
    _load_own(made, parameters)
    return made


def _load_own(made: ssl.SSLContext, parameters: Mapping[str, str]) -> None:
    if "sslcrl" in parameters:
        made.load_verify_locations(cafile=parameters["sslcrl"])
        made.verify_flags |= ssl.VERIFY_CRL_CHECK_CHAIN
    if "sslcert" in parameters:
        password = parameters.get("sslpassword", "")
        made.load_cert_chain(parameters["sslcert"], parameters.get("sslkey"), password=lambda: password)
    if oldest := parameters.get("ssl_min_protocol_version"):
        made.minimum_version = _version(oldest)
    if newest := parameters.get("ssl_max_protocol_version"):
        made.maximum_version = _version(newest)
    made.set_alpn_protocols(["postgresql"])


def _version(written: str) -> ssl.TLSVersion:
    return ssl.TLSVersion[written.replace(".", "_")]


class _Naming(ssl.SSLContext):
    """Asks for a host, and looks for its name in the certificate, by the name and not by the address."""

    names: Mapping[str, str] = {}

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        if isinstance(server_hostname, str):
            server_hostname = self.names.get(server_hostname, server_hostname)
        return super().wrap_bio(incoming, outgoing, server_side, server_hostname, session)
