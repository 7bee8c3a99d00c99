"""What every command works with: the options around it, where its server is, and where its words go."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

import click

from stigmer_core.cli.catalog import load_catalog
from stigmer_core.cli.exits import ExitCode
from stigmer_core.cli.failure import fail
from stigmer_core.cli.places import home_directory, running_server
from stigmer_core.cli.terminal import can_ask, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path
    from typing import TypeVar

    from stigmer_core.cli.connection import Connection
    from stigmer_core.cli.documents import Documents
    from stigmer_core.cli.remote_documents import RemoteDocuments
    from stigmer_core.cli.tables import Table
    from stigmer_core.program import Json

    T = TypeVar("T")

DEFAULT_ORG = "local"
_WAIT_SECONDS = 2.0
_POLL_SECONDS = 0.02


class Session:
    """One command's surroundings; `options` holds the global options that were given, by name."""

    def __init__(self) -> None:
        self.options: dict[str, Any] = {}
        self._resources = contextlib.ExitStack()
        self._connection: Connection | None = None

    @property
    def home(self) -> Path:
        """The directory of the installation."""
        return home_directory(self.options.get("home"))

    @property
    def org(self) -> str:
        """The organization that names are looked up in."""
        return str(self.options.get("org") or DEFAULT_ORG)

    @property
    def output(self) -> str:
        """The output format."""
        return str(self.options.get("output") or "table")

    @property
    def color(self) -> str:
        """When to colour: auto, always or never."""
        return str(self.options.get("color") or "auto")

    def server_address(self) -> str:
        """Return where the server is: the one that was named, or the one that runs in the home, or an empty text."""
        named = self.options.get("server")
        if named:
            return str(named)
        server = running_server(self.home)
        return server.address if server is not None else ""

    def can_ask(self) -> bool:
        """Return whether somebody can answer a question."""
        return can_ask(no_input=bool(self.options.get("no_input")))

    def emit(self, data: Json, *, table: Table | None = None, names: Sequence[str] = (), bare: bool = False) -> None:
        """Write data to stdout in the format that was asked for.

        Args:
            data: an object, or a list in the form `{"apiVersion", "kind", "items": [...]}`.
            table: how people see it; YAML when there is none.
            names: what `-o name` prints, one a line.
            bare: the data is not ours, such as a run's output: JSON as it is, also for people.
        """
        from stigmer_core.cli import output  # noqa: PLC0415 - not for --help

        if bare and self.output != "yaml":
            line = output.json_line if self.output == "ndjson" else output.json_text
            output.write(line(data) + "\n")
        else:
            output.write(output.render(data, output=self.output, table=table, names=names))

    def note(self, text: str) -> None:
        """Write to stderr what is no data; what could drive the terminal is taken out."""
        click.echo(printable(text), err=True)

    def connection(self) -> Connection:
        """Return the connection to the server, or to an installation in this process; closed with the command.

        Raises:
            Failure: there is none to be had.
        """
        if self._connection is None:
            address = self.server_address()
            self._connection = self._connected(address) if address else self._in_process()
        return self._connection

    def documents(self) -> RemoteDocuments:
        """Return the documents, to read and to write."""
        from stigmer_core.cli.remote_documents import RemoteDocuments  # noqa: PLC0415 - imports protobuf

        return RemoteDocuments(self.connection())

    def readable_documents(self) -> Documents:
        """Return the documents to read only, in the quickest way there is."""
        home = self.home
        if self._connection is not None or self.server_address() or not (home / "stigmer.db").exists():
            return self.documents()
        kinds = load_catalog(home).kinds
        from stigmer_core.cli.local_documents import LocalDocuments  # noqa: PLC0415 - imports apsw

        opened = self._owning(lambda: LocalDocuments.open(home, kinds))
        return self.documents() if opened is None else opened

    def close(self) -> None:
        """Close what the command opened."""
        self._resources.close()

    @contextlib.contextmanager
    def on_interrupt(self, text: str) -> Iterator[None]:
        """Say something on stderr when Ctrl-C ends the block, such as how to come back to what goes on."""
        try:
            yield
        except KeyboardInterrupt:
            self.note(text)
            raise

    def _connected(self, address: str) -> Connection:
        from stigmer_core.cli.connection import connect  # noqa: PLC0415 - imports grpc

        connection = connect(address, self.home)
        self._resources.callback(connection.close)
        return connection

    def _in_process(self) -> Connection:
        from stigmer_core.cli.connection import Connection  # noqa: PLC0415 - imports grpc
        from stigmer_core.cli.in_process import installation  # noqa: PLC0415 - imports everything

        channel = self._owning(lambda: installation(self.home))
        return Connection(channel) if channel is not None else self._connected(self.server_address())

    def _owning(self, opener: Callable[[], AbstractContextManager[T]]) -> T | None:
        """Enter what owns the home, or return None when a server owns it by now.

        Raises:
            Failure: another command keeps it for too long.
        """
        from stigmer_core.errors import DatabaseInUseError  # noqa: PLC0415 - here and not for --help

        deadline = time.monotonic() + _WAIT_SECONDS
        while True:
            try:
                return self._resources.enter_context(opener())
            except DatabaseInUseError as error:
                if running_server(self.home) is not None:
                    return None
                if time.monotonic() > deadline:
                    fail(ExitCode.UNREACHABLE, error.message, hint="the command again, or: stigmer status")
                time.sleep(_POLL_SECONDS)


pass_session = click.make_pass_decorator(Session)
