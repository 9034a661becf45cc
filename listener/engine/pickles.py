"""DBOS reads no pickle in this process, whatever a row says of itself.

DBOS unpickles each row whose column ``serialization`` says ``py_pickle``, whatever serializer is configured: inputs,
outputs, steps, errors, events, streams, messages. To unpickle is to run what the row says. So DBOS's modules get a
stand-in for ``pickle`` that only writes. A workflow whose rows can't be read fails, and the others continue.
"""

from __future__ import annotations

import base64
import pickle
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any, NoReturn

from dbos import DBOSPortableJSONSerializer

from listener.errors import OperatorError, RequestError

READERS = (pickle.load, pickle.loads, pickle.Unpickler)
MODULES = ("pickle", "_pickle", "cloudpickle", "dill", "jsonpickle", "marshal", "shelve")

_read: list[str] = []


def refuse_pickles() -> None:
    """Have DBOS raise RequestError ``pickle_refused`` instead of reading a pickle. May be repeated.

    Raises OperatorError ``pickles_not_refused`` if this DBOS reads pickles in a way that is not known here.
    """
    for module in _modules_of_dbos():
        for name, value in [*vars(module).items()]:
            if isinstance(value, ModuleType) and value.__name__ in MODULES:
                setattr(module, name, _WritesOnly())
            elif any(value is reader for reader in READERS):
                setattr(module, name, _refuse)
    _check()


def _modules_of_dbos() -> Iterator[ModuleType]:
    return (module for name, module in [*sys.modules.items()] if name == "dbos" or name.startswith("dbos."))


class _WritesOnly:
    """What DBOS's modules have in the place of ``pickle``."""

    dumps = staticmethod(pickle.dumps)

    def __getattr__(self, name: str) -> Callable[..., NoReturn]:
        return _refuse


def _refuse(*_: object, **__: object) -> NoReturn:
    raise RequestError(
        "pickle_refused",
        "a row in DBOS's schema claims to be a pickle: it is not read, since it could run code",
        "No listener writes such rows: check who may write to DBOS's schema. Then: select ingest_fork(id).",
    )


class _Harmless:
    """Leaves a note when it is unpickled."""

    def __reduce__(self) -> Any:
        return _note, ("a pickle was read",)


def _note(read: str) -> None:
    _read.append(read)


def _check() -> None:
    """Ask DBOS to read a harmless pickle in each of its ways; raises OperatorError ``pickles_not_refused``."""
    _read.clear()
    try:
        refused = all(map(_refuses, _ways_of_reading()))
    except Exception as error:  # whatever a version does that is not known
        raise _not_refused(f"{type(error).__name__}: {error}") from error
    if _read or not refused:
        raise _not_refused("a harmless one was read")


def _ways_of_reading() -> tuple[Callable[..., Any], ...]:
    from dbos import _serialization as dbos  # noqa: PLC0415 - private: a version without it is caught where this is called

    return dbos.deserialize_value, dbos.deserialize_args, dbos.deserialize_exception


def _refuses(read: Callable[..., Any]) -> bool:
    row = base64.b64encode(pickle.dumps(_Harmless())).decode()
    try:
        read(row, "py_pickle", DBOSPortableJSONSerializer())
    except RequestError:
        return True
    return False


def _not_refused(why: str) -> OperatorError:
    return OperatorError(
        "pickles_not_refused",
        f"this version of DBOS can't be prevented from reading pickles in rows ({why}), so no listener starts with it",
        "Install the version of dbos that this release was tested with: pip install --upgrade ingest-listener",
    )
