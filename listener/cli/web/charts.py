"""Figures over time as SVG, drawn here: no script and no colour of its own; style sheets give both modes theirs."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

WIDTH, HEIGHT, LEFT, BOTTOM = 600.0, 120.0, 44.0, 18.0


def chart(
    series: Sequence[tuple[str, Sequence[float | None]]], labels: Sequence[str], *, title: str, unit: str = ""
) -> Markup:
    """Return lines over time. ``series``: names and values, one for each of ``labels``; None leaves a gap."""
    raise NotImplementedError(series, labels, title, unit)
