"""Webhook subscriptions: create, find, switch off and delete them."""

from datetime import datetime

from sqlalchemy import Engine
from sqlmodel import col, delete, select, update

from store.auth.api_keys import find_key
from store.engine import read_session, write_session
from store.errors import StoreError
from store.items.paging import storable_text
from store.schema.auth_tables import AccountRow
from store.schema.webhook_tables import QUEUED, DeliveryStatus, WebhookDeliveryRow, WebhookRow


class UnknownWebhook(StoreError):
    """No webhook has this id."""


def add_webhook(engine: Engine, webhook: WebhookRow) -> None:
    """Add a webhook; changes from now on are delivered to it."""
    with write_session(engine) as session:
        session.add(webhook)


def get_webhook(engine: Engine, webhook_id: str) -> WebhookRow:
    """Return the webhook of this id; raises UnknownWebhook."""
    with read_session(engine) as session:
        webhook = session.get(WebhookRow, storable_text(webhook_id))
    if webhook is None:
        raise UnknownWebhook(
            f"webhook {webhook_id[:40]}: there is none; list yours to see their ids"
        )
    return webhook


def list_webhooks(engine: Engine, *, made_by: str | None = None) -> tuple[WebhookRow, ...]:
    """Return the webhooks that an actor created, oldest first; None: all."""
    wanted = select(WebhookRow).order_by(col(WebhookRow.made_at), WebhookRow.id)
    if made_by is not None:
        wanted = wanted.where(WebhookRow.made_by == storable_text(made_by))
    with read_session(engine) as session:
        return tuple(session.exec(wanted))


def is_creator_entitled(engine: Engine, webhook: WebhookRow, at: datetime) -> bool:
    """Return False once its creator's key is revoked or expired, or the person is disabled."""
    if webhook.key is not None:
        key = find_key(engine, webhook.key)
        return key is not None and key.is_valid(at)
    with read_session(engine) as session:
        account = session.get(AccountRow, webhook.made_by)
    return account is None or account.disabled_at is None


def remove_webhook(engine: Engine, webhook_id: str) -> None:
    """Delete a webhook with its delivery log."""
    with write_session(engine) as session:
        session.exec(delete(WebhookRow).where(col(WebhookRow.id) == storable_text(webhook_id)))
        session.exec(
            delete(WebhookDeliveryRow).where(
                col(WebhookDeliveryRow.hook) == storable_text(webhook_id)
            )
        )


def switch_off_webhook(engine: Engine, webhook_id: str, *, reason: str, at: datetime) -> None:
    """Switch a webhook off, and give its queued deliveries up; again changes nothing."""
    with write_session(engine) as session:
        webhook = session.get(WebhookRow, webhook_id, with_for_update=True)
        if webhook is not None and webhook.off_at is None:
            webhook.off_at, webhook.off_because = at, reason
        session.exec(
            update(WebhookDeliveryRow)
            .where(col(WebhookDeliveryRow.hook) == webhook_id, QUEUED)
            .values(status=DeliveryStatus.GIVEN_UP.value)
        )
