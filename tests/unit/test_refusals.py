"""What drivers raise, as errors of ours."""

from __future__ import annotations

import asyncpg
import pytest

from listener.database.translation import translate_errors
from listener.errors import OperatorError

CUT = [
    asyncpg.InterfaceError("connection is closed"),
    asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is in progress"),  # just cut
    asyncpg.AdminShutdownError("terminating connection due to administrator command"),
    ConnectionResetError(104, "Connection reset by peer"),
]


@pytest.mark.parametrize("raised", CUT, ids=lambda error: type(error).__name__)
def test_however_a_driver_tells_of_a_cut_connection_it_is_lost(raised: Exception) -> None:
    with pytest.raises(OperatorError) as raised_error, translate_errors():
        raise raised
    assert raised_error.value.code == "database_lost"


def test_a_program_that_uses_a_connection_twice_at_a_time_hears_the_driver_s_own_error() -> None:
    with pytest.raises(asyncpg.InterfaceError), translate_errors():
        raise asyncpg.InterfaceError("cannot perform operation: another operation is in progress")
