"""Environments of their own for peers, whose requirements clash with ours and with each other's.

A virtual environment per peer lies in the user's cache folder, made with pip when it is first needed and again when its
requirements change. They take 1.1 GB together.
"""

from __future__ import annotations

import asyncio
import hashlib
import platform
import sys
from pathlib import Path

import platformdirs


class Unavailable(Exception):
    """An environment could not be made; the message is what pip said last."""


async def python(name: str, *requirements: str) -> Path:
    """Return the interpreter of the environment with these requirements; raise Unavailable if it can't be made."""
    wanted = "\n".join([platform.python_version(), *requirements, ""])
    digest = hashlib.sha256(wanted.encode()).hexdigest()[:12]
    home = platformdirs.user_cache_path("ingest-benchmarks") / f"{name}-{digest}"
    interpreter, made = home / "bin" / "python", home / "requirements.txt"
    if not made.exists():  # written last, so a half-made environment is made again
        print(f"{name}: making {home}", file=sys.stderr, flush=True)
        await _run(name, sys.executable, "-m", "venv", "--clear", str(home))
        await _run(name, str(interpreter), "-m", "pip", "install", "--quiet", *requirements)
        made.write_text(wanted, encoding="utf-8")
    return interpreter


async def _run(name: str, *command: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    _, said = await process.communicate()
    if process.returncode:
        lines = said.decode(errors="replace").strip().splitlines()
        reason = next((line for line in lines if line.startswith("ERROR")), lines[-1] if lines else "no message")
        raise Unavailable(f"{name}: {' '.join(command[1:4])} ended with {process.returncode}: {reason}")
