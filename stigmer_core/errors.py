"""What can go wrong, as one tree: each class names its gRPC code and carries fields, not just text.

StigmerError                     INTERNAL             a fault of ours
├── InvalidArgumentError         INVALID_ARGUMENT     the request cannot be right in any state
├── NotFoundError                NOT_FOUND            no such resource, version, run
├── AlreadyExistsError           ALREADY_EXISTS       the slug or id is taken
├── FailedPreconditionError      FAILED_PRECONDITION  right in another state: missing reference, wrong phase
├── ConflictError                ABORTED              somebody else changed it first: read again, retry
├── ResourceExhaustedError       RESOURCE_EXHAUSTED   a limit or a full disk
├── OutOfRangeError              OUT_OF_RANGE         a position that is not kept any more
├── PermissionDeniedError        PERMISSION_DENIED    known caller, not allowed
├── UnauthenticatedError         UNAUTHENTICATED      no or wrong credentials
├── UnavailableError             UNAVAILABLE          not now: engine away, shutting down
├── UnimplementedError           UNIMPLEMENTED        nobody here serves this
├── DeadlineExceededError        DEADLINE_EXCEEDED    took too long
├── CancelledError               CANCELLED            the caller gave up
├── PluginError                  INTERNAL             a plugin broke the rules of the host
└── StoreError                   INTERNAL             the database cannot be used
    ├── DatabaseDamagedError     DATA_LOSS            not a database, truncated, a flipped bit
    ├── DatabaseInUseError       UNAVAILABLE          another process owns it
    └── SchemaTooNewError        FAILED_PRECONDITION  written by a newer version
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence


class Code(IntEnum):
    """The status codes of gRPC, by their numbers on the wire."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a document.

    `pointer` is an RFC 6901 JSON pointer into the document as it was written, `hint` says what would be right.
    """

    pointer: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        """Return the problem on one line."""
        text = f"{self.pointer}: {self.message}" if self.pointer else self.message
        return f"{text} ({self.hint})" if self.hint else text


class StigmerError(Exception):
    """The root of what this project raises; `message` is fit for a caller's eyes."""

    code: ClassVar[Code] = Code.INTERNAL

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class InvalidArgumentError(StigmerError):
    """The request cannot be right in any state; `problems` point at the places."""

    code = Code.INVALID_ARGUMENT

    def __init__(self, message: str, *, problems: Sequence[Problem] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems)


class NotFoundError(StigmerError):
    """There is no such thing; `kind` and `resource_id` say what was looked for."""

    code = Code.NOT_FOUND

    def __init__(self, kind: str, resource_id: str, message: str = "") -> None:
        super().__init__(message or f"{kind} not found: {resource_id}")
        self.kind = kind
        self.resource_id = resource_id


class AlreadyExistsError(StigmerError):
    """The slug or id is taken by the resource `resource_id`."""

    code = Code.ALREADY_EXISTS

    def __init__(self, message: str, *, resource_id: str = "") -> None:
        super().__init__(message)
        self.resource_id = resource_id


class FailedPreconditionError(StigmerError):
    """The request would be right in another state."""

    code = Code.FAILED_PRECONDITION


class ConflictError(StigmerError):
    """The resource changed between the caller's read and write: read again and retry."""

    code = Code.ABORTED


class ResourceExhaustedError(StigmerError):
    """A limit was reached, or the disk is full."""

    code = Code.RESOURCE_EXHAUSTED


class OutOfRangeError(StigmerError):
    """The position lies before what is kept."""

    code = Code.OUT_OF_RANGE


class PermissionDeniedError(StigmerError):
    """The caller is known and may not do this."""

    code = Code.PERMISSION_DENIED


class UnauthenticatedError(StigmerError):
    """The call carries no credentials, or wrong ones."""

    code = Code.UNAUTHENTICATED


class UnavailableError(StigmerError):
    """It cannot be done now; retrying later is right."""

    code = Code.UNAVAILABLE


class UnimplementedError(StigmerError):
    """Nobody in this installation serves this."""

    code = Code.UNIMPLEMENTED


class DeadlineExceededError(StigmerError):
    """It took longer than was allowed."""

    code = Code.DEADLINE_EXCEEDED


class CancelledError(StigmerError):
    """The caller gave up."""

    code = Code.CANCELLED


class PluginError(StigmerError):
    """A plugin broke the rules of the host; `plugin` is its name."""

    def __init__(self, plugin: str, message: str) -> None:
        super().__init__(message)
        self.plugin = plugin


class StoreError(StigmerError):
    """The database cannot be used."""


class DatabaseDamagedError(StoreError):
    """The file is not a database, or part of it is gone or changed."""

    code = Code.DATA_LOSS


class DatabaseInUseError(StoreError):
    """Another process owns the database."""

    code = Code.UNAVAILABLE


class SchemaTooNewError(StoreError):
    """The database was written by a newer version than this one."""

    code = Code.FAILED_PRECONDITION
