"""`stigmer run` and `stigmer runs`: start a workflow, follow it, look at what ran."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stigmer_core.cli import ExitCode, Session, fail, pass_session, render
from stigmer_plugin_workflow import _client as client
from stigmer_plugin_workflow._follow import follow, outcome_code
from stigmer_plugin_workflow._trace import event_line, trace_lines

if TYPE_CHECKING:
    from ai.stigmer.agentic.workflowexecution.v1.api_pb2 import WorkflowExecution

    from stigmer_core.program import Json

_LISTED = 50


@click.command()
@click.argument("target", required=False)
@click.option("-f", "--file", metavar="DOCUMENT", help="Run a document without storing it under a name; - is stdin.")
@click.option("--input", "given", metavar="JSON|@FILE|-", help="The run's input, an object or a list.")
@click.option("--secret-file", metavar="FILE", help="The run's secrets: YAML or JSON, an object by their names.")
@click.option("--follow/--no-follow", default=True, help="Wait for the end and print the output (default).")
@pass_session
def run(
    session: Session, target: str | None, file: str | None, given: str | None, secret_file: str | None, *, follow: bool
) -> None:
    """Run a workflow and print its output.

    TARGET is a workflow's name, workflow/NAME or an id. Progress goes to stderr, the output as JSON to stdout. The
    exit code is 0 when the run completed, 10 when it failed, 11 when it was cancelled.
    """
    if (target is None) == (file is None):
        fail(
            ExitCode.USAGE,
            "name a workflow, or give a document with -f",
            hint="stigmer run NAME, or stigmer run -f FILE",
        )
    payload = _input(given)
    secrets = client.read_secrets(secret_file) if secret_file is not None else {}
    if file is not None:
        execution = client.execute(session, file, payload, secrets)
    else:
        execution = client.start(session, str(target), payload, secrets)
    _started(session, execution)
    if not follow:
        session.emit(client.as_json(execution), names=[_name(execution)])
        return
    _follow_to_the_end(session, execution.metadata.id)


@click.group(short_help="List, follow, answer and steer runs.")
def runs() -> None:
    """List, follow, answer and steer runs.

    RUN is a run's name or its id.
    """


@runs.command("list")
@click.option("--workflow", metavar="NAME", help="Only of this workflow.")
@click.option("--phase", metavar="PHASE", help="Only in this phase, such as failed or in_progress.")
@click.option("--limit", type=click.IntRange(1, 100), default=_LISTED, show_default=True, help="At most so many.")
@pass_session
def list_runs(session: Session, workflow: str | None, phase: str | None, limit: int) -> None:
    """Show the latest runs."""
    found = client.listed(session, workflow=workflow, phase=phase, limit=limit)
    items = [client.as_json(execution) for execution in found]
    data = {"apiVersion": client.API_VERSION, "kind": "WorkflowExecutionList", "items": items}
    session.emit(data, table=client.table(found), names=[_name(execution) for execution in found])


@runs.command("get")
@click.argument("run_id", metavar="RUN")
@pass_session
def get_run(session: Session, run_id: str) -> None:
    """Show one run."""
    execution = client.get(session, run_id)
    session.emit(client.as_json(execution), names=[_name(execution)])


@runs.command("logs")
@click.argument("run_id", metavar="RUN")
@click.option("-f", "--follow", is_flag=True, help="Go on until the run has ended.")
@click.option("--after", type=click.IntRange(0), default=0, help="Only events after this sequence number.")
@pass_session
def logs(session: Session, run_id: str, after: int, *, follow: bool) -> None:
    """Print a run's events, one a line."""
    execution = client.get(session, run_id)
    events = client.events(session, execution.metadata.id, after=after, follow=follow)
    for event in events:
        if session.output in ("json", "ndjson"):
            click.echo(json.dumps(client.as_json(event)))
        else:
            click.echo(event_line(event))


@runs.command("trace")
@click.argument("run_id", metavar="RUN")
@pass_session
def trace(session: Session, run_id: str) -> None:
    """Show what ran, as a tree with durations."""
    execution = client.get(session, run_id)
    if session.output in ("json", "ndjson", "yaml"):
        session.emit(client.as_json(execution).get("status", {}).get("tasks", []))
        return
    for line in trace_lines(execution, unicode=_takes_unicode()):
        click.echo(line)


@runs.command("cancel")
@click.argument("run_id", metavar="RUN")
@click.option("--reason", default="cancelled from the command line", show_default=True, help="Why; kept with the run.")
@pass_session
def cancel(session: Session, run_id: str, reason: str) -> None:
    """Cancel a run; no task starts after this returns."""
    execution = client.cancel(session, client.run_id_of(session, run_id), reason)
    _told(session, execution, f"{_name(execution)} is cancelled")


