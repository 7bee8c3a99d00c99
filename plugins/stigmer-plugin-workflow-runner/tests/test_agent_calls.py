"""`call: stigmer:agent` and budgets: what the program asks for, what it takes for an answer, and what it may spend."""

from __future__ import annotations

import pytest
import yaml
from stigmer_plugin_workflow_runner.program.compiler import check
from stigmer_plugin_workflow_runner.program.program import WorkflowProgram

from stigmer_core.program import ActivityError, CallActivity, Failure
from stigmer_core.testing.memory_engine import MemoryEngine

ASK = "- ask: {call: 'stigmer:agent', with: {agent: helper, message: '${ .q }', config: {model_name: m}%s}}"
STRICT = ", output: {schema: {type: object, required: [a]}%s}"
BUDGET = "stigmer.ai/budget"


def ending(output="fine", *, phase="COMPLETED", cost=0, tokens=0, error=""):
    usage = {"costMicros": cost, "inputTokens": tokens, "outputTokens": 0}
    known = {"execution": "aex_1", "session": "ses_1", "durationMs": 5, "error": error}
    return {**known, "phase": f"EXECUTION_{phase}", "output": output, "usage": usage}


class Agent:
    """Answers with what it was given, one after the other."""

    def __init__(self, *endings):
        self.endings = list(endings)
        self.asked = []

    async def __call__(self, arguments, context):
        self.asked.append((context.command_key, arguments))
        return self.endings.pop(0)


@pytest.fixture
def talk(run):
    """A function that runs tasks with an agent."""

    async def go(tasks, agent, **header):
        return await run(tasks, {"q": "why?"}, activities={"agent_call": agent}, **header)

    return go


async def test_an_agent_is_asked_and_answers(talk):
    """Its last word is the output; what it cost is in the status and the log."""
    agent = Agent(ending(cost=7, tokens=3))
    outcome = await talk(ASK % "", agent)

    asked = {"message": "why?", "agent": "helper", "config": {"model_name": "m"}, "costLeftMicros": None}
    assert (agent.asked, outcome.output) == ([("/do/0/ask", asked)], "fine")
    status = outcome.statuses[-1]["status"]
    assert (status["totalCostMicros"], status["totalInputTokens"]) == (7, 3)
    assert (status["tasks"][0]["taskType"], status["tasks"][0]["costMicros"]) == ("WORKFLOW_TASK_AGENT_INVOCATION", 7)
    assert next(event["eventType"] for event in outcome.statuses[-1]["events"]) == "agent_call_completed"


@pytest.mark.parametrize("phase", ["FAILED", "CANCELLED", "TERMINATED"])
async def test_a_run_that_does_not_end_well_faults(talk, phase):
    """As a runtime error that says which run it was."""
    outcome = await talk(ASK % "", Agent(ending(phase=phase, error="boom")))

    assert outcome.failure.detail == f"the agent's run aex_1 ended in EXECUTION_{phase}: boom"
    assert outcome.failure.type.endswith("runtime")


async def test_what_cannot_be_started_faults(talk):
    """With the activity's own error."""

    async def refuse(_arguments, _context):
        raise ActivityError(Failure("https://x/configuration", "Configuration Error", 400, "no runner"))

    assert (await talk(ASK % "", refuse)).failure.detail == "no runner"


async def test_a_secret_is_given_in_the_environment_only(document):
    """A message is stored where everybody reads it."""
    for argument, calls in (("message: '${ $secrets.key }'", 0), ("message: m, env: {K: '${ $secrets.key }'}", 1)):
        agent = Agent(ending())
        made = document(f"[{{a: {{call: 'stigmer:agent', with: {{agent: x, {argument}}}}}}}]", use={"secrets": ["key"]})
        await MemoryEngine(WorkflowProgram(), {"agent_call": agent}).run({"document": made, "secrets": {"key": None}})

        assert len(agent.asked) == calls


async def test_an_answer_that_fits_is_the_output(talk):
    """The agent is told the schema."""
    agent = Agent(ending({"a": 1}))
    outcome = await talk(ASK % STRICT % "", agent)

    assert outcome.output == {"a": 1}
    assert agent.asked[0][1]["schema"] == {"type": "object", "required": ["a"]}


async def test_an_answer_that_does_not_fit_faults(talk):
    """As the standard validation error."""
    outcome = await talk(ASK % STRICT % "", Agent(ending("text")))

    assert outcome.failure.type.endswith("validation")


async def test_it_is_asked_again_in_its_session(talk):
    """With what was wrong, under another key; as often as the document says."""
    agent = Agent(ending("text"), ending({}), ending({"a": 1}))
    outcome = await talk(ASK % STRICT % ", onFail: retry, retries: 2", agent)

    assert outcome.output == {"a": 1}
    assert [key for key, _ in agent.asked] == ["/do/0/ask", "/do/0/ask?again1", "/do/0/ask?again2"]
    assert agent.asked[1][1]["session"] == "ses_1"
    assert "does not fit its schema" in agent.asked[1][1]["message"]


