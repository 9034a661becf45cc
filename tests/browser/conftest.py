"""Pages in a real browser; skipped where there is none."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest
from browsing import CHROMIUM, opened_browser

if TYPE_CHECKING:
    from playwright.async_api import Browser


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """A headless Chromium."""
    pytest.importorskip("playwright")
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on the PATH")
    async with opened_browser() as browser:
        yield browser
