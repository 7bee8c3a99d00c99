"""The plugin host: find, check and isolate plugins, with one typed method per hook.

A plugin that raises, exits, is misspelt or claims what another has never stops the host: it gets a state with a cause
and a remedy, nothing of it stays registered, and the others go on.
"""

from __future__ import annotations

import contextlib
import difflib
import logging
import sys
import traceback
from dataclasses import dataclass, field, replace
from importlib import metadata
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import pluggy

from stigmer_core import hookspecs
from stigmer_core.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    import grpc.aio
    from starlette.routing import BaseRoute

    from stigmer_core.kind import Job, Kind, Service
    from stigmer_core.program import Engine, Json, Runner
    from stigmer_core.resources import Resources
    from stigmer_core.server import Caller, Links
    from stigmer_core.settings import Setting
    from stigmer_core.store import Migrations, Store

logger = logging.getLogger(__name__)

GROUP = "stigmer"
State: TypeAlias = Literal["loaded", "failed", "incompatible", "conflict", "blocked", "disabled"]


@dataclass(frozen=True, slots=True)
class PluginReport:
    """What became of one plugin: why it is not loaded, and what to do about it."""

    name: str
    distribution: str
    version: str
    state: State
    reason: str = ""
    remedy: str = ""
    provides: tuple[str, ...] = ()
    traceback: str = ""


