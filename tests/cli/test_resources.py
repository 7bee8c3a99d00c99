"""The verbs on resources, in process."""

from __future__ import annotations

import pytest

LIST_KIND = {"kind": "AgentList", "apiVersion": "agentic.stigmer.ai/v1"}


def test_apply_says_truthfully_what_it_did(stigmer, agent):
    """Created, then unchanged, then updated; the summary is on stderr."""
    manifest = agent()

    assert stigmer.ok("apply", "-f", "-", stdin=manifest).splitlines()[1].startswith("Agent  hello  ✓ Created  agt_")
    again = stigmer("apply", "-f", "-", stdin=manifest)
    assert "= Unchanged" in again.stdout
    assert again.stderr == "Deployment successful! Successfully applied 1 resource(s), nothing changed\n"
    assert "✓ Updated" in stigmer.ok("apply", "-f", "-", stdin=agent(description="other"))


def test_apply_as_json_is_one_result_per_document(stigmer, agent, workflow):
    """Scripts get the action, the kind, the name and the id of each."""
    data = stigmer.json("apply", "-f", "-", stdin=workflow() + "---\n" + agent())

    assert (data["apiVersion"], data["kind"]) == ("cli.stigmer/v1", "ApplyResult")
    assert [(one["kind"], one["name"], one["action"]) for one in data["items"]] == [
        ("Agent", "hello", "created"),
        ("Workflow", "switch-on", "created"),
    ]


def test_apply_without_unicode_has_ascii_marks(stigmer, agent):
    """A terminal of another code page shows no rubbish."""
    done = stigmer("apply", "-f", "-", stdin=agent(), PYTHONIOENCODING="ascii")

    assert "+ Created" in done.stdout


def test_nothing_is_applied_when_one_document_is_wrong(stigmer, agent):
    """Every document is checked before the first is written."""
    done = stigmer("apply", "-f", "-", stdin=agent() + "---\n" + agent("other").replace("instructions", "instructons"))

    assert (done.returncode, done.stdout) == (2, "")
    assert "<stdin>:16:3: error: unknown field spec.instructons (did you mean instructions?)" in done.stderr
    assert done.stderr.endswith("1 error in 2 documents\n")
    assert stigmer.ok("get", "agents", "-o", "name") == ""


def test_a_dry_run_keeps_nothing(stigmer, agent):
    """It says what would be done."""
    done = stigmer("apply", "-f", "-", "--dry-run", stdin=agent())

    assert done.stdout == "TYPE   NAME   ACTION\nAgent  hello  Create\n"
    assert done.stderr == "Dry run successful - no resources were deployed\n"
    assert stigmer.ok("get", "agents", "-o", "name") == ""


def test_apply_reports_every_failure_and_goes_on(stigmer, agent):
    """A document that the server refuses in its transaction does not keep the others from being applied."""
    lost = "apiVersion: agentic.stigmer.ai/v1\nkind: AgentInstance\nmetadata: {name: lost}\nspec: {agentId: agt_nope}\n"
    done = stigmer("apply", "-f", "-", "-o", "json", stdin=lost + "---\n" + agent())

    assert '"action": "failed"' in done.stdout
    assert "error: agentinstance/lost: " in done.stderr
    assert "1 of 2 resource(s) applied, 1 failed" in done.stderr
    assert done.returncode != 0
    assert stigmer.ok("get", "agents", "-o", "name") == "agent/hello\n"


def test_org_fills_in_where_a_manifest_names_none(stigmer, agent):
    """`--org` is an option of every command, before and after the verb."""
    team = "apiVersion: tenancy.stigmer.ai/v1\nkind: Organization\nmetadata: {name: team}\n"
    stigmer.ok("apply", "-f", "-", stdin=team)
    stigmer.ok("apply", "-f", "-", "--org", "team", stdin=agent())

    assert stigmer.ok("get", "agents", "-o", "name") == ""
    assert stigmer.ok("--org", "team", "get", "agents", "-o", "name") == "agent/hello\n"
    assert stigmer.ok("get", "agents", "-A", "-o", "name") == "agent/hello\n"


def test_what_get_writes_can_be_applied(stigmer, agent):
    """YAML of a list and JSON of one resource are manifests; nothing changes."""
    stigmer.ok("apply", "-f", "-", stdin=agent("one") + "---\n" + agent("two"))

    for arguments in (["agents", "-o", "yaml"], ["agents", "-o", "json"], ["agent", "one", "-o", "json"]):
        written = stigmer.ok("get", *arguments)
        assert "nothing changed" in stigmer("apply", "-f", "-", stdin=written).stderr


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["agents"], "agent/reviewer\nagent/hello\n"),
        (["agt"], "agent/reviewer\nagent/hello\n"),
        (["Agent", "hello"], "agent/hello\n"),
        (["agent/hello"], "agent/hello\n"),
        (["agent/hello", "agent/reviewer"], "agent/hello\nagent/reviewer\n"),
        (["workflows"], "workflow/switch-on\n"),
        (["orgs"], "organization/local\n"),
    ],
)
def test_get_takes_every_spelling(stocked, arguments, names):
    """Kind, plural, short name, KIND/NAME; newest first."""
    assert stocked.ok("get", *arguments, "-o", "name") == names


def test_get_takes_bare_ids(stocked):
    """An id says its kind by itself."""
    identity = stocked.json("get", "agent", "hello")["metadata"]["id"]

    assert stocked.ok("get", identity, "-o", "name") == "agent/hello\n"


def test_get_of_one_is_an_object_and_of_many_a_list(stocked):
    """Also an empty list is a list, and no error."""
    assert stocked.json("get", "agent", "hello")["kind"] == "Agent"
    listed = stocked.json("get", "agents")
    assert {key: listed[key] for key in LIST_KIND} == LIST_KIND
    assert [one["metadata"]["name"] for one in listed["items"]] == ["reviewer", "hello"]
    assert stocked.json("get", "skills")["items"] == []


