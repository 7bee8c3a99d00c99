"""The options of every command: accepted before and after the verb."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

from stigmer_core.cli.session import DEFAULT_ORG, Session
from stigmer_core.cli.terminal import color_choice

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., Any]")

FORMATS = ("table", "wide", "json", "yaml", "name", "ndjson")
_SHOWN_AFTER_THE_VERB = "output"


def add_global_options(command: click.Command, *, shown: bool = False) -> click.Command:
    """Give a command the global options that it does not declare itself, and return it.

    Args:
        command: any click command; of a group, the subcommands get them too.
        shown: list all of them in its help; else only `-o`.
    """
    taken = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    for option in _options():
        if not taken.intersection(option.opts):
            option.hidden = not shown and option.name != _SHOWN_AFTER_THE_VERB
            command.params.append(option)
    if isinstance(command, click.Group):
        for subcommand in command.commands.values():
            add_global_options(subcommand)
    return command


def global_options(function: F) -> F:
    """Give a command's function the global options; for commands that are invoked without `stigmer` around them."""
    declared: list[click.Parameter] = function.__dict__.setdefault("__click_params__", [])
    for option in _options():
        option.hidden = option.name != _SHOWN_AFTER_THE_VERB
        declared.insert(0, option)  # click reads them from the last to the first
    return function


def _options() -> list[click.Option]:
    return [
        _option(
            "--home", type=click.Path(file_okay=False), metavar="DIR", help="Everything of an installation.", env=True
        ),
        _option("--server", metavar="ADDRESS", help="unix:/path, host:port or https://host:port.", env=True),
        _option("--org", metavar="SLUG", help=f"Where names are looked up; {DEFAULT_ORG} when not given.", env=True),
        _option("-o", "--output", type=click.Choice(FORMATS), help="How data is written to stdout.", env=True),
        _option("--color", type=click.Choice(["auto", "always", "never"]), help="When to colour.", callback=_set_color),
        _option("--no-input", is_flag=True, default=None, help="Never ask; what is missing is an error.", env=True),
    ]


def _option(
    *names: str, env: bool = False, callback: Callable[..., Any] | None = None, **attributes: Any
) -> click.Option:
    variable = f"STIGMER_{names[-1].removeprefix('--').replace('-', '_').upper()}" if env else None
    return click.Option(
        names, expose_value=False, envvar=variable, show_envvar=env, callback=callback or keep, **attributes
    )


def keep(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
    """Remember what was given; nearest to the verb wins, and a variable gives way to any flag before."""
    session = context.find_object(Session)
    if session is None or value is None:
        return value
    name = str(parameter.name)
    source = context.get_parameter_source(name)
    if source is click.core.ParameterSource.COMMANDLINE or name not in session.options:
        session.options[name] = value
    return value


def _set_color(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
    """Apply the choice at once, to this command and those below it."""
    keep(context, parameter, value)
    if value is not None:
        context.color = color_choice(value)
    return value
