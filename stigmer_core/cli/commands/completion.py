"""`stigmer completion`: the script that makes a shell complete commands, kinds and names."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from stigmer_core.cli.output import write

_VARIABLE = "_STIGMER_COMPLETE"


_HELP = """Print the completion script of a shell.

\b
bash: source <(stigmer completion bash)
zsh:  source <(stigmer completion zsh)
fish: stigmer completion fish | source
"""


@click.command(short_help="Print the completion script of a shell.", help=_HELP)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script with which a shell asks this program how a line goes on."""
    found = get_completion_class(shell)
    assert found is not None
    source = found(context.find_root().command, {}, "stigmer", _VARIABLE)
    write(source.source_template % source.source_vars() + "\n")