async def test_it_goes_on_elsewhere(talk):
    """With the answer that did not fit, past the tasks between."""
    tasks = ASK % STRICT % ", onFail: fallback, fallback: other"
    tasks += "\n- next: {set: {at: next}}\n- other: {set: {got: '${ . }'}}"

    assert (await talk(tasks, Agent(ending("text")))).output == {"got": "text"}


def budget(document, **limits):
    document["document"] = {**document["document"], "metadata": {BUDGET: limits}}
    return document


@pytest.fixture
def spend(document):
    """A function that runs two calls of an agent on a budget."""

    async def go(agent, **limits):
        tasks = [
            {"t": {"try": yaml.safe_load(ASK % ""), "catch": {}}},
            *yaml.safe_load((ASK % "").replace(".q", '"b"')),
        ]
        made = budget(document(yaml.safe_dump(tasks)), **limits)
        return await MemoryEngine(WorkflowProgram(), {"agent_call": agent}).run({"document": made, "input": {"q": "a"}})

    return go


@pytest.mark.parametrize("limits", [{"maxCostMicros": 10}, {"maxTotalTokens": 10}])
async def test_a_run_over_its_budget_fails_and_nothing_catches_that(spend, limits):
    """After the call that was too much; the second is not made."""
    agent = Agent(ending(cost=11, tokens=11))
    outcome = await spend(agent, **limits)

    assert (len(agent.asked), outcome.failure.title) == (1, "Runtime Error")
    assert "the budget is exceeded: 11 micros and 11 tokens" in outcome.failure.detail


async def test_a_budget_that_is_used_up_begins_nothing(spend):
    """It was not exceeded, and nothing is left."""
    agent = Agent(ending(cost=10))
    outcome = await spend(agent, maxCostMicros=10)

    assert (len(agent.asked), outcome.failure.detail.partition(":")[0]) == (1, "the budget is used up")


async def test_an_agent_is_told_what_is_left(spend):
    """So that it stops in time; the log has a line for each check."""
    agent = Agent(ending(cost=4), ending(cost=4))
    outcome = await spend(agent, maxCostMicros=10)

    assert [arguments["costLeftMicros"] for _, arguments in agent.asked] == [10, 6]
    checks = [event["budgetCheckpoint"] for status in outcome.statuses for event in status["events"]
              if event["eventType"] == "budget_checkpoint"]  # fmt: skip
    assert [check["costRemainingMicros"] for check in checks] == [6, 2]


async def test_a_warning_is_all_where_the_document_says_so(spend):
    """The run goes on."""
    outcome = await spend(Agent(ending(cost=20), ending(cost=20)), maxCostMicros=10, onExceeded="warn")

    assert outcome.output == "fine"
    assert any(
        event.get("budgetCheckpoint", {}).get("thresholdBreached") for s in outcome.statuses for event in s["events"]
    )


async def test_a_model_cannot_be_asked_yet(run):
    """A configuration error says so; it can be caught like any other."""
    outcome = await run("[{a: {call: 'stigmer:llm', with: {model: m, prompt: p}}}]")

    assert outcome.failure.type.endswith("configuration")
    assert not any(isinstance(command, CallActivity) for command in outcome.commands)


@pytest.mark.parametrize(
    ("call", "arguments", "pointer"),
    [
        ("agent", "{agent: a}", "/do/0/a/with"),
        ("agent", "{agent: a, message: m, model: x}", "/do/0/a/with/model"),
        ("agent", "{agent: a, message: m, output: {}}", "/do/0/a/with/output/schema"),
        ("agent", "{agent: a, message: m, output: {schema: {type: 1}}}", "/do/0/a/with/output/schema/type"),
        ("agent", "{agent: a, message: m, output: {schema: {}, retries: 9}}", "/do/0/a/with/output/retries"),
        ("agent", "{agent: a, message: m, output: {schema: {}, onFail: fallback}}", "/do/0/a/with/output"),
        ("llm", "{model: m}", "/do/0/a/with"),
        ("llm", "{model: m, subject: s, rubric: r, onFail: retry}", "/do/0/a/with/onFail"),
        ("activity", "{}", "/do/0/a/with"),
        ("activity", "{activity: shell, input: {command: ls}}", "/do/0/a/with/activity"),
        ("workflow", "{input: {}}", "/do/0/a/with"),
        ("deliver", "{targets: [{pigeon: {}}]}", "/do/0/a/with/targets/0"),
        ("notify", "{message: m}", "/do/0/a/with/recipients"),
    ],
)
def test_a_wrong_call_is_refused_at_its_place(document, call, arguments, pointer):
    """Before anything runs."""
    made = document(f"[{{a: {{call: 'stigmer:{call}', with: {arguments}}}}}]")

    assert pointer in [problem.pointer for problem in check(made)]


@pytest.mark.parametrize("limits", [{"maxCostMicros": 0}, {"onExceeded": "shrug"}, {"other": 1}])
def test_a_wrong_budget_is_refused_at_its_place(document, limits):
    """A limit is held or the document is refused."""
    (problem,) = check(budget(document("[{a: {set: {x: 1}}}]"), **limits))

    assert problem.pointer == f"/document/metadata/stigmer.ai~1budget/{next(iter(limits))}"
