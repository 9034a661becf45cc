"""Pages of ``ingest ui`` as a person sees them, light and dark, by the Chromium that is there."""

from __future__ import annotations

import io
import os
import shutil
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

WIDTH, HEIGHT = 1120, 760
MOST_BYTES = 150_000
SCHEMES = ("light", "dark")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DETAILS = {
    "request": "main tr:has-text('partially') a[href*='/requests/']",
    "document": "main a[href*='/document?']",
    "collection": "main a[href*='/collections/']",
}
QUESTION = "when do the vents open"


def photograph(address: str, folder: Path) -> list[str]:
    """Write pictures of all pages that there are; return their names."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"] if os.geteuid() == 0 else []
        )
        try:
            pages = _addresses(browser, address)
            for name, url in pages.items():
                for scheme in SCHEMES:
                    _photograph(browser, url, scheme, folder / f"{name}-{scheme}.png")
        finally:
            browser.close()
    return list(pages)


def _addresses(browser: Browser, address: str) -> dict[str, str]:
    """Return pages by name: those of the navigation, and of each kind of detail the first that they lead to."""
    page = browser.new_page()
    page.goto(address)
    links = page.eval_on_selector_all(
        "header nav a[aria-current], header nav a:not(.brand)", "them => them.map(it => it.href)"
    )
    found: dict[str, str] = {}
    for link in links:
        path = link.removeprefix(address.rstrip("/")).strip("/")
        found[path or "overview"] = f"{link}?q={QUESTION.replace(' ', '+')}" if path == "search" else link
        page.goto(link)
        for name, selector in DETAILS.items():
            if name not in found and (first := page.locator(selector)).count():
                found[name] = first.first.evaluate("it => it.href")
    page.close()
    return found


def _photograph(browser: Browser, url: str, scheme: str, file: Path) -> None:
    context = browser.new_context(
        viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="dark" if scheme == "dark" else "light"
    )
    page: Page = context.new_page()
    page.goto(url)
    page.wait_for_load_state("networkidle")
    taken = Image.open(io.BytesIO(page.screenshot()))
    context.close()
    file.write_bytes(_small(taken))


def _small(picture: Image.Image) -> bytes:
    """Return it as PNG, with as many colours as the limit of bytes allows."""
    for colours in (256, 64):
        png = _as_png(picture, colours)
        if len(png) < MOST_BYTES:
            return png
    return _as_png(picture, 16)


def _as_png(picture: Image.Image, colours: int) -> bytes:
    written = io.BytesIO()
    picture.convert("RGB").quantize(colours).save(written, "png", optimize=True)
    return written.getvalue()
