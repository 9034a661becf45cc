"""The three providers: how a client of a bucket is made, at which endpoint, and whose credentials it has.

Addresses and credentials come from the environment in the provider's own ways, which the native client reads itself,
except for AWS profiles. They are read when the listener starts; nothing of them is in a row.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from listener.errors import OperatorError
from listener.sources.objects.aws_profiles import AwsProfile, find_profile

if TYPE_CHECKING:
    from obstore.store import AzureStore, ClientConfig, GCSStore, RetryConfig, S3Store

    ObjectStore = S3Store | GCSStore | AzureStore

RETRIES = 4  # of one call, while a service says 429 or 5xx or does not answer
RETRY_SECONDS = 30.0


class Provider(ABC):
    """One of the three. ``whose``: how the credentials were come by, in words."""

    scheme: str
    title: str
    endpoint: str  # as people know it
    whose: str

    @abstractmethod
    def store(self, bucket: str) -> ObjectStore:
        """Make a client of a bucket; blocks some milliseconds."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment

    def client_options(self) -> ClientConfig:
        """Return what all clients have in common: how long they wait, and whom they trust."""
        options: ClientConfig = {
            "connect_timeout": "5s",
            "read_timeout": "20s",
            "timeout": "600s",
            "allow_http": self.endpoint.startswith("http://"),
        }
        if bundle := self.environment.get("AWS_CA_BUNDLE") or self.environment.get("SSL_CERT_FILE"):
            try:
                options["root_certificate"] = Path(bundle).read_bytes()
            except OSError as error:
                message = f"the certificates in {bundle} can't be read: {error.strerror}"
                raise OperatorError("wrong_setting", message, "Correct AWS_CA_BUNDLE or SSL_CERT_FILE.") from None
        return options

    @staticmethod
    def retry_config() -> RetryConfig:
        """Return how often a call is tried again, and for how long at most."""
        return {
            "max_retries": RETRIES,
            "retry_timeout": timedelta(seconds=RETRY_SECONDS),
            "backoff": {"init_backoff": timedelta(seconds=0.1), "max_backoff": timedelta(seconds=5), "base": 2},
        }

    def _has(self, *names: str) -> str | None:
        """Return the first of some variables that is set."""
        return next((name for name in names if self.environment.get(name)), None)

    def _value(self, *names: str) -> str | None:
        name = self._has(*names)
        return self.environment[name] if name else None


class S3(Provider):
    """Amazon S3 and all that speak like it."""

    scheme = "s3"
    title = "S3"

    def __init__(self, environment: Mapping[str, str]) -> None:
        super().__init__(environment)
        self.whose, self._profile = self._credentials()
        profile = self._profile.values if self._profile else {}
        self.region = self._value("AWS_REGION", "AWS_DEFAULT_REGION") or profile.get("region") or "us-east-1"
        self._own = self._value("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT") or profile.get(
            "endpoint_url"
        )
        self.endpoint = (self._own or f"https://s3.{self.region}.amazonaws.com").rstrip("/")
        self._virtual = (self._value("AWS_VIRTUAL_HOSTED_STYLE_REQUEST") or "").lower() in ("1", "true")
        self.anonymous = self.whose == "anonymous"

    def store(self, bucket: str) -> S3Store:
        return self._store(bucket, self._own.rstrip("/") if self._own else None, self._virtual)

    def at(self, bucket: str, query: str) -> tuple[S3Store, str]:
        """Return a client, and the URL that it signs for the empty key: the bucket's own, with a query.

        ``query`` ends in a value that a slash may follow: the client appends one.
        """
        base = self.endpoint if self._virtual and self._own else f"{self.endpoint}/{bucket}"
        return self._store(bucket, f"{base}?{query}", True), f"{base}?{query}/"

    def _store(self, bucket: str, endpoint: str | None, virtual: bool) -> S3Store:
        from obstore.store import S3Store  # noqa: PLC0415 - the extra, 16 MB

        return S3Store(
            bucket,
            region=self.region,
            virtual_hosted_style_request=virtual,
            **({"endpoint": endpoint} if endpoint else {}),  # type: ignore[arg-type] # one of S3Config's keys
            client_options=self.client_options(),
            retry_config=self.retry_config(),
            credential_provider=self._profile.credentials if self._profile else None,
        )

    def _credentials(self) -> tuple[str, AwsProfile | None]:
        """Return whose credentials count, in AWS's order, and the profile if they are in one."""
        if (self._value("AWS_SKIP_SIGNATURE") or "").lower() in ("1", "true"):
            return "anonymous", None
        if self._has("AWS_ACCESS_KEY_ID"):
            return "of AWS_ACCESS_KEY_ID", None
        if self._has("AWS_WEB_IDENTITY_TOKEN_FILE") and self._has("AWS_ROLE_ARN"):
            return "of the web identity of AWS_ROLE_ARN", None
        if profile := find_profile(self.environment):
            return f"of the AWS profile {profile.name!r}", profile
        if name := self._has("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"):
            return f"of the container ({name})", None
        return "of the instance", None


