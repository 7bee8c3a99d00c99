"""The composition root: the only module that knows every part."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self

from stigmer_core.errors import AlreadyExistsError, PluginError
from stigmer_core.home import Home
from stigmer_core.jobs import Jobs
from stigmer_core.kind import Job, Service
from stigmer_core.plugins import PluginHost
from stigmer_core.resources import DocumentController, Resources, kind_services
from stigmer_core.resources.codec import from_dict
from stigmer_core.resources.documents import SERVICE as RESOURCE_SERVICE
from stigmer_core.resources.indexing import require_indexed
from stigmer_core.server import (
    Authenticator,
    CallLog,
    Dispatcher,
    Links,
    current_caller,
    methods_of,
    standard_interceptors,
)
from stigmer_core.server.validation import validate
from stigmer_core.settings import with_plugin_settings
from stigmer_core.store import Store
from stigmer_core.unserved import explain
from stigmer_core.vault import RootKeys, Vault
from stigmer_core.vault.service import SERVICE as SECRET_SERVICE
from stigmer_core.vault.service import SecretController

if TYPE_CHECKING:
    import grpc
    import grpc.aio
    from starlette.routing import BaseRoute

    from stigmer_core.kind import Kind
    from stigmer_core.program import Engine, Json
    from stigmer_core.server import Method
    from stigmer_core.settings import Settings
    from stigmer_core.store import Transaction

logger = logging.getLogger(__name__)

UPLOADS_SWEPT_EVERY = timedelta(minutes=10)


class App:
    """A composed installation: plugins loaded, store open, every method in one table.

    It owns its home until it is closed. Nothing runs and nothing listens before `open`.
    """

    def __init__(self, settings: Settings, home: Home, host: PluginHost, store: Store) -> None:
        self.settings = settings
        self.home = home
        self.host = host
        self.store = store
        self.root_keys = RootKeys.of_home(home.path)
        self.links = Links(home.token())
        self.authenticator = Authenticator(home.token() if settings.auth == "token" else None)
        self.call_log = CallLog()
        self.dispatcher = Dispatcher(
            (), standard_interceptors(authenticator=self.authenticator, log=self.call_log), explain=self._explain
        )
        self.resources = Resources(
            store,
            host.kinds,
            host.runners,
            vault=Vault(self.root_keys),
            actor=lambda: current_caller().name,
            validate=validate,
        )
        self.engine: Engine | None = None
        self.jobs = Jobs()

    @classmethod
    def compose(cls, settings: Settings) -> Self:
        """Return an installation over a home, which is created when there is none.

        Raises:
            StoreError: the database is in use, damaged or too new.
            PluginError: a plugin is broken and `strict_plugins` is set.
        """
        home = Home.acquire(settings.home)
        try:
            host = PluginHost(disabled=settings.disable_plugins, only=settings.plugins)
            host.load()
            settings = with_plugin_settings(settings, host.settings())
            store = Store.open(home.database, migrations=host.migrations())
            try:
                app = cls(settings, home, host, store)
                app._compose()
            except BaseException:
                store.close()
                raise
        except BaseException:
            home.release()
            raise
        return app

    def channel(self) -> grpc.aio.Channel:
        """Return a channel to this installation's services, without a socket."""
        from stigmer_core.server import InProcessChannel  # noqa: PLC0415 - imports grpc

        return InProcessChannel(self.dispatcher)

    def routes(self) -> list[BaseRoute]:
        """Return what the HTTP host serves beside its own: where uploads come in, and what plugins add."""
        from stigmer_core.uploads.lane import UploadLane  # noqa: PLC0415 - imports Starlette

        added = self.host.routes(store=self.store, resources=self.resources, links=self.links)
        return [UploadLane(self.store, self.links).route(), *added]

    async def open(self) -> None:
        """Let the engine go on with what was running and take new runs."""
        if self.engine is not None:
            await self.engine.open()

    async def close(self) -> None:
        """Stop running and give the home back; what was running goes on at the next `open`."""
        try:
            await self.jobs.stop()
            if self.engine is not None:
                await self.engine.close()
        finally:
            self.store.close()
            self.home.release()

    def engine_is_ready(self) -> bool:
        """Return whether runs can be started now."""
        return self.engine is not None and self.engine.ready()

    def health(self) -> dict[str, Json]:
        """Return what drives runs, and whether it can; everything else works without it."""
        name = self.engine.name if self.engine is not None else ""
        return {"engine": {"name": name, "ready": self.engine_is_ready()}}

    def figures(self) -> dict[str, float]:
        """Return the store's figures by name, for metrics."""
        stats = self.store.stats
        return {
            "engine_ready": self.engine_is_ready(),
            "store_commits": stats.commits,
            "store_saves": stats.saves,
            "store_syncs": stats.syncs,
            "plugins_loaded": sum(report.state == "loaded" for report in self.host.reports),
        }

    def _compose(self) -> None:
        host = self.host
        self.store.read(self.resources.vault.check)
        host.load_runners(self.settings.configuration)
        self.engine = host.engine(
            self.settings.engine,
            store=self.store,
            publisher=self._publish,
            vault=self.resources.vault,
            configuration=self.settings.configuration,
        )
        shared: dict[str, Any] = {"store": self.store, "resources": self.resources}
        services = host.services(
            **shared,
            engine=self.engine,
            channel=self.channel(),
            links=self.links,
            configuration=self.settings.configuration,
        )
        secrets = SecretController(self.store, self.resources.vault, self.root_keys)
        own = [Service(RESOURCE_SERVICE, DocumentController(self.resources, host.plugin_of))]
        methods = self._methods_of([*own, Service(SECRET_SERVICE, secrets)])
        for kind in list(host.kinds.values()):
            methods |= self._methods_of(kind_services(kind, self.resources))
        methods |= self._methods_of(services)
        self.authenticator.add(host.authenticators(**shared))
        self.jobs.add([Job("uploads", UPLOADS_SWEPT_EVERY, self._drop_uploads), *host.jobs(**shared)])
        if self.settings.strict_plugins:
            host.require_all()
        self.dispatcher.add(methods.values())
        for kind in list(host.kinds.values()):
            require_indexed(self.store, kind)
        self._seed()

    async def _drop_uploads(self) -> None:
        from stigmer_core.uploads.places import drop_expired  # noqa: PLC0415 - only a server has them

        await self.store.run(lambda tx: drop_expired(tx, tx.now))

    def _methods_of(self, services: list[Service]) -> dict[str, Method]:
        methods: dict[str, Method] = {}
        for service in services:
            try:
                methods.update({method.path: method for method in methods_of(service)})
            except PluginError as error:
                self.host.reject(f"service {service.name}", error)
        return methods

    def _publish(self, tx: Transaction, run_id: str, *statuses: Json) -> None:
        prefix = run_id.partition("_")[0]
        for kind in self.host.kinds.values():
            if kind.id_prefix == prefix and kind.publish is not None:
                kind.publish(tx, self.resources, run_id, statuses)
                return

    def _seed(self) -> None:
        """Create what kinds have from the first start on; what was deleted since stays deleted."""
        for kind in list(self.host.kinds.values()):
            for manifest in kind.seeds:
                self._sow(kind, from_dict(manifest, kind.message()))

    def _sow(self, kind: Kind, message: Any) -> None:
        draft = self.resources.prepare(kind, message, creating=True)
        key = f"seed:{kind.name}:{draft.metadata.slug}"
        if self.store.read(lambda reader: reader.fact(key)) is not None:
            return

        def sow(tx: Transaction) -> None:
            try:
                self.resources.create_in(tx, kind, draft)
            except AlreadyExistsError:
                logger.info("seed is there already kind=%s slug=%s", kind.name, draft.metadata.slug)
            tx.state(key)

        self.store.run_blocking(sow)

    def _explain(self, path: str) -> str:
        return explain(path, frozenset(self.dispatcher.services()))
