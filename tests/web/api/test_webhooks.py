"""Webhooks on a real server: signed, in order, retried, never lost, disabled after failures."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from sqlalchemy import select, update
from standardwebhooks import Webhook, WebhookVerificationError

from store.engine import write_connection
from store.schema.tables import entry
from store.schema.webhook_tables import webhook, webhook_change
from store.webhooks.deliveries import fan_out
from tests.support.api_fixture import Api, JsonObject, random_reference, running_api
from tests.support.process_stack import assert_eventually
from tests.support.webhook_receiver import WebhookReceiver, webhook_receiver

pytestmark = pytest.mark.xdist_group("api-hooks")


@pytest_asyncio.fixture(scope="module")
async def api(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    async with running_api(tmp_path_factory.mktemp("hooks")) as served:
        yield served


async def make_webhook(api: Api, receiver: WebhookReceiver, **fields: object) -> JsonObject:
    answer = await api.post("/hooks", {"url": receiver.url} | fields)
    assert answer.status_code == 201, answer.text
    created: JsonObject = answer.json()
    return created


async def log_of(api: Api, id_: str) -> list[JsonObject]:
    deliveries: list[JsonObject] = (await api.get(f"/hooks/{id_}/deliveries")).json()["deliveries"]
    return deliveries


async def test_changes_are_delivered_signed_and_in_order(api: Api) -> None:
    queue = random_reference("q")
    async with webhook_receiver() as receiver:
        new = await make_webhook(api, receiver, queues=[queue])
        reference = (await api.ticket(queue=queue))["reference"]
        await api.ticket(queue=random_reference("q"))
        for number in range(5):
            await api.post(f"/items/{reference}/add_note", {"text": f"note {number}"})

        async def delivered() -> None:
            assert len(receiver.accepted_of(reference)) == 6

        await assert_eventually(delivered)
        assert [each["entry"]["revision"] for each in receiver.accepted] == [1, 2, 3, 4, 5, 6]
        assert receiver.accepted[0]["entry"]["to"] == "TO_DO"
        signer, stranger = Webhook(new["secret"]), Webhook(b"another")
        for body, headers in zip(receiver.bodies, receiver.headers, strict=True):
            assert signer.verify(body, headers)["id"] == headers["webhook-id"]
            with pytest.raises(WebhookVerificationError):
                stranger.verify(body, headers)
            with pytest.raises(WebhookVerificationError):
                signer.verify(body + b" ", headers)

        async def logged() -> None:
            log = await log_of(api, new["id"])
            assert [each["serial"] for each in log] == [6, 5, 4, 3, 2, 1]
            assert {(each["status"], each["answered"]) for each in log} == {("delivered", 204)}

        await assert_eventually(logged)
        assert (await api.post("/hooks", {"url": receiver.url})).status_code == 201
        for known in (await api.get("/hooks")).json()["hooks"]:
            assert "secret" not in known
            async with api.client() as client:
                assert (await client.delete(f"/hooks/{known['id']}")).status_code == 204
        assert (await api.get(f"/hooks/{new['id']}")).status_code == 404


async def test_only_changes_that_pass_the_filters_are_delivered(api: Api) -> None:
    queue = random_reference("q")
    async with webhook_receiver() as receiver:
        new = await make_webhook(
            api, receiver, queues=[queue], kinds=["Ticket"], statuses=["CLOSED"]
        )
        reference = (await api.ticket(queue=queue))["reference"]
        await api.case(queue=queue)
        await api.post(f"/items/{reference}/resolve", {"method": "rejected_as_spam"})

        async def delivered() -> None:
            assert receiver.accepted

        await assert_eventually(delivered)
        assert [each["entry"]["to"] for each in receiver.accepted] == ["CLOSED"]
        assert len(await log_of(api, new["id"])) == 1


async def test_a_refused_delivery_is_repeated_before_the_item_s_next_one(api: Api) -> None:
    queue = random_reference("q")
    refusals = [503, 500, 302]
    async with webhook_receiver() as receiver:
        receiver.answer = lambda _delivery: refusals.pop() if refusals else 200
        new = await make_webhook(api, receiver, queues=[queue])
        reference = (await api.ticket(queue=queue))["reference"]
        await api.post(f"/items/{reference}/add_note", {"text": "next"})

        async def delivered() -> None:
            assert len(receiver.accepted) == 2

        await assert_eventually(delivered)
        assert [each["entry"]["revision"] for each in receiver.attempted] == [1, 1, 1, 1, 2]
        assert len({each["id"] for each in receiver.attempted}) == 2

        async def logged() -> None:
            log = await log_of(api, new["id"])
            assert [each["tries"] for each in log] == [1, 4]
            read = (await api.get(f"/hooks/{new['id']}")).json()
            assert read["failing_since"] is None

        await assert_eventually(logged)


async def test_an_item_that_fails_delays_no_other(api: Api) -> None:
    queue = random_reference("q")
    async with webhook_receiver() as receiver:
        await make_webhook(api, receiver, queues=[queue])
        bad = random_reference()
        receiver.answer = lambda delivery: 500 if delivery["item"]["reference"] == bad else 200
        await api.ticket(queue=queue, reference=bad)
        good = (await api.ticket(queue=queue))["reference"]

        async def delivered() -> None:
            assert receiver.accepted_of(good)
            assert not receiver.accepted_of(bad)

        await assert_eventually(delivered)
        receiver.answer = lambda _delivery: 200

        async def all_delivered() -> None:
            assert receiver.accepted_of(bad)

        await assert_eventually(all_delivered)


@pytest.mark.parametrize("is_fanned_out", [False, True])
async def test_a_change_that_waits_when_a_worker_starts_is_delivered(
    api: Api, *, is_fanned_out: bool
) -> None:
    queue = random_reference("q")
    reference = (await api.ticket(queue=queue))["reference"]
    await api.running_stack.stack.kill_worker()
    async with webhook_receiver() as receiver:
        await make_webhook(api, receiver, queues=[queue])
        with write_connection(api.running_stack.engine) as connection:
            # as the trigger does; a worker died before it read the row, or notified anybody
            run = connection.scalar(select(entry.c.run).where(entry.c.reference == reference))
            connection.execute(
                webhook_change.insert(), {"reference": reference, "run": run, "serial": 1}
            )
        if is_fanned_out:
            assert len(await asyncio.to_thread(fan_out, api.running_stack.engine)) == 1
        await api.running_stack.revive()

        async def delivered() -> None:
            assert [each["entry"]["serial"] for each in receiver.accepted_of(reference)] == [1]

        await assert_eventually(delivered)


async def test_no_change_is_lost_when_worker_and_server_are_killed(api: Api) -> None:
    queue = random_reference("q")
    async with webhook_receiver() as receiver:
        await make_webhook(api, receiver, queues=[queue])
        reference = (await api.ticket(queue=queue))["reference"]
        receiver.answer = lambda _delivery: 503

        async def tried() -> None:
            assert receiver.attempted

        await assert_eventually(tried)
        for number in range(3):
            await api.post(f"/items/{reference}/add_note", {"text": f"note {number}"})
        await api.running_stack.kill_all()
        receiver.answer = lambda _delivery: 200
        await api.running_stack.revive()

        async def delivered() -> None:
            revisions = [each["entry"]["revision"] for each in receiver.accepted_of(reference)]
            assert sorted(set(revisions)) == [1, 2, 3, 4]
            assert revisions == sorted(revisions)

        await assert_eventually(delivered)


async def test_a_webhook_that_accepted_nothing_for_a_day_is_switched_off_visibly(api: Api) -> None:
    queue = random_reference("q")
    async with webhook_receiver() as receiver:
        receiver.answer = lambda _delivery: 500
        new = await make_webhook(api, receiver, queues=[queue])
        await api.ticket(queue=queue)

        async def failing() -> None:
            read = (await api.get(f"/hooks/{new['id']}")).json()
            assert read["failing_since"] is not None

        await assert_eventually(failing)
        with write_connection(api.running_stack.engine) as connection:
            connection.execute(
                update(webhook)
                .where(webhook.c.id == new["id"])
                .values(failing_since=datetime.now(UTC) - timedelta(hours=25))
            )

        async def off() -> None:
            read = (await api.get(f"/hooks/{new['id']}")).json()
            assert read["off_at"] is not None
            assert read["off_because"].startswith("accepted nothing since")
            (given_up,) = await log_of(api, new["id"])
            assert given_up["status"] == "given_up"
            assert given_up["last_error"].startswith("answered 500")

        await assert_eventually(off)
        tried = len(receiver.attempted)
        await api.ticket(queue=queue)
        await asyncio.to_thread(fan_out, api.running_stack.engine)
        assert len(receiver.attempted) == tried


async def test_a_receiver_that_answers_gone_is_switched_off(api: Api) -> None:
    queue = random_reference("q")
    async with webhook_receiver() as receiver:
        receiver.answer = lambda _delivery: 410
        new = await make_webhook(api, receiver, queues=[queue])
        await api.ticket(queue=queue)

        async def off() -> None:
            read = (await api.get(f"/hooks/{new['id']}")).json()
            assert read["off_because"] == "answered 410 Gone"

        await assert_eventually(off)


@pytest.mark.parametrize(
    "url",
    [
        "http://erp.example.org/webhook",
        "http://10.0.0.1/webhook",
        "https://169.254.169.254/latest/meta-data",
        "https://[fe80::1]/x",
        "https://[::ffff:169.254.169.254]/x",
        "https://[fd00:ec2::254]/x",
        "https://0.0.0.0/x",
        "https://224.0.0.1/x",
        "https://me:secret@erp.example.org/x",
        "https://erp.example.org:0/x",
        "https://erp.example.org:99999/x",
        "ftp://erp.example.org/x",
        "https://",
        "https://[::1",
        "https://erp.example.org/a b",
        "not a url",
        "",
        4,
    ],
)
async def test_a_refused_target_is_told_by_field(api: Api, url: object) -> None:
    answer = await api.post("/hooks", {"url": url})
    assert answer.status_code == 422, answer.text
    assert answer.json()["fields"] == ["url"]


async def test_webhooks_belong_to_their_creators(api: Api) -> None:
    async with webhook_receiver() as receiver:
        new = await make_webhook(api, receiver)
        assert (await api.get(f"/hooks/{new['id']}", "crm")).status_code == 403
        assert (await api.get(f"/hooks/{new['id']}", "olga")).status_code == 200
        assert (await api.get("/hooks", "amy")).status_code == 403
        theirs = await api.post("/hooks", {"url": receiver.url}, "stranger")
        assert theirs.json()["queues"] == ["elsewhere"]
        foreign = {"url": receiver.url, "queues": ["billing"]}
        assert (await api.post("/hooks", foreign, "stranger")).status_code == 403