class GoogleCloud(Provider):
    """Google Cloud Storage."""

    scheme = "gs"
    title = "Google Cloud Storage"

    def __init__(self, environment: Mapping[str, str]) -> None:
        super().__init__(environment)
        own = self._value("GOOGLE_BASE_URL", "STORAGE_EMULATOR_HOST")
        self.endpoint = (own or "https://storage.googleapis.com").rstrip("/")
        self._own = bool(own)
        self.whose = self._credentials()

    def store(self, bucket: str) -> GCSStore:
        from obstore.store import GCSStore  # noqa: PLC0415 - as above

        return GCSStore(
            bucket,
            **({"base_url": self.endpoint} if self._own else {}),  # type: ignore[arg-type] # one of GCSConfig's keys
            client_options=self.client_options(),
            retry_config=self.retry_config(),
        )

    def _credentials(self) -> str:
        if (self._value("GOOGLE_SKIP_SIGNATURE") or "").lower() in ("1", "true"):
            return "anonymous"
        names = ("GOOGLE_BEARER_TOKEN", "GOOGLE_SERVICE_ACCOUNT", "GOOGLE_SERVICE_ACCOUNT_PATH",
                 "GOOGLE_SERVICE_ACCOUNT_KEY", "GOOGLE_APPLICATION_CREDENTIALS")  # fmt: skip
        if name := self._has(*names):
            return f"of {name}"
        home = Path(self.environment.get("HOME", "~")).expanduser()
        if (home / ".config/gcloud/application_default_credentials.json").is_file():
            return "of gcloud auth application-default login"
        return "of the instance"


class Azure(Provider):
    """Azure Blob Storage: a bucket is a container of the storage account in the environment."""

    scheme = "az"
    title = "Azure Blob Storage"

    def __init__(self, environment: Mapping[str, str]) -> None:
        super().__init__(environment)
        account = self._value("AZURE_STORAGE_ACCOUNT_NAME")
        own = self._value("AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT")
        if not account:
            message = "a root is in Azure Blob Storage, but no account is set"
            raise OperatorError("wrong_setting", message, "Set AZURE_STORAGE_ACCOUNT_NAME for the listener.")
        self.endpoint = (own or f"https://{account}.blob.core.windows.net").rstrip("/")
        self.whose = self._credentials()

    def store(self, bucket: str) -> AzureStore:
        from obstore.store import AzureStore  # noqa: PLC0415 - as above

        return AzureStore(
            bucket, client_options=self.client_options(), retry_config=self.retry_config(), endpoint=self.endpoint
        )

    def _credentials(self) -> str:
        if (self._value("AZURE_SKIP_SIGNATURE") or "").lower() in ("1", "true"):
            return "anonymous"
        names = ("AZURE_STORAGE_TOKEN", "AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_ACCESS_KEY",
                 "AZURE_STORAGE_MASTER_KEY", "AZURE_STORAGE_CLIENT_SECRET", "AZURE_CLIENT_SECRET",
                 "AZURE_FEDERATED_TOKEN_FILE", "AZURE_STORAGE_SAS_KEY", "AZURE_STORAGE_SAS_TOKEN",
                 "AZURE_USE_AZURE_CLI")  # fmt: skip
        name = self._has(*names)
        return f"of {name}" if name else "of the managed identity"
