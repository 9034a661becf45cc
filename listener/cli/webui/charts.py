"""Figures over time as SVG, drawn here: no script and no colour of its own; style sheets give both modes theirs.

A plot is stretched to the room that it gets, so labels stand beside it, as text that keeps its size. What it shows is
said in its description, and the figures that matter stand above it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import count

from markupsafe import Markup

WIDTH, HEIGHT = 600.0, 100.0
MOST_SERIES = 4
LABELS = 5
UNITS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))

Values = Sequence[float | None]
Series = Sequence[tuple[str, Values]]


def chart(series: Series, labels: Sequence[str], *, title: str, unit: str = "", bars: bool = False) -> Markup:
    """Return lines or bars over time, of four series at most. ``labels``: one for each value; None leaves a gap."""
    series = [(name, [_finite(value) for value in values]) for name, values in series]
    top = _top(max((value for _, values in series for value in _known(values)), default=0.0))
    numbered = [*zip(count(1), series[:MOST_SERIES], strict=False)]
    if bars:
        drawn = Markup("").join(_bars(n, values, top) for n, (_, values) in numbered[:1])
    else:
        drawn = Markup("").join(_line(n, values, top) for n, (_, values) in numbered)
    return _FIGURE.format(
        title=title, unit=f" ({unit})" if unit else "", legend=Markup("").join(_legend(n, *one) for n, one in numbered),
        described=_described(series, labels), width=WIDTH, height=HEIGHT, grid=_GRID, drawn=drawn,
        top=compact(top), middle=compact(top / 2), times=Markup("").join(_times(labels)),
    )  # fmt: skip


def stretch(begin: datetime | None, end: datetime | None, first: datetime, last: datetime) -> Markup:
    """Return a bar that shows where a stretch of time lies between two times; nothing where it has not begun."""
    whole = (last - first).total_seconds()
    if begin is None or whole <= 0:
        return Markup("")
    x = _within((begin - first).total_seconds() / whole)
    until = _within(((end or last) - first).total_seconds() / whole)
    return Markup(
        '<svg class="stretch" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="s1" x="{:.1f}" y="1" width="{:.1f}" height="8"/></svg>'
    ).format(100 * x, max(0.8, 100 * (until - x)))


def compact(value: float) -> str:
    """Return a number as an axis has it: ``1.5k``."""
    size, letter = next(((size, letter) for size, letter in UNITS if abs(value) >= size), (1.0, ""))
    return f"{value / size:.3g}{letter}"


_FIGURE = Markup(
    '<figure class="chart"><figcaption><b>{title}</b>{unit} {legend}</figcaption>'
    '<div class="plot"><div class="y" aria-hidden="true"><span>{top}</span><span>{middle}</span><span>0</span></div>'
    '<svg class="chart" viewBox="0 0 {width:.0f} {height:.0f}" preserveAspectRatio="none" role="img"'
    ' aria-label="{title}{unit}: {described}"><title>{title}</title><desc>{described}</desc>{grid}{drawn}</svg>'
    '<div class="x" aria-hidden="true">{times}</div></div></figure>'
)
_GRID = Markup("").join(
    Markup('<path class="grid" d="M0 {y:.0f}H{width:.0f}"/>').format(y=y, width=WIDTH)
    for y in (0.0, HEIGHT / 2, HEIGHT)
)
_LEGEND = Markup(
    '<span class="key"><svg viewBox="0 0 18 8" aria-hidden="true"><path class="line s{n}" d="M1 4h16"/></svg>'
    ' {name} <span class="figures">{now}{most}</span></span>'
)


def _legend(number: int, name: str, values: Values) -> Markup:
    known = _known(values)
    last = values[-1] if values else None
    now = f"now {compact(last if last is not None else known[-1])}" if known else "no figures"
    most = f", peak {compact(max(known))}" if known else ""
    return _LEGEND.format(n=number, name=name, now=now, most=most)


def _described(series: Series, labels: Sequence[str]) -> str:
    span = f"from {labels[0]} to {labels[-1]}" if labels else "no time"
    told = []
    for name, values in series:
        known = _known(values)
        figures = (
            f"{compact(min(known))} to {compact(max(known))}, last {compact(known[-1])}" if known else "no figures"
        )
        told.append(f"{name} {figures}")
    return f"{span}: {'; '.join(told)}"


def _line(number: int, values: Values, top: float) -> Markup:
    path = "".join(_pieces(values, top))
    return Markup('<path class="line s{}" d="{}"/>').format(number, path) if path else Markup("")


def _pieces(values: Values, top: float) -> Iterator[str]:
    """Yield a move or a line to each value: a gap begins anew, and what stands alone is a dot."""
    goes_on = False
    for place, value in enumerate(values):
        if value is None:
            goes_on = False
            continue
        x = WIDTH * place / (len(values) - 1) if len(values) > 1 else WIDTH / 2
        yield f"{'L' if goes_on else 'M'}{x:.1f} {_height(value, top):.1f}"
        is_alone = not goes_on and (place + 1 == len(values) or values[place + 1] is None)
        if is_alone:
            yield "h.1"
        goes_on = True


def _bars(number: int, values: Values, top: float) -> Markup:
    wide = WIDTH / max(len(values), 1)
    drawn = [
        Markup('<rect class="s{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>').format(
            number, place * wide + wide * 0.1, _height(value, top), wide * 0.8, HEIGHT - _height(value, top)
        )
        for place, value in enumerate(values)
        if value
    ]
    return Markup("").join(drawn)


def _times(labels: Sequence[str]) -> Iterator[Markup]:
    most = min(LABELS, len(labels))
    for place in range(most):
        label = labels[round(place * (len(labels) - 1) / max(most - 1, 1))]
        yield Markup("<span>{}</span>").format(label)


def _height(value: float, top: float) -> float:
    return HEIGHT - HEIGHT * min(max(value, 0.0), top) / top


def _top(most: float) -> float:
    """Return the top of an axis: 1, 2 or 5 and zeros, or 1 where there is nothing."""
    if not most > 0 or not math.isfinite(most):
        return 1.0
    size = 10.0 ** math.floor(math.log10(most))
    return float(next(step * size for step in (1, 2, 5, 10) if most <= step * size * (1 + 1e-9)))


def _known(values: Values) -> list[float]:
    return [value for value in values if value is not None]


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _within(share: float) -> float:
    return min(max(share, 0.0), 1.0)