@runs.command("pause")
@click.argument("run_id", metavar="RUN")
@click.option("--reason", default="paused from the command line", show_default=True, help="Why; kept with the run.")
@pass_session
def pause(session: Session, run_id: str, reason: str) -> None:
    """Put a run on hold: what is under way ends, and nothing new begins."""
    execution = client.pause(session, client.run_id_of(session, run_id), reason)
    _told(session, execution, f"{_name(execution)} is on hold")


@runs.command("resume")
@click.argument("run_id", metavar="RUN")
@pass_session
def resume(session: Session, run_id: str) -> None:
    """Let a run that is on hold go on."""
    execution = client.resume(session, client.run_id_of(session, run_id))
    _told(session, execution, f"{_name(execution)} goes on")


@runs.command("recover")
@click.argument("run_id", metavar="RUN")
@pass_session
def recover(session: Session, run_id: str) -> None:
    """Let a failed run go on from the task that failed."""
    execution = client.recover(session, client.run_id_of(session, run_id))
    _told(session, execution, f"{_name(execution)} goes on")


@runs.command("signal")
@click.argument("run_id", metavar="RUN")
@click.argument("name")
@click.option("--payload", "given", metavar="JSON|@FILE|-", help="What it carries, an object.")
@pass_session
def signal(session: Session, run_id: str, name: str, given: str | None) -> None:
    """Send a run the signal NAME."""
    payload = _object(given, "--payload")
    execution = client.signal(session, client.run_id_of(session, run_id), name, payload)
    _told(session, execution, f"{_name(execution)} was sent {name}")


@runs.command("answer")
@click.argument("run_id", metavar="RUN")
@click.argument("task")
@click.argument("outcome")
@click.option("--form", "given", metavar="JSON|@FILE|-", help="The data that the question asks for, an object.")
@click.option("--comment", default="", help="Kept with the answer.")
@pass_session
def answer(session: Session, run_id: str, task: str, outcome: str, given: str | None, comment: str) -> None:  # noqa: PLR0917 - arguments and options
    """Answer a TASK of a run that waits for a person, with one of its outcomes, such as approve or deny."""
    form = _object(given, "--form")
    run_id = client.run_id_of(session, run_id)
    execution = client.answer(session, run_id, task, outcome, form=form, comment=comment)
    _told(session, execution, f"{task} of {_name(execution)} is answered: {outcome}")


def _follow_to_the_end(session: Session, execution_id: str) -> None:
    goes_on = f"the run goes on: stigmer runs logs -f {execution_id}"
    if session.connection().address == "":
        goes_on = f"the run stops with this command and goes on with the next server: stigmer runs get {execution_id}"
    with session.on_interrupt(goes_on):
        execution = follow(session, execution_id)
    code = outcome_code(execution)
    if code is ExitCode.OK:
        format_ = session.output if session.output in ("yaml", "ndjson", "name") else "json"
        click.echo(render(client.output_of(execution), output=format_, names=[_name(execution)]), nl=False)
        return
    fail(
        code,
        f"the run ended {client.phase_word(execution)}: {execution.status.error or 'no reason was given'}",
        hint=f"stigmer runs trace {execution_id}",
    )


def _started(session: Session, execution: WorkflowExecution) -> None:
    session.note(f"run {execution.metadata.name} ({execution.metadata.id})")


def _input(given: str | None, option: str = "--input") -> Json:
    if given is None:
        return {}
    text, source = given, option
    if given == "-":
        text, source = sys.stdin.read(), "standard input"
    elif given.startswith("@"):
        source = given[1:]
        try:
            text = Path(source).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            fail(ExitCode.USAGE, f"the input file {source} cannot be read", why=str(error))
    try:
        value: Any = json.loads(text)
    except ValueError as error:
        fail(ExitCode.USAGE, f"{source} is not JSON", why=str(error), hint=f'{option} \'{{"name": "value"}}\'')
    if not isinstance(value, (dict, list)):
        fail(ExitCode.USAGE, f"{source} must be a JSON object or list", hint=f'{option} \'{{"name": "value"}}\'')
    return value


def _object(given: str | None, option: str) -> dict[str, Json]:
    value = _input(given, option)
    if not isinstance(value, dict):
        fail(ExitCode.USAGE, f"{option} must be a JSON object", hint=f'{option} \'{{"name": "value"}}\'')
    return value


def _told(session: Session, execution: WorkflowExecution, what: str) -> None:
    """Say what a run was told, and show it as it is now."""
    session.note(what)
    session.emit(client.as_json(execution), table=client.table([execution]), names=[_name(execution)])


def _name(execution: WorkflowExecution) -> str:
    return f"workflowexecution/{execution.metadata.id}"


def _takes_unicode() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
