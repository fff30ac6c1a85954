"""Child workflows that outlive their parent's run, and are reported if they vanish (C21)."""

import asyncio
from collections.abc import Callable
from typing import Any

from temporalio import workflow
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import ChildWorkflowError, FailureError, WorkflowAlreadyStartedError

with workflow.unsafe.imports_passed_through():
    from domain.base.values import Kind
    from domain.model.starts import Start


class ChildItems:
    """Items that this workflow run started as children."""

    def __init__(self) -> None:
        """Begin without children."""
        self._watching: list[asyncio.Task[None]] = []

    async def start(
        self,
        kind: Kind,
        start: Start,
        reference: str,
        title: str,
        on_vanished: Callable[[str], None],
    ) -> bool:
        """Start an item; return whether it exists, also if it had been started before.

        `on_vanished` gets the reason if the item cannot be started, or ends abnormally (terminated
        or failed). It is not called after this run continued as new: `fsck` detects those.
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
            on_vanished(f"could not be started: {error.message}")
            return False
        self._watching.append(asyncio.create_task(_watch(child, on_vanished)))
        return True


async def _watch(
    child: workflow.ChildWorkflowHandle[Any, Any], on_vanished: Callable[[str], None]
) -> None:
    try:
        await child
    except ChildWorkflowError as error:
        on_vanished(f"vanished: {(error.cause or error).args[0]}")