def test_tables_have_the_columns_that_the_kind_declares(stocked):
    """Wide tables have more of them, organizations and ids."""
    assert stocked.ok("get", "agents").split("\n")[0].split() == ["NAME", "DESCRIPTION", "AGE"]
    wide = stocked.ok("get", "agents", "-o", "wide").split("\n")[0].split()
    assert wide == ["NAME", "DESCRIPTION", "INSTANCE", "AGE", "ORG", "ID"]


def test_get_all_shows_every_kind(stocked):
    """In the order in which they would be applied."""
    kinds = [line.split("/")[0] for line in stocked.ok("get", "all", "-o", "name").splitlines()]

    assert list(dict.fromkeys(kinds)) == ["organization", "agent", "agentinstance", "workflow", "workflowinstance"]


def test_describe_is_for_people(stocked):
    """Who it is, what it says, how it is."""
    shown = stocked.ok("describe", "agent", "hello")

    assert shown.startswith("Name:         hello\nKind:         Agent\nId:           agt_")
    assert "  instructions: |\n    Answer briefly and kindly.\n" in shown
    assert "Status:\n  defaultInstanceId: ain_" in shown


def test_describe_draws_what_a_kind_can_draw(stocked):
    """A workflow as a Mermaid flowchart; a format that the kind does not have is refused with those it has."""
    assert stocked.ok("describe", "workflow", "switch-on", "-o", "mermaid").startswith("flowchart TD\n")

    refused = stocked("describe", "agent", "hello", "-o", "mermaid")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "there is no format 'mermaid' of Agent: it is one of table, wide, json" in refused.stderr


def test_diff_shows_values_and_its_exit_code_is_asked_for(stigmer, agent):
    """Defaults count as the server fills them in, so an applied manifest has no difference."""
    stigmer.ok("apply", "-f", "-", stdin=agent())
    changed = agent(description="other")

    assert stigmer.ok("diff", "-f", "-", stdin=agent()) == ""
    assert stigmer("diff", "-f", "-", "--exit-code", stdin=agent()).returncode == 0
    done = stigmer("diff", "-f", "-", "--exit-code", stdin=changed)
    assert done.returncode == 1
    assert done.stdout == (
        "--- server  agent/hello\n+++ <stdin>\n@@ spec.description\n-  description: says hello\n+  description: other\n"
    )
    assert stigmer.json("get", "agent", "hello")["spec"]["description"] == "says hello"


def test_diff_of_a_new_resource_shows_all_of_it(stigmer, agent):
    """With `-o json` as changes without `before`."""
    (one,) = stigmer.json("diff", "-f", "-", stdin=agent())["items"]

    assert {"path": "spec.description", "after": "says hello"} in one["changes"]


def test_validate_takes_manifests_and_workflow_documents(stigmer, agent, workflow):
    """Both are named as what they would become; `-o json` has every problem with its place."""
    done = stigmer("validate", "-f", "-", stdin=agent() + "---\n" + workflow())
    assert done.stderr == "<stdin>: agent/hello is valid\n<stdin>: workflow/switch-on is valid\n"

    bad = stigmer("validate", "-f", "-", "-o", "json", stdin=workflow().replace("set:", "sett:"))
    assert bad.returncode == 2
    assert '"valid": false' in bad.stdout
    assert '"line": 7' in bad.stdout


def test_delete_takes_names_and_manifests(stigmer, agent, workflow):
    """What depends on others goes first; what is gone is an error unless it is said that it is not."""
    manifests = agent() + "---\n" + workflow()
    stigmer.ok("apply", "-f", "-", stdin=manifests + "---\n" + agent("other"))

    assert stigmer.ok("delete", "agent/other", "--yes", "-o", "name") == "agent/other\n"
    assert (
        stigmer.ok("delete", "-f", "-", "--yes", "-o", "name", stdin=manifests) == "workflow/switch-on\nagent/hello\n"
    )
    assert stigmer("delete", "agent", "hello", "--yes").returncode == 5
    assert stigmer("delete", "agent", "hello", "--yes", "--ignore-not-found").returncode == 0


def test_delete_of_several_is_all_or_nothing(stigmer, agent):
    """A misspelt name deletes nothing."""
    stigmer.ok("apply", "-f", "-", stdin=agent())

    assert stigmer("delete", "agent", "hello", "helo", "--yes").returncode == 5
    assert stigmer.ok("get", "agents", "-o", "name") == "agent/hello\n"


def test_search_finds_by_text(stocked):
    """With a kind only of that kind."""
    assert stocked.ok("search", "reviewer", "--kind", "agents", "-o", "name") == "agent/reviewer\n"
    assert stocked.json("search", "no-such-text")["items"] == []


def test_search_names_the_plugin_that_is_missing(stigmer):
    """Without the plugin there is no service."""
    done = stigmer("search", "x", STIGMER_DISABLE_PLUGINS="search")

    assert done.returncode == 1
    assert "why: stigmer-plugin-search provides it and is not loaded" in done.stderr


def test_rows_of_a_plugin_that_is_gone_stay_in_sight(stigmer, agent):
    """They are listed as unavailable, with and without the server's code."""
    stigmer.ok("apply", "-f", "-", stdin=agent())
    stigmer.environment["STIGMER_DISABLE_PLUGINS"] = "agent"

    assert "Agent (unavailable)" in stigmer.ok("get", "all")
    assert stigmer.ok("get", "agent", "-o", "name") == "agent/hello\n"
    assert "(not installed)" in stigmer.ok("api-resources")
