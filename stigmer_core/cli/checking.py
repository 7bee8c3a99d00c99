"""Manifests checked by the server, with every problem at its line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from stigmer_core.cli.exits import ExitCode
from stigmer_core.cli.failure import PlainFailure, fail
from stigmer_core.cli.manifests import Manifest, ManifestError, manifest_files, parse_file
from stigmer_core.cli.terminal import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stigmer_core.cli.remote_documents import RemoteDocuments
    from stigmer_core.cli.session import Session


_VERBS = ("is ", "has ", "must ", "needs ")


class Finding(NamedTuple):
    """One thing that is wrong with a manifest; line and column are 0 where the file as a whole is."""

    source: str
    line: int
    column: int
    pointer: str
    message: str
    hint: str = ""

    def text(self) -> str:
        """Return it on one line, as compilers do."""
        place = f"{self.source}:{self.line}:{self.column}" if self.line else self.source
        hint = f" ({self.hint})" if self.hint else ""
        return one_line(f"{place}: error: {self.message}{hint}")


class Checked(NamedTuple):
    """A document and what the server says of it; a file that cannot be read counts as one."""

    source: str
    manifest: Manifest | None
    kind: str
    slug: str
    findings: Sequence[Finding]

    def name(self) -> str:
        """Return `kind/slug`."""
        return f"{self.kind.lower()}/{self.slug}"

    def json(self, session: Session) -> str:
        """Return what is sent to the server."""
        assert self.manifest is not None
        return _sent(session, self.manifest)


def check(session: Session, documents: RemoteDocuments, sources: Sequence[str]) -> list[Checked]:
    """Return every document of the sources with its problems.

    Raises:
        Failure: a source does not exist, or there is no document at all.
    """
    found = [one for source in sources for file in manifest_files(source) for one in _check(session, documents, file)]
    if not found:
        fail(ExitCode.USAGE, f"{', '.join(sources)}: there is no document in it")
    return found


def require_valid(session: Session, checked: Sequence[Checked]) -> None:
    """Let only documents pass that could be applied.

    Raises:
        Failure: one could not; the problems are on stderr.
    """
    findings = [finding for one in checked for finding in one.findings]
    for finding in findings:
        session.note(finding.text())
    if findings:
        summary = f"{_counted(len(findings), 'error')} in {_counted(len(checked), 'document')}"
        raise PlainFailure(summary, code=ExitCode.USAGE, status="INVALID_ARGUMENT")


def in_order(documents: RemoteDocuments, checked: Sequence[Checked]) -> list[Checked]:
    """Return documents so that what others refer to comes first."""
    order = {kind.name: number for number, kind in enumerate(documents.kinds())}
    return sorted(checked, key=lambda one: order.get(one.kind, len(order)))


def _check(session: Session, documents: RemoteDocuments, file: str) -> Iterator[Checked]:
    try:
        for manifest in parse_file(file):
            answer = documents.validate(_sent(session, manifest))
            findings = [_finding(manifest, problem) for problem in answer.problems]
            yield Checked(manifest.source, manifest, answer.kind, answer.slug, findings)
    except ManifestError as error:
        finding = Finding(error.source, error.line, error.column, "", error.text)
        yield Checked(error.source, None, "", "", [finding])


def _sent(session: Session, manifest: Manifest) -> str:
    """Return a manifest as JSON; `--org` fills in the organization where the manifest names none."""
    value, org = manifest.value, session.options.get("org")
    if org and isinstance(value, dict) and value.get("kind"):
        metadata = value.get("metadata")
        if isinstance(metadata, dict) and not metadata.get("org"):
            value = value | {"metadata": metadata | {"org": org}}
    return json.dumps(value)


def _finding(manifest: Manifest, problem: Any) -> Finding:
    about_key = problem.message.startswith(("unknown field", "unknown key"))
    line, column = manifest.locate(problem.pointer, key=about_key)
    subject = _dotted(problem.pointer)
    message = problem.message
    if subject and subject not in message:
        message = f"{subject}{' ' if message.startswith(_VERBS) else ': '}{message}"
    return Finding(manifest.source, line, column, problem.pointer, message, problem.hint)


def _dotted(pointer: str) -> str:
    if not pointer.startswith("/"):
        return ""
    parts = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
    return "".join(f"[{part}]" if part.isdigit() else f".{part}" for part in parts).lstrip(".")


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
