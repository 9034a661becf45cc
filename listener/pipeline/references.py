"""What workflows are given: names of requests and batches, as JSON across DBOS's boundary."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class Reference(BaseModel):
    """Crosses DBOS's boundary as JSON (``as_json``) and is validated where it arrives (``model_validate``)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def as_json(self) -> dict[str, Any]:
        """Return the reference as plain JSON values."""
        return self.model_dump(mode="json")


class RequestRef(Reference):
    """Names a request."""

    request: UUID


class BatchRef(Reference):
    """Names a batch of a request."""

    request: UUID
    batch: int

    @property
    def workflow(self) -> str:
        """The id of the batch's workflow."""
        return f"{self.request}:{self.batch}"
