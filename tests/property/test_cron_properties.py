"""Times of cron lines: what our SQL reads is what croniter reads, and what it can't read is refused."""

from __future__ import annotations

from datetime import datetime, timezone

from croniter import croniter
from how_many import how_many
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from roles import refused
from staging import Connection

SETTINGS = settings(
    max_examples=how_many(150), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@st.composite
def fields(draw: st.DrawFn, least: int, most: int, stars: bool = True) -> str:
    def part() -> str:
        first = draw(st.integers(least, most))
        kind = draw(st.sampled_from(["one", "range", "stepped", *(["*", "step"] if stars else [])]))
        if kind == "*":
            return "*"
        if kind == "one":
            return str(first)
        if kind == "step":
            return f"*/{draw(st.integers(1, most))}"
        if first == most:  # croniter takes 3-3 for all
            return str(first)
        last = draw(st.integers(first + 1, most))
        return f"{first}-{last}" + (f"/{draw(st.integers(1, most))}" if kind == "stepped" else "")

    return ",".join(part() for _ in range(draw(st.integers(1, 3))))


# Of days, what begins with a star and is more than that means something else to croniter than to cron.
DAYS = st.just("*") | fields(1, 28, stars=False)
WEEKDAYS = st.just("*") | fields(0, 6, stars=False)
LINES = st.tuples(fields(0, 59), fields(0, 23), DAYS, fields(1, 12), WEEKDAYS).map(" ".join)
TIMES = st.integers(1_704_067_200, 1_830_000_000).map(lambda at: datetime.fromtimestamp(at, timezone.utc))


@SETTINGS
@given(line=LINES, after=TIMES)
async def test_the_next_time_is_the_one_that_croniter_finds(c: Connection, line: str, after: datetime) -> None:
    expected = croniter(line, after).get_next(datetime)
    assert await c.fetchval("select ingest_next_time($1, 'UTC', $2)", line, after) == expected


WRONG = (
    "", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "5-1 * * * *",
    "*/0 * * * *", "a * * * *", "* * * foo *", "1,,2 * * * *", "-1 * * * *", "1- * * * *", "1/ * * * *", "@reboot",
    "*" * 300, "1," * 2000 + "1 * * * *", "L * * * *", "* * * * mon#2",
)  # fmt: skip
SAME = (
    ("@daily", "0 0 * * *"), (" 0  0 * * * ", "0 0 * * *"), ("0 0 * jan-mar sun", "0 0 * 1-3 0"),
    ("0 0 * * 7", "0 0 * * 0"), ("0 0 * * Mon-Fri", "0 0 * * 1-5"), ("5/10 * * * *", "5-59/10 * * * *"),
    ("0 0 * * 5-7", "0 0 * * 0,5,6"),
)  # fmt: skip


async def test_what_is_no_cron_line_is_refused(c: Connection) -> None:
    for line in WRONG:
        with refused("IG051", "wrong_cron"):
            await c.fetchval("select ingest_next_time($1, 'UTC', now())", line)


async def test_there_are_names_and_short_forms(c: Connection) -> None:
    read = "select ingest_cron_times($1)::text"
    for line, same in SAME:
        assert await c.fetchval(read, line) == await c.fetchval(read, same), line
