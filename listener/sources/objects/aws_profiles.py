"""Keys from the files that ``aws configure`` writes, which the native client does not read.

A profile that has to ask somebody (a role to assume, SSO, a process) is left to boto3, if that is installed.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Mapping
from configparser import ConfigParser, Error
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from listener.errors import OperatorError

if TYPE_CHECKING:
    from obstore.store import S3Credential

BELIEVED = timedelta(minutes=5)  # then the file is read again: keys get replaced
ASKING = ("role_arn", "sso_session", "sso_start_url", "credential_process", "web_identity_token_file")


@dataclass(frozen=True)
class AwsProfile:
    """A profile by its name, and its contents."""

    name: str
    values: Mapping[str, str]
    read: Callable[[], Mapping[str, str]]

    def credentials(self) -> S3Credential:
        """Return the keys as they are now; blocks."""
        if any(key in self.values for key in ASKING) and "aws_access_key_id" not in self.values:
            return _asked_by_boto3(self.name)
        values = self.read() or self.values
        return {
            "access_key_id": values["aws_access_key_id"],
            "secret_access_key": values["aws_secret_access_key"],
            "token": values.get("aws_session_token"),
            "expires_at": datetime.now(timezone.utc) + BELIEVED,
        }


def find_profile(environment: Mapping[str, str]) -> AwsProfile | None:
    """Return the profile that ``AWS_PROFILE`` names, or ``default``, if it has credentials.

    Raises OperatorError ``wrong_setting`` for a named one that can't be used.
    """
    named = environment.get("AWS_PROFILE") or environment.get("AWS_DEFAULT_PROFILE")
    name = named or "default"
    values = _values(environment, name)
    asks = any(key in values for key in ASKING)
    keys = "aws_access_key_id" in values and "aws_secret_access_key" in values
    if not keys and not asks:
        if not named:
            return None
        message = f"AWS_PROFILE={named}: there is no profile of this name with credentials"
        raise OperatorError("wrong_setting", message, "See: aws configure list-profiles")
    if not keys and importlib.util.find_spec("boto3") is None:
        message = f"the AWS profile {name!r} refers to other credentials, which needs boto3"
        raise OperatorError(
            "wrong_setting", message, "pip install boto3, beside the listener; or set AWS_ACCESS_KEY_ID."
        )
    return AwsProfile(name, values, lambda: _values(environment, name))


def _values(environment: Mapping[str, str], name: str) -> Mapping[str, str]:
    """Return what both files say of a profile; what credentials say counts more."""
    folder = Path(environment.get("HOME", "~")).expanduser() / ".aws"
    config = _read(environment.get("AWS_CONFIG_FILE") or folder / "config")
    credentials = _read(environment.get("AWS_SHARED_CREDENTIALS_FILE") or folder / "credentials")
    section = name if name == "default" else f"profile {name}"
    return {**config.get(section, {}), **credentials.get(name, {})}


def _read(file: str | Path) -> Mapping[str, Mapping[str, str]]:
    parser = ConfigParser(interpolation=None, default_section="\0")
    try:
        parser.read(Path(file).expanduser(), encoding="utf-8")
    except (Error, UnicodeDecodeError, OSError):  # its words may repeat a line, a key's too
        raise OperatorError("wrong_setting", f"{file} can't be read as a file of AWS profiles", "Correct it.") from None
    return {section: dict(parser.items(section)) for section in parser.sections()}


def _asked_by_boto3(name: str) -> S3Credential:
    boto3: Any = importlib.import_module("boto3")  # not a dependency: only if it is installed
    found = boto3.Session(profile_name=name).get_credentials().get_frozen_credentials()
    return {
        "access_key_id": found.access_key,
        "secret_access_key": found.secret_key,
        "token": found.token,
        "expires_at": datetime.now(timezone.utc) + BELIEVED,
    }
