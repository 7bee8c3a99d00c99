"""The root command: names and one line each; a command's module is imported when it runs."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, NoReturn

import click

from stigmer_core import __version__
from stigmer_core.cli.catalog import BrokenPlugin, Catalog, PluginCommand, load_catalog
from stigmer_core.cli.exits import ExitCode
from stigmer_core.cli.failure import fail
from stigmer_core.cli.global_options import add_global_options
from stigmer_core.cli.session import Session, pass_session

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_COMMANDS = "stigmer_core.cli.commands"
_SECTIONS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "Server": {
        "serve": ("serve:serve", "Run the server until Ctrl-C."),
        "status": ("server:status", "Say whether a server runs, and where."),
        "stop": ("server:stop", "Stop the server of this home."),
        "token": ("server:token", "Print the token that calls over TCP need."),
        "secrets": ("secrets:secrets", "Rotate the keys that encrypt secrets."),
        "config": ("config:config", "Show every setting and where it comes from."),
    },
    "Resources": {
        "apply": ("apply:apply", "Create or update what manifests describe."),
        "diff": ("diff:diff", "Show what applying manifests would change."),
        "validate": ("validate:validate", "Check manifests; writes nothing."),
        "get": ("get:get", "Show resources of a kind."),
        "describe": ("describe:describe", "Show one resource for people."),
        "wait": ("wait:wait", "Wait until a resource is as it should be."),
        "delete": ("delete:delete", "Delete resources and what they own."),
        "search": ("search:search", "Find resources by their text."),
        "api-resources": ("api_resources:api_resources", "List the kinds of resource."),
    },
    "Installation": {
        "plugin": ("plugin:plugin", "List plugins and see why one is not loaded."),
        "version": ("version:version", "Print versions."),
        "completion": ("completion:completion", "Print the completion script of a shell."),
    },
}
_BUILT_IN = {name: entry for section in _SECTIONS.values() for name, entry in section.items()}


class Root(click.Group):
    """`stigmer`: its own commands, and those of plugins by what the catalog remembers."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return every command, the plugins' last."""
        return [*_BUILT_IN, *(name for name in _catalog(ctx).commands if name not in _BUILT_IN)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command with the global options; imports its module."""
        if cmd_name in _BUILT_IN:
            target, _ = _BUILT_IN[cmd_name]
            module, _, attribute = target.partition(":")
            command: click.Command = getattr(import_module(f"{_COMMANDS}.{module}"), attribute)
            return add_global_options(command)
        found = _catalog(ctx).commands.get(cmd_name)
        return None if found is None else _plugin_command(cmd_name, found)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that the arguments name.

        Raises:
            Failure: there is none; names the closest, and the plugins that might have had it.
        """
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            _no_such_command(args[0], self.list_commands(ctx), _catalog(ctx).broken)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands by section, then those of plugins, then the plugins that add nothing."""
        catalog = _catalog(ctx)
        for title, section in _SECTIONS.items():
            _write_section(formatter, title, [(name, text) for name, (_, text) in section.items()])
        _write_section(formatter, "Plugins", [(name, _help_of(found)) for name, found in catalog.commands.items()])
        _write_section(formatter, "Plugins that are not loaded", list(map(_help_of_broken, catalog.broken)))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[click.shell_completion.CompletionItem]:
        """Complete command names from the tables alone."""
        item = click.shell_completion.CompletionItem
        known = {name: text for name, (_, text) in _BUILT_IN.items()}
        known |= {name: found.help for name, found in _catalog(ctx).commands.items()}
        commands = [item(name, help=text) for name, text in known.items() if name.startswith(incomplete)]
        return [*commands, *click.Command.shell_complete(self, ctx, incomplete)]


def _print_version(context: click.Context, _parameter: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's
    if value and not context.resilient_parsing:
        click.echo(f"stigmer {__version__}")
        context.exit()


@click.command(
    cls=Root,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="The options above may also stand after the command. Tables are for people: scripts use -o json or -o name.",
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Print the version."
)
def root() -> None:
    """Agents and workflows on one machine."""


def _catalog(context: click.Context) -> Catalog:
    session = context.find_object(Session) or Session()
    kept = context.meta.get(__name__)
    if kept is None:
        kept = context.meta[__name__] = _loaded(session)
    catalog: Catalog = kept
    return catalog


def _loaded(session: Session) -> Catalog:
    """Return the catalog; settings that are no good leave the commands of plugins out, and help works on."""
    try:
        return load_catalog(session.home)
    except Exception as error:
        from stigmer_core.errors import StigmerError  # noqa: PLC0415 - 2 ms that only bad settings cost

        if not isinstance(error, StigmerError):
            raise
        return Catalog(broken=[BrokenPlugin("(all)", "failed", error.message, "stigmer config")])


def _no_such_command(name: str, known: Sequence[str], broken: Sequence[BrokenPlugin]) -> NoReturn:
    import difflib  # noqa: PLC0415 - for a slip only

    near = difflib.get_close_matches(name, known, n=1)
    why = ", ".join(f"plugin {plugin.name} is {plugin.state}" for plugin in broken)
    hint = f"stigmer {near[0]}" if near else "stigmer --help"
    fail(ExitCode.USAGE, f'there is no command "{name}"', why and f"{why}: its commands are missing", hint)


def _plugin_command(name: str, found: PluginCommand) -> click.Command:
    module, _, attribute = found.target.partition(":")
    try:
        command = getattr(import_module(module), attribute)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the edge: a plugin's import may raise anything
        return _broken_command(name, f"{type(error).__name__}: {error}")
    if not isinstance(command, click.Command):
        return _broken_command(name, f"{found.target} is no click command")
    return add_global_options(command)


def _broken_command(name: str, cause: str) -> click.Command:
    @click.command(name, context_settings={"ignore_unknown_options": True}, help=f"Broken: {cause}")
    @click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
    @pass_session
    def broken(session: Session, arguments: Sequence[str]) -> None:  # noqa: ARG001 - whatever was meant
        fail(ExitCode.FAILURE, f"the command {name} cannot be loaded", cause, "stigmer plugin list")

    return broken


def _write_section(formatter: click.HelpFormatter, title: str, lines: list[tuple[str, str]]) -> None:
    if lines:
        with formatter.section(title):
            formatter.write_dl(lines)


def _help_of(found: PluginCommand) -> str:
    return f"(broken: {found.broken})" if found.broken else found.help


def _help_of_broken(plugin: BrokenPlugin) -> tuple[str, str]:
    return plugin.name, f"{plugin.state}: {plugin.reason} -> {plugin.remedy}"


add_global_options(root, shown=True)
