"""Attempts to deliver a webhook's events, as the activity makes them, on SQLite and PostgreSQL."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine
from standardwebhooks import Webhook
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.webhooks import WebhookSender, http_client
from auth import api_keys
from auth.callers import Scope
from store.auth.api_keys import revoke_key
from store.projection.writer import GroupWriter
from store.schema.webhook_tables import ALL_QUEUES, DeliveryStatus, WebhookRow
from store.webhooks.deliveries import fan_out, read_delivery_log
from store.webhooks.subscriptions import add_webhook, get_webhook
from tests.support.databases import *  # noqa: F403 - fixtures
from tests.support.publications import make_publication, next_version, ticket, write_all
from tests.support.webhook_receiver import WebhookReceiver, webhook_receiver

NOW = datetime.now(UTC)


def a_webhook(receiver: WebhookReceiver, **fields: Any) -> WebhookRow:  # noqa: ANN401
    start_fields: dict[str, Any] = {
        "id": "h1",
        "url": receiver.url,
        "secret": "whsec_x",
        "kinds": [],
        "queues": [ALL_QUEUES],
        "statuses": [],
        "made_by": "service:erp",
        "made_at": NOW,
    }
    return WebhookRow(**start_fields | fields)


async def attempt(engine: Engine, *, after: timedelta = timedelta()) -> None:
    """Fan out events and make an attempt, this long after now."""
    fan_out(engine)
    async with http_client() as http:
        sender = WebhookSender(engine, http, lambda: datetime.now(UTC) + after)
        await ActivityEnvironment().run(sender.send_queued, "h1")


async def test_a_webhook_whose_key_is_revoked_is_sent_nothing_and_switched_off(
    engine: Engine, writer: GroupWriter
) -> None:
    _, key = api_keys.make(
        engine, "service:erp", scopes={Scope.HOOKS}, queues={"*"}, by="olga", lasts=None
    )
    async with webhook_receiver() as receiver:
        add_webhook(engine, a_webhook(receiver, key=key.id))
        write_all(writer.put, make_publication(ticket("T-1")))
        await attempt(engine)
        assert len(receiver.accepted) == 1
        revoke_key(engine, key.id)
        write_all(writer.put, make_publication(ticket("T-2")))
        await attempt(engine)
        assert len(receiver.attempted) == 1
    assert get_webhook(engine, "h1").off_because == "its key is revoked or expired"
    assert read_delivery_log(engine, "h1").deliveries[0].status is DeliveryStatus.GIVEN_UP


async def test_a_change_that_is_not_accepted_for_a_day_is_given_up_and_the_next_one_is_sent(
    engine: Engine, writer: GroupWriter
) -> None:
    first = ticket("T-1")
    async with webhook_receiver() as receiver:
        receiver.answer = lambda delivery: 500 if delivery["item"]["reference"] == "T-1" else 200
        add_webhook(engine, a_webhook(receiver))
        write_all(writer.put, make_publication(first), make_publication(next_version(first)))
        with pytest.raises(ApplicationError):
            await attempt(engine)
        write_all(writer.put, make_publication(ticket("T-2")))
        with pytest.raises(ApplicationError):
            await attempt(
                engine, after=timedelta(hours=23)
            )  # accepts T-2: the webhook is not failing
        receiver.answer = lambda _delivery: 200
        await attempt(engine, after=timedelta(hours=25))
    assert [each["entry"]["serial"] for each in receiver.accepted_of("T-1")] == [2]
    log = {
        (each.reference, each.serial): each.status
        for each in read_delivery_log(engine, "h1").deliveries
    }
    assert log[("T-1", 1)] is DeliveryStatus.GIVEN_UP
    assert log[("T-1", 2)] is log[("T-2", 1)] is DeliveryStatus.DELIVERED
    assert get_webhook(engine, "h1").off_at is None


async def test_a_receiver_that_does_not_answer_is_a_recorded_failure(
    engine: Engine, writer: GroupWriter
) -> None:
    async with webhook_receiver() as receiver:
        pass
    add_webhook(engine, a_webhook(receiver))
    write_all(writer.put, make_publication(ticket("T-1")))
    with pytest.raises(ApplicationError, match="did not accept"):
        await attempt(engine)
    (failed,) = read_delivery_log(engine, "h1").deliveries
    assert (failed.status, failed.tries, failed.answered) == (DeliveryStatus.QUEUED, 1, None)
    assert (failed.last_error or "").startswith("ConnectError")
    assert get_webhook(engine, "h1").failing_since is not None


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
    async with webhook_receiver() as receiver:
        add_webhook(engine, a_webhook(receiver, secret=secret))
        write_all(writer.put, make_publication(ticket("T-1", title="Rechnung fehlt — прошу")))
        await attempt(engine)
    (body,), (headers,) = receiver.bodies, receiver.headers
    delivery = Webhook(secret.encode() if key is None else key).verify(body, headers)
    assert delivery["item"]["title"] == "Rechnung fehlt — прошу"
    assert headers["webhook-id"] == delivery["id"]
    assert "casekeep-signature" not in headers


async def test_a_delivery_that_is_sent_again_has_its_id_and_a_time_of_its_own(
    engine: Engine, writer: GroupWriter
) -> None:
    async with webhook_receiver() as receiver:
        receiver.answer = lambda _delivery: 500
        add_webhook(engine, a_webhook(receiver))
        write_all(writer.put, make_publication(ticket("T-1")))
        for minutes in (0, 3):
            with pytest.raises(ApplicationError):
                await attempt(engine, after=timedelta(minutes=minutes))
    first, second = receiver.headers
    assert first["webhook-id"] == second["webhook-id"]
    assert 170 < int(second["webhook-timestamp"]) - int(first["webhook-timestamp"]) < 300
    assert first["webhook-signature"] != second["webhook-signature"]


async def test_a_webhook_that_was_deleted_is_sent_nothing(engine: Engine) -> None:
    await attempt(engine)
