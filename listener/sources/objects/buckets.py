"""Clients of buckets, made when they are asked for."""

from __future__ import annotations

import logging
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING

from listener.errors import IngestError, RequestError
from listener.sources.base import SourceTools
from listener.sources.objects.bodies import Bodies
from listener.sources.objects.object_listing import ObjectListing
from listener.sources.objects.providers import S3, Provider
from listener.sources.objects.signed_listing import LONGEST_ANSWER, SignedListing

if TYPE_CHECKING:
    import httpx2

MOST = 64  # buckets whose clients are kept

for _name in ("httpx2", "httpcore2"):  # a line for each call, with its URL, which is signed
    logging.getLogger(_name).setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class Bucket:
    """What can be done with one."""

    listing: ObjectListing
    bodies: Bodies


class Buckets:
    """The buckets of one provider, by name."""

    def __init__(self, tools: SourceTools, provider: Provider) -> None:
        self._tools = tools
        self._provider = provider
        self._made: dict[str, Bucket] = {}
        self._client: httpx2.AsyncClient | None = None

    async def of(self, name: str) -> Bucket:
        """Return a bucket; raises RequestError ``wrong_setting`` if no client can be made of the environment."""
        if bucket := self._made.get(name):
            return bucket
        bucket = await self._tools.in_thread(self._make, name)
        while len(self._made) >= MOST:
            del self._made[next(iter(self._made))]
        return self._made.setdefault(name, bucket)

    async def close(self) -> None:
        if self._client:
            await self._client.aclose()

    def _make(self, name: str) -> Bucket:
        try:
            store = self._provider.store(name)
        except IngestError:
            raise
        except Exception as error:  # whatever it does not like in the environment
            said = str(error).partition("\n")[0][:200]
            message = f"no client of {self._provider.title} can be made: {said}"
            hint = "correct the provider's variables in the listener's environment"
            raise RequestError("wrong_setting", message, hint) from None
        signed = SignedListing(self._provider, self._http) if isinstance(self._provider, S3) else None
        return Bucket(ObjectListing(self._provider, name, store, signed), Bodies(store, self._provider.whose))

    def _http(self) -> httpx2.AsyncClient:
        import httpx2  # noqa: PLC0415 - hardly a bucket needs it

        if self._client is None:
            trusted = self._provider.client_options().get("root_certificate")
            context = ssl.create_default_context()
            if isinstance(trusted, bytes):
                context.load_verify_locations(cadata=trusted.decode())
            timeout = httpx2.Timeout(LONGEST_ANSWER, connect=5)
            self._client = httpx2.AsyncClient(verify=context, timeout=timeout, follow_redirects=False)
        return self._client
