"""One attempt at telling a hook, as the activity makes it; on SQLite and PostgreSQL."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine
from standardwebhooks import Webhook
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.webhooks import HookDeliveries, client
from auth import api_keys
from auth.callers import Scope
from store.auth.api_keys import revoke
from store.projection.writer import GroupWriter
from store.schema.webhook_tables import DeliveryStatus
from store.webhooks.deliveries import deliveries, fan_out
from store.webhooks.subscriptions import Hook, add, hook_of
from tests.support.databases import *  # noqa: F403 - fixtures
from tests.support.publications import later, news, ticket, written
from tests.support.webhook_receiver import Receiver, receiving

NOW = datetime.now(UTC)


def a_hook(receiver: Receiver, **fields: Any) -> Hook:  # noqa: ANN401
    given: dict[str, Any] = {
        "id": "h1",
        "url": receiver.url,
        "secret": "whsec_x",
        "kinds": (),
        "queues": ("*",),
        "statuses": (),
        "made_by": "service:erp",
        "made_at": NOW,
    }
    return Hook(**given | fields)


async def tell(engine: Engine, *, after: timedelta = timedelta()) -> None:
    """Make an attempt, so long after now."""
    fan_out(engine)
    async with client() as http:
        telling = HookDeliveries(engine, http, lambda: datetime.now(UTC) + after)
        await ActivityEnvironment().run(telling.tell, "h1")


async def test_a_hook_whose_key_is_revoked_is_told_nothing_and_switched_off(
    engine: Engine, writer: GroupWriter
) -> None:
    _, key = api_keys.make(
        engine, "service:erp", scopes={Scope.HOOKS}, queues={"*"}, by="olga", lasts=None
    )
    async with receiving() as receiver:
        add(engine, a_hook(receiver, key=key.id))
        written(writer.put, news(ticket("T-1")))
        await tell(engine)
        assert len(receiver.taken) == 1
        revoke(engine, key.id)
        written(writer.put, news(ticket("T-2")))
        await tell(engine)
        assert len(receiver.tried) == 1
    assert hook_of(engine, "h1").off_because == "its key is revoked or expired"
    assert deliveries(engine, "h1").deliveries[0].status is DeliveryStatus.GIVEN_UP


async def test_a_change_that_is_not_taken_for_a_day_is_given_up_and_the_next_one_is_told(
    engine: Engine, writer: GroupWriter
) -> None:
    first = ticket("T-1")
    async with receiving() as receiver:
        receiver.answer = lambda told: 500 if told["item"]["reference"] == "T-1" else 200
        add(engine, a_hook(receiver))
        written(writer.put, news(first), news(later(first)))
        with pytest.raises(ApplicationError):
            await tell(engine)
        written(writer.put, news(ticket("T-2")))
        with pytest.raises(ApplicationError):
            await tell(engine, after=timedelta(hours=23))  # takes T-2: the hook does not fail
        receiver.answer = lambda _told: 200
        await tell(engine, after=timedelta(hours=25))
    assert [told["entry"]["serial"] for told in receiver.of("T-1")] == [2]
    log = {
        (each.reference, each.serial): each.status for each in deliveries(engine, "h1").deliveries
    }
    assert log[("T-1", 1)] is DeliveryStatus.GIVEN_UP
    assert log[("T-1", 2)] is log[("T-2", 1)] is DeliveryStatus.DELIVERED
    assert hook_of(engine, "h1").off_at is None


async def test_a_receiver_that_does_not_answer_is_a_failure_that_is_told(
    engine: Engine, writer: GroupWriter
) -> None:
    async with receiving() as receiver:
        pass
    add(engine, a_hook(receiver))
    written(writer.put, news(ticket("T-1")))
    with pytest.raises(ApplicationError, match="did not take"):
        await tell(engine)
    (failed,) = deliveries(engine, "h1").deliveries
    assert (failed.status, failed.tries, failed.answered) == (DeliveryStatus.QUEUED, 1, None)
    assert (failed.last_error or "").startswith("ConnectError")
    assert hook_of(engine, "h1").failing_since is not None


@pytest.mark.parametrize(
    ("secret", "key"),
    [
        # the specification's own example
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        # made before secrets were base64: 43 characters, URL-safe or by chance not
        ("whsec_-h2OTZNvq0zJyQ1pGmAa7oEzFsPt_5uWc9K0aBdRxYI", None),
        ("whsec_Ah2OTZNvq0zJyQ1pGmAa7oEzFsPtX5uWc9K0aBdRxYI", None),
        ("a secret that somebody wrote into the table", None),
        ("c2VjcmV0IHdpdGhvdXQgYSBwcmVmaXg=", None),
    ],
)
async def test_a_delivery_is_verified_by_the_standard_package(
    engine: Engine, writer: GroupWriter, secret: str, key: str | None
) -> None:
    async with receiving() as receiver:
        add(engine, a_hook(receiver, secret=secret))
        written(writer.put, news(ticket("T-1", title="Rechnung fehlt — прошу")))
        await tell(engine)
    (body,), (headers,) = receiver.bodies, receiver.headers
    told = Webhook(secret.encode() if key is None else key).verify(body, headers)
    assert told["item"]["title"] == "Rechnung fehlt — прошу"
    assert headers["webhook-id"] == told["id"]
    assert "casekeep-signature" not in headers


async def test_a_delivery_that_is_sent_again_has_its_id_and_a_time_of_its_own(
    engine: Engine, writer: GroupWriter
) -> None:
    async with receiving() as receiver:
        receiver.answer = lambda _told: 500
        add(engine, a_hook(receiver))
        written(writer.put, news(ticket("T-1")))
        for minutes in (0, 3):
            with pytest.raises(ApplicationError):
                await tell(engine, after=timedelta(minutes=minutes))
    first, second = receiver.headers
    assert first["webhook-id"] == second["webhook-id"]
    assert 170 < int(second["webhook-timestamp"]) - int(first["webhook-timestamp"]) < 300
    assert first["webhook-signature"] != second["webhook-signature"]


async def test_a_hook_that_is_gone_is_told_nothing(engine: Engine) -> None:
    await tell(engine)
