"""A root of objects: ``s3://bucket/docs/``, ``s3://bucket``, or ``s3:`` for all buckets that we are let into."""

from __future__ import annotations

from dataclasses import dataclass

from listener.errors import OperatorError, RequestError
from listener.sources.objects.object_urls import object_uri, place_of, problem_of


@dataclass(frozen=True, slots=True)
class RootPrefix:
    """``key`` has no slash at its end, and is empty for a whole bucket; so is ``bucket`` for all of them."""

    scheme: str
    bucket: str
    key: str

    @classmethod
    def of(cls, root: str, scheme: str) -> RootPrefix:
        """Return what a root says; raises OperatorError ``wrong_setting``."""
        if root in (f"{scheme}:", f"{scheme}:/", f"{scheme}://"):
            return cls(scheme, "", "")
        try:
            place = place_of(root)
        except RequestError as error:
            raise OperatorError("wrong_setting", f"the root {root}: {error.message}", error.hint) from None
        key = place.key.removesuffix("/")
        if problem := problem_of(key):
            hint = "Name the prefix that holds your documents in INGEST_ROOTS, such as s3://bucket/docs/."
            raise OperatorError("wrong_setting", f"the root {root}: {problem}", hint)
        return cls(scheme, place.bucket, key)

    @property
    def uri(self) -> str:
        """The root as URIs are written."""
        if not self.bucket:
            return f"{self.scheme}:"
        return object_uri(self.scheme, self.bucket, self.key).removesuffix("/") + "/"

    def holds(self, bucket: str, key: str) -> bool:
        """Tell whether an object or a folder lies below it."""
        if self.bucket and bucket != self.bucket:
            return False
        return not self.key or f"{key}/".startswith(f"{self.key}/")