class _Refusal(Exception):  # noqa: N818 - not an error: the reason why a plugin is left out
    def __init__(self, state: State, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.state, self.reason, self.remedy = state, reason, remedy


@dataclass(slots=True)
class _Plugin:
    entry_point: metadata.EntryPoint
    distribution: metadata.Distribution
    report: PluginReport
    module: Any = None
    kinds: Sequence[Kind] = ()
    commands: Mapping[str, str] = field(default_factory=dict)
    runners: Sequence[Runner] = ()
    settings: Sequence[Setting] = ()
    claims: set[str] = field(default_factory=set)


class PluginHost:
    """Holds the plugins of one process; an instance, never a global.

    Args:
        disabled: entry point names that are left out.
        only: when not empty, every other plugin is left out.
    """

    def __init__(self, *, disabled: Iterable[str] = (), only: Iterable[str] = ()) -> None:
        self._manager = pluggy.PluginManager(GROUP)
        self._manager.add_hookspecs(hookspecs)
        self._disabled = frozenset(disabled)
        self._only = frozenset(only)
        self._plugins: list[_Plugin] = []
        self._kinds: dict[str, Kind] = {}
        self._runners: dict[str, Runner] = {}

    @property
    def reports(self) -> list[PluginReport]:
        """What became of every plugin that was found, by name."""
        return sorted((plugin.report for plugin in self._plugins), key=lambda report: report.name)

    @property
    def kinds(self) -> Mapping[str, Kind]:
        """The kinds of the loaded plugins, by name; a live view."""
        return self._kinds

    @property
    def runners(self) -> Mapping[str, Runner]:
        """The runners of the loaded plugins, by name; a live view."""
        return self._runners

    def plugin_of(self, claim: str) -> str:
        """Return the distribution that made a claim such as `kind Agent` or `service x.Y`, or an empty string."""
        return next((p.report.distribution for p in self._loaded() if claim in p.claims), "")

    def load(self) -> None:
        """Find every plugin, check it from its metadata alone, import it and take its kinds and commands."""
        self._plugins = [_found(point) for point in _entry_points()]
        for plugin in _dependencies_first(self._plugins):
            with self._guard(plugin, "loading"):
                self._check(plugin)
                self._import(plugin)
                self._take(plugin)
                plugin.report = replace(plugin.report, state="loaded", reason="")

    def commands(self) -> dict[str, str]:
        """Return the commands of the loaded plugins, name to `module:attribute|help`."""
        return {name: target for plugin in self._loaded() for name, target in plugin.commands.items()}

    def settings(self) -> list[Setting]:
        """Return the settings of the loaded plugins."""
        return [setting for plugin in self._loaded() for setting in plugin.settings]

    def migrations(self) -> list[Migrations]:
        """Return the schemas of the plugins that have tables of their own."""
        return [found for _, found in self._each("stigmer_migrations")]

    def load_runners(self, configuration: Mapping[str, Json]) -> None:
        """Ask every plugin for its runners."""
        for plugin, runners in self._each("stigmer_runners", configuration=configuration):
            with self._guard(plugin, "stigmer_runners"):
                plugin.runners = tuple(runners)
                self._claim(plugin, [f"runner {runner.name}" for runner in plugin.runners])
                self._runners.update({runner.name: runner for runner in plugin.runners})

    def engine(self, name: str, **known: Any) -> Engine | None:
        """Return the engine called `name`, or None when no loaded plugin has it."""
        answers = self._each("stigmer_engine", name=name, runners=self.runners, **known)
        return next((engine for _, engine in answers), None)

    def services(
        self,
        *,
        store: Store,
        resources: Resources,
        engine: Engine | None,
        channel: grpc.aio.Channel,
        links: Links,
        configuration: Mapping[str, Json],
    ) -> list[Service]:
        """Return the services of every plugin; a plugin that claims another's is taken out whole."""
        found: list[Service] = []
        arguments = {"store": store, "resources": resources, "engine": engine, "channel": channel, "links": links}
        arguments["configuration"] = configuration
        for plugin, services in self._each("stigmer_services", runners=self.runners, **arguments):
            with self._guard(plugin, "stigmer_services"):
                self._claim(plugin, [f"service {service.name}" for service in services])
                found += services
        return found

    def worker(self, **arguments: Any) -> None:
        """Tell every plugin what there is in a worker process."""
        for _ in self._each("stigmer_worker", runners=self.runners, **arguments):
            pass

    def routes(self, **arguments: Any) -> list[BaseRoute]:
        """Return the HTTP routes of every plugin."""
        return [route for _, routes in self._each("stigmer_routes", **arguments) for route in routes]

    def authenticators(self, **arguments: Any) -> list[Callable[[str], Caller | None]]:
        """Return what knows callers by a token."""
        return [one for _, found in self._each("stigmer_authenticators", **arguments) for one in found]

    def jobs(self, **arguments: Any) -> list[Job]:
        """Return what is to be done again and again."""
        return [job for _, jobs in self._each("stigmer_jobs", **arguments) for job in jobs]

    def reject(self, claim: str, error: Exception) -> None:
        """Take out the plugin that made a claim, because what it declared cannot be used."""
        for plugin in [p for p in self._loaded() if claim in p.claims]:
            with self._guard(plugin, claim):
                raise error

    def require_all(self) -> None:
        """Make any plugin that is neither loaded nor disabled fatal.

        Raises:
            PluginError: names each of them with its cause.
        """
        broken = [report for report in self.reports if report.state not in ("loaded", "disabled")]
        if broken:
            causes = "; ".join(f"{report.name} is {report.state}: {report.reason}" for report in broken)
            raise PluginError(
                broken[0].name, f"not every plugin is loaded, and --strict-plugins was asked for: {causes}"
            )

    def _loaded(self) -> list[_Plugin]:
        return [plugin for plugin in self._plugins if plugin.report.state == "loaded"]

    def _each(self, hook: str, **arguments: Any) -> Iterator[tuple[_Plugin, Any]]:
        """Call one hook plugin by plugin, so that one that raises spoils nothing for the others."""
        for plugin in self._loaded():
            answer = None
            with self._guard(plugin, hook):
                answer = self._call(plugin, hook, **arguments)
            if answer is not None:
                yield plugin, answer

    def _call(self, plugin: _Plugin, hook: str, **arguments: Any) -> Any:
        others = [module for _, module in self._manager.list_name_plugin() if module is not plugin.module]
        caller = self._manager.subset_hook_caller(hook, others)
        answers = caller(**arguments)
        if isinstance(answers, list):
            return answers[0] if answers else None
        return answers

    @contextlib.contextmanager
    def _guard(self, plugin: _Plugin, doing: str) -> Iterator[None]:
        try:
            with contextlib.redirect_stdout(sys.stderr):  # a plugin's print must not mix with a command's data
                yield
        except _Refusal as refusal:
            self._withdraw(plugin, refusal.state, refusal.reason, refusal.remedy, "")
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the edge: whatever a plugin throws stays with it
            self._withdraw(plugin, "failed", _cause(error), _remedy(plugin, error), traceback.format_exc())
            logger.warning("plugin failed plugin=%s during=%s cause=%s", plugin.report.name, doing, _cause(error))

    def _withdraw(self, plugin: _Plugin, state: State, reason: str, remedy: str, trace: str) -> None:
        if plugin.module is not None and self._manager.is_registered(plugin.module):
            self._manager.unregister(plugin.module)
        for kind in plugin.kinds:
            if f"kind {kind.name}" in plugin.claims:
                self._kinds.pop(kind.name, None)
        for runner in plugin.runners:
            if f"runner {runner.name}" in plugin.claims:
                self._runners.pop(runner.name, None)
        plugin.claims.clear()
        plugin.report = replace(plugin.report, state=state, reason=reason, remedy=remedy, traceback=trace, provides=())

    def _check(self, plugin: _Plugin) -> None:
        name = plugin.report.name
        if name in self._disabled or (self._only and name not in self._only):
            raise _Refusal("disabled", "switched off by the configuration", f"remove {name} from the plugin switches")
        twin = next((p for p in self._loaded() if p.report.name == name), None)
        if twin is not None:
            raise _Refusal(
                "conflict",
                f"entry point {name} is also that of {twin.report.distribution}",
                f"uninstall one of {twin.report.distribution} and {plugin.report.distribution}",
            )
        for requirement in _requirements(plugin.distribution):
            self._check_requirement(plugin, requirement)

    def _check_requirement(self, plugin: _Plugin, requirement: Any) -> None:
        installed = _installed(requirement.name)
        if requirement.name.lower().replace("_", "-") == "stigmer-core":
            if installed is not None and not requirement.specifier.contains(installed, prereleases=True):
                raise _Refusal(
                    "incompatible",
                    f"needs stigmer-core{requirement.specifier}, this is {installed}",
                    f"pip install -U {plugin.report.distribution}",
                )
            return
        if installed is None:
            raise _Refusal(
                "failed", f"needs {requirement.name}, which is not installed", f"pip install '{requirement}'"
            )
        if not requirement.specifier.contains(installed, prereleases=True):
            raise _Refusal(
                "incompatible",
                f"needs {requirement.name}{requirement.specifier}, {installed} is installed",
                f"pip install '{requirement.name}{requirement.specifier}'",
            )
        for other in self._plugins:
            usable = other.report.state in ("loaded", "disabled")  # a disabled one's messages are still there to import
            if _same(other.report.distribution, requirement.name) and not usable:
                raise _Refusal(
                    "blocked",
                    f"needs plugin {other.report.name}, which is {other.report.state}",
                    f"mend {other.report.name} first: stigmer plugin info {other.report.name}",
                )

    def _import(self, plugin: _Plugin) -> None:
        plugin.module = plugin.entry_point.load()
        self._manager.register(plugin.module, name=plugin.report.name)
        known = {name for name in vars(hookspecs) if name.startswith("stigmer_")}
        for caller in self._manager.get_hookcallers(plugin.module) or []:
            if caller.spec is None:
                near = difflib.get_close_matches(caller.name, sorted(known), n=1)
                hint = f"did you mean {near[0]}?" if near else "see docs/hooks.md for the hooks"
                raise _Refusal("failed", f"there is no hook {caller.name}", hint)

    def _take(self, plugin: _Plugin) -> None:
        plugin.kinds = tuple(self._call(plugin, "stigmer_kinds") or ())
        plugin.commands = dict(self._call(plugin, "stigmer_commands") or {})
        plugin.settings = tuple(self._call(plugin, "stigmer_settings") or ())
        claims = [f"command {name}" for name in plugin.commands]
        claims += [f"setting {setting.name}" for setting in plugin.settings]
        for kind in plugin.kinds:
            claims += [f"kind {kind.name}", f"id prefix {kind.id_prefix}"]
            claims += [f"resource name {word}" for word in {kind.name.lower(), kind.plural, *kind.short_names}]
            claims += [f"service {name}" for name in kind.services]
        self._claim(plugin, claims)
        self._kinds.update({kind.name: kind for kind in plugin.kinds})

    def _claim(self, plugin: _Plugin, claims: Sequence[str]) -> None:
        for claim in claims:
            other = next((p for p in self._plugins if p is not plugin and claim in p.claims), None)
            if other is not None:
                raise _Refusal(
                    "conflict",
                    f"{claim} is already provided by plugin {other.report.name}",
                    f"uninstall one of {other.report.distribution} and {plugin.report.distribution},"
                    f" or disable one: STIGMER_DISABLE_PLUGINS={plugin.report.name}",
                )
        plugin.claims.update(claims)
        shown = [claim for claim in claims if claim.split(" ")[0] in ("kind", "service", "command", "runner")]
        plugin.report = replace(plugin.report, provides=(*plugin.report.provides, *shown))


def _entry_points() -> list[metadata.EntryPoint]:
    points = [point for point in metadata.entry_points(group=GROUP) if point.dist is not None]
    return sorted(points, key=lambda point: (_canonical(point.dist.name), point.name))  # type: ignore[union-attr]


def _found(point: metadata.EntryPoint) -> _Plugin:
    distribution = point.dist
    assert distribution is not None
    report = PluginReport(point.name, distribution.name, distribution.version, "failed", reason="not loaded yet")
    return _Plugin(point, distribution, report)


def _dependencies_first(plugins: Sequence[_Plugin]) -> list[_Plugin]:
    ordered: list[_Plugin] = []
    visiting: set[str] = set()

    def visit(plugin: _Plugin) -> None:
        if plugin in ordered or plugin.report.distribution in visiting:
            return
        visiting.add(plugin.report.distribution)
        for requirement in _requirements(plugin.distribution):
            for other in plugins:
                if _same(other.report.distribution, requirement.name):
                    visit(other)
        visiting.discard(plugin.report.distribution)
        ordered.append(plugin)

    for plugin in plugins:
        visit(plugin)
    return ordered


def _requirements(distribution: metadata.Distribution) -> list[Any]:
    """Return the requirements of a distribution on this project's own parts, without its extras."""
    from packaging.requirements import Requirement  # noqa: PLC0415 - 10 ms that only the host needs

    requirements = [Requirement(text) for text in distribution.requires or []]
    ours = [one for one in requirements if _canonical(one.name).startswith("stigmer")]
    return [one for one in ours if one.marker is None or one.marker.evaluate({"extra": ""})]


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _canonical(name: str) -> str:
    return name.lower().replace("_", "-")


def _same(one: str, other: str) -> bool:
    return _canonical(one) == _canonical(other)


def _cause(error: BaseException) -> str:
    text = str(error) if not isinstance(error, SystemExit) else f"exited with {error.code!r}"
    first_line = text.strip().split("\n")[0]
    return f"{type(error).__name__}: {first_line}" if first_line else type(error).__name__


def _remedy(plugin: _Plugin, error: BaseException) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"pip install {error.name.split('.')[0]}, or add it to the dependencies of {plugin.report.distribution}"
    name = plugin.report.name
    return f"stigmer plugin info {name} shows where; or disable it: STIGMER_DISABLE_PLUGINS={name}"


__all__ = ["PluginHost", "PluginReport", "State"]
