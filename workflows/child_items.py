"""Children that outlive the run which started them, and are missed if they vanish (C21)."""

import asyncio
from collections.abc import Callable
from typing import Any

from temporalio import workflow
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import ChildWorkflowError, FailureError, WorkflowAlreadyStartedError

with workflow.unsafe.imports_passed_through():
    from domain.base.values import Kind
    from domain.model.starts import Start


class Children:
    """The items that this run started."""

    def __init__(self) -> None:
        """None is started yet."""
        self._watching: list[asyncio.Task[None]] = []

    async def start(
        self, kind: Kind, start: Start, reference: str, title: str, vanished: Callable[[str], None]
    ) -> bool:
        """Start an item; whether it is there. One that was started before counts as started.

        `vanished` is told why, if it cannot be started, or ends as no item does: terminated, or
        failed. After a renewal, `fsck` notices that.
        """
        try:
            child: Any = await workflow.start_child_workflow(
                kind.value,
                start,
                id=reference,
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
                static_summary=title,
            )
        except WorkflowAlreadyStartedError:
            return True
        except FailureError as error:
            vanished(f"could not be started: {error.message}")
            return False
        self._watching.append(asyncio.create_task(_watch(child, vanished)))
        return True


async def _watch(
    child: workflow.ChildWorkflowHandle[Any, Any], vanished: Callable[[str], None]
) -> None:
    try:
        await child
    except ChildWorkflowError as error:
        vanished(f"vanished: {(error.cause or error).args[0]}")
