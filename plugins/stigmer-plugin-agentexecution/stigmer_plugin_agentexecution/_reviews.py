"""File reviews: decisions about captured changes, by set or by file, and their ledger."""

from __future__ import annotations

from typing import Any

from ai.stigmer.agentic.agentexecution.v1 import enum_pb2 as pb
from ai.stigmer.agentic.agentexecution.v1 import filereview_pb2 as files

from stigmer_core.errors import FailedPreconditionError, InvalidArgumentError

_OPEN = (pb.FILE_CHANGE_SET_STATUS_CAPTURING, pb.FILE_CHANGE_SET_STATUS_AWAITING_REVIEW)


def merge_change_sets(current: Any, reported: Any) -> None:
    """Take reported change sets over by id; the decisions about them are the server's and stay."""
    places = {change_set.id: index for index, change_set in enumerate(current.file_change_sets)}
    for change_set in reported.file_change_sets:
        place = places.get(change_set.id)
        if place is None:
            places[change_set.id] = len(current.file_change_sets)
            current.file_change_sets.add().CopyFrom(change_set)
            current.file_change_sets[-1].ClearField("decisions")
            continue
        kept = current.file_change_sets[place]
        decisions, decided = list(kept.decisions), kept.status not in _OPEN
        status = kept.status if decided and change_set.status in _OPEN else change_set.status
        kept.CopyFrom(change_set)
        kept.ClearField("decisions")
        kept.decisions.extend(decisions)
        kept.status = status


def reviews_pending(status: Any) -> bool:
    """Return whether some change set waits for a person."""
    return any(one.status == pb.FILE_CHANGE_SET_STATUS_AWAITING_REVIEW for one in status.file_change_sets)


def decide(execution: Any, request: Any, actor: str, now: str) -> bool:
    """Record a decision; return False when it was made like this before.

    Raises:
        InvalidArgumentError: there is no such change set or file.
        FailedPreconditionError: it does not wait for a review, its content is another one by now, it was decided
            differently, or it cannot be reviewed and that is not acknowledged.
    """
    change_set = _change_set(execution, request)
    change = _file(change_set, request)
    target = request.file_change_id if change is not None else ""
    for before in change_set.decisions:
        if before.scope == request.scope and before.file_change_id == target:
            if before.action == request.action:
                return False
            raise FailedPreconditionError(f"change set {change_set.id} was decided before, differently")
    _require_reviewable(change_set, change, request)
    decision = change_set.decisions.add(
        id=f"{change_set.id}/decision/{len(change_set.decisions) + 1}",
        change_set_id=change_set.id,
        scope=request.scope,
        file_change_id=target,
        action=request.action,
        expected_digest=request.expected_digest,
        reviewer_id=actor,
        decided_at=now,
        reason=request.reason,
        acknowledge_unreviewable=request.acknowledge_unreviewable,
        origin=pb.FILE_DECISION_ORIGIN_USER,
    )
    _log(execution, decision, actor, now)
    if _is_decided(change_set):
        change_set.status = pb.FILE_CHANGE_SET_STATUS_DECIDED
    return True


def _change_set(execution: Any, request: Any) -> Any:
    for change_set in execution.status.file_change_sets:
        if change_set.id == request.change_set_id:
            return change_set
    raise InvalidArgumentError(f"execution {execution.metadata.id} has no change set {request.change_set_id}")


def _file(change_set: Any, request: Any) -> Any:
    if request.scope == pb.FILE_DECISION_SCOPE_CHANGE_SET:
        return None
    for change in change_set.changes:
        if change.id == request.file_change_id:
            return change
    raise InvalidArgumentError(f"change set {change_set.id} has no file change {request.file_change_id!r}")


def _require_reviewable(change_set: Any, change: Any, request: Any) -> None:
    if change_set.status != pb.FILE_CHANGE_SET_STATUS_AWAITING_REVIEW:
        name = str(pb.FileChangeSetStatus.Name(change_set.status))
        raise FailedPreconditionError(f"change set {change_set.id} is in {name}: it does not wait for a review")
    digest = change_set.aggregate_digest if change is None else change.file_digest
    if request.expected_digest != digest:
        raise FailedPreconditionError(
            f"expected_digest {request.expected_digest} is not the content that waits ({digest}): look at it again"
        )
    concerned = change_set.changes if change is None else [change]
    blocked = [one.path_after or one.path_before for one in concerned if one.blocked_reason]
    approving = request.action == pb.FILE_DECISION_ACTION_APPROVE
    if blocked and approving and not request.acknowledge_unreviewable:
        raise FailedPreconditionError(
            f"{', '.join(blocked)} cannot be reviewed: approve with acknowledge_unreviewable, or reject"
        )


def _is_decided(change_set: Any) -> bool:
    decided = {decision.file_change_id for decision in change_set.decisions}
    return "" in decided or {change.id for change in change_set.changes} <= decided


def _log(execution: Any, decision: Any, actor: str, now: str) -> None:
    stream = execution.status.file_review_event_stream
    stream.execution_id = execution.metadata.id
    event = files.FileReviewEvent(
        event_id=f"{execution.metadata.id}/review/{len(stream.events) + 1}",
        change_set_id=decision.change_set_id,
        event_type=pb.FILE_REVIEW_EVENT_TYPE_FILE_DECIDED,
        timestamp=now,
        actor=actor,
    )
    event.file_decided.CopyFrom(decision)
    stream.events.append(event)
