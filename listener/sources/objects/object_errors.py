"""What a service, or the way to it, said → a code, a message and a hint.

The client's own words hold the URL of the call, which may be signed: only the service's code and message are repeated.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from listener.errors import DocumentError, RequestError, ServiceError, TransientError

ERRORS = {  # code: message after the name, hint
    "no_such_bucket": ("there is no such bucket", "check its name, and the listener's endpoint settings"),
    "not_found": ("is not there", "it was deleted, or its name is spelt differently: keys are case-sensitive"),
    "access_denied": ("may not be read", "let them list the bucket and get its objects; the credentials are"),
    "credentials_refused": ("the credentials were refused", "correct them in the listener's environment; they are"),
    "no_credentials": ("there are no credentials", "set them in the listener's environment, or say that it is public;"
                       " it looked for those"),
    "wrong_region": ("the bucket is in another region", "set AWS_REGION (or the endpoint) of the listener to it"),
    "clock_skew": ("the listener's clock is wrong", "set it: signatures are good for some minutes"),
    "untrusted_certificate": ("the service's certificate is not trusted", "name the authority's in AWS_CA_BUNDLE"),
    "archived_object": ("is archived", "restore it first, or skip it with 'exclude'"),
    "store_refused": ("the service refused", "see what it said; the credentials are"),
    "store_away": ("the service did not answer properly", "try again later; if it persists: ingest doctor"),
}  # fmt: skip
OF_CREDENTIALS = ("access_denied", "credentials_refused", "no_credentials", "store_refused")
PASSING = ("store_away", "expired")
MEANINGS = {
    "no_such_bucket": ("NoSuchBucket", "InvalidBucketName", "ContainerNotFound", "ContainerBeingDeleted"),
    "not_found": ("NoSuchKey", "NoSuchVersion", "BlobNotFound", "ResourceNotFound"),
    "access_denied": ("AccessDenied", "AllAccessDisabled", "AuthorizationFailure", "PublicAccessNotPermitted",
                      "AuthorizationPermissionMismatch", "InsufficientAccountPermissions"),
    "credentials_refused": ("InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "AuthenticationFailed",
                            "InvalidAuthenticationInfo", "AuthenticationRequired", "NoAuthenticationInformation",
                            "ExpiredToken", "RequestExpired", "TokenRefreshRequired"),
    "wrong_region": ("PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed",
                     "IllegalLocationConstraintException"),
    "clock_skew": ("RequestTimeTooSkewed",),
    "archived_object": ("InvalidObjectState", "BlobArchived"),
}  # fmt: skip
CODE_OF = {word: code for code, words in MEANINGS.items() for word in words}
EXPIRED = ("ExpiredToken", "RequestExpired", "TokenRefreshRequired")
BY_STATUS = {401: "credentials_refused", 403: "access_denied", 404: "not_found", 301: "wrong_region"}
SERVICE_CODE = re.compile(r"<Code>([A-Za-z]{1,60})</Code>")
SERVICE_WORDS = re.compile(r"<Message>([^<]{1,300})")
SERVICE_STATUS = re.compile(r"status code: (\d{3})")
SYSTEM_WORDS = re.compile(r'(?:message|error): "([^"]{1,200})"')
ASKS_FOR_CREDENTIALS = re.compile(
    r"latest/api/token|latest/meta-data|computeMetadata|metadata/identity|/oauth2?/|AssumeRoleWith|MissingCredential"
    r"|external credential provider",
    re.IGNORECASE,
)
BAD_CERTIFICATE = re.compile(r"invalid peer certificate|UnknownIssuer|CertificateError", re.IGNORECASE)
OWN_WORDS = 20_000  # characters of what the client says that are looked at


@dataclass(frozen=True, slots=True)
class Trouble:
    """What went wrong with ``what``. ``passing``: the same may work a moment later."""

    code: str
    what: str
    said: str
    whose: str
    passing: bool

    @property
    def message(self) -> str:
        return f"{self.what}: {ERRORS[self.code][0]}" + (f" ({self.said})" if self.said else "")

    @property
    def hint(self) -> str:
        return ERRORS[self.code][1] + (f" {self.whose}" if self.code in OF_CREDENTIALS else "")

    def of_request(self) -> RequestError | ServiceError:
        """Return it as what ends a request."""
        kind = ServiceError if self.passing else RequestError
        return kind(self.code, self.message, self.hint)

    def of_document(self) -> DocumentError:
        """Return it as what fails one document."""
        kind = TransientError if self.passing else DocumentError
        return kind(self.code, self.message, self.hint)


def trouble(error: Exception, what: str, whose: str, *, listed: bool = False) -> Trouble:
    """Return what an error of the client's means; ``listed``: it came from a list, not from one object."""
    words = str(error)[:OWN_WORDS]
    code, said = _meaning(error, words)
    if listed and code == "not_found":
        code = "no_such_bucket"
    passing = code == "store_away" or any(word in said for word in EXPIRED)
    return Trouble(code, what, said, whose, passing)


def _meaning(error: Exception, words: str) -> tuple[str, str]:
    status = SERVICE_STATUS.search(words)
    service = SERVICE_CODE.search(words)
    if service:
        text = SERVICE_WORDS.search(words)
        said = f"{service[1]}: {text[1]}" if text else service[1]
        if code := CODE_OF.get(service[1]):
            return code, said
    else:
        said = f"status {status[1]}" if status else ""
    if ASKS_FOR_CREDENTIALS.search(words):
        return "no_credentials", said
    if "redirect without LOCATION" in words:
        return "wrong_region", said
    if isinstance(error, FileNotFoundError):
        return "not_found", said
    if status:
        return _of_status(int(status[1])), said
    if BAD_CERTIFICATE.search(words):
        return "untrusted_certificate", ""
    return "store_away", _systems_words(words)


def _of_status(status: int) -> str:
    if status in BY_STATUS:
        return BY_STATUS[status]
    return "store_away" if status >= 500 or status in (408, 429) else "store_refused"


def _systems_words(words: str) -> str:
    """Return why there was no answer, as far as known."""
    if found := SYSTEM_WORDS.findall(words):
        return str(found[-1])
    if "TimedOut" in words or "timed out" in words:
        return "it took too long"
    return "its answer was truncated" if "body error" in words else ""
