"""Visitors whose site proves who they are, and everything wrong with a proof."""

import base64
import json
import re
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillWaiting
from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse

from chat.identity import open_secret
from chat.models import Conversation, IdentitySecret, Message, VisitorToken, Widget
from chat.services.identity_secrets import (
    MAX_SECRETS,
    NewIdentitySecret,
    add_identity_secret,
    end_identity_secret,
)
from chat.services.visitors import extend_visit
from crm.core import stores
from crm.customers.models import Customer
from crm.customers.services import update_customer
from crm.organizations.models import Membership

SESSIONS = "/api/v1/widget/sessions"
SNIPPETS = Path(__file__).resolve().parents[2] / "templates" / "chat" / "settings"


@pytest.fixture
def secret(owner: Membership, widget: Widget) -> NewIdentitySecret:
    return add_identity_secret(by=owner, widget_id=widget.pk)


def signed(made: NewIdentitySecret, subject: str = "user-7", **changes: Any) -> str:
    """Sign what a site would; None takes a claim out."""
    now = int(time.time())
    key, algorithm = changes.pop("key", made.text), changes.pop("algorithm", "HS256")
    kid = changes.pop("kid", made.secret.kid)
    claims = {
        "sub": subject,
        "aud": made.secret.widget.site_key,
        "iat": now,
        "exp": now + 300,
        "jti": f"{subject}-{time.perf_counter_ns()}",
    } | changes
    kept = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(kept, key, algorithm=algorithm, headers={"kid": kid} if kid else {})


def visit(widget: Widget, identity: Any = None, token: str | None = None, **extra: Any):
    body = {"site_key": widget.site_key, "identity": identity, "visitor_token": token}
    return Client().post(SESSIONS, body, content_type="application/json", **extra)


def write(session: dict[str, Any], text: str) -> dict[str, Any]:
    answer = Client().post(
        "/api/v1/streams/new/messages",
        {"content": {"type": "text", "text": text}},
        content_type="application/json",
        headers={
            "Authorization": f"Bearer {session['visitor_token']}",
            "Idempotency-Key": f"m-{time.perf_counter_ns()}",
        },
    )
    assert answer.status_code == 201, answer.content
    told: dict[str, Any] = answer.json()
    return told


def may_read(session: dict[str, Any], stream: str) -> bool:
    answer = Client().get(
        f"/api/v1/streams/{stream}",
        headers={"Authorization": f"Bearer {session['visitor_token']}"},
    )
    assert answer.status_code in {200, 404}
    return answer.status_code == 200


def refusal(answer: Any) -> tuple[int, str]:
    return (answer.status_code, answer.json()["code"])


def test_a_proof_leads_to_the_same_customer_from_every_device(
    widget: Widget, secret: NewIdentitySecret
) -> None:
    phone = visit(widget, signed(secret, name="Minh", email="minh@shop.example")).json()
    stream = write(phone, "From my phone")["stream"]
    desk = visit(widget, {"token": signed(secret)}).json()
    assert (phone["is_verified"], desk["is_verified"]) == (True, True)
    assert desk["customer_id"] == phone["customer_id"]
    assert desk["visitor_token"] != phone["visitor_token"]
    assert desk["conversation"]["stream"] == stream
    assert may_read(desk, stream)
    customer = Customer.objects.get()
    assert (customer.external_id, customer.name) == ("user-7", "Minh")
    assert (customer.email, customer.stage) == ("minh@shop.example", "customer")
    assert customer.verified_at is not None


def test_a_proof_changes_what_the_site_changed_and_not_what_colleagues_wrote(
    widget: Widget, secret: NewIdentitySecret, owner: Membership
) -> None:
    seen = visit(widget, signed(secret, name="minh", email="m@shop.example")).json()
    customer = Customer.objects.get()
    update_customer(customer_id=customer.pk, by=owner, name="Trần Minh (VIP)", email="")
    for token in (None, seen["visitor_token"]):
        visit(widget, signed(secret, name="minh", email="m@shop.example"), token)
        customer.refresh_from_db()
        assert (customer.name, customer.email) == ("Trần Minh (VIP)", "")
    visit(widget, signed(secret, name="minh", email="new@shop.example"))
    customer.refresh_from_db()
    assert (customer.name, customer.email) == ("Trần Minh (VIP)", "new@shop.example")


def test_the_first_proof_fills_only_what_colleagues_left_empty(
    widget: Widget, secret: NewIdentitySecret, owner: Membership
) -> None:
    nobody = visit(widget).json()
    customer = Customer.objects.get()
    update_customer(customer_id=customer.pk, by=owner, name="Anna Schmidt (VIP)", phone="+84 24 1")
    facts = {"name": "anna_s77", "phone": "0900", "email": "anna@shop.example"}
    seen = visit(widget, signed(secret, **facts), nobody["visitor_token"]).json()
    visit(widget, signed(secret, **facts), seen["visitor_token"])
    customer.refresh_from_db()
    assert (customer.name, customer.phone) == ("Anna Schmidt (VIP)", "+84 24 1")
    assert (customer.email, customer.proved) == ("anna@shop.example", facts)
    visit(widget, signed(secret, **facts | {"phone": "0901"}), seen["visitor_token"])
    customer.refresh_from_db()
    assert (customer.name, customer.phone) == ("Anna Schmidt (VIP)", "0901")


def test_two_widgets_prove_two_people_under_one_id(
    widget: Widget, owner: Membership, secret: NewIdentitySecret
) -> None:
    """The secret of one site opens nobody of another site, whatever both call their people."""
    other = Widget.objects.create(organization_id=widget.organization_id, name="Other")
    others = add_identity_secret(by=owner, widget_id=other.pk)
    theirs = visit(widget, signed(secret, "42", name="Minh")).json()
    stream = write(theirs, "Mine")["stream"]
    came = visit(other, signed(others, "42", name="Mallory")).json()
    assert came["customer_id"] != theirs["customer_id"]
    assert (came["is_verified"], came["conversation"]) == (True, None)
    assert not may_read(came, stream)
    customers = Customer.objects.filter(external_id="42").order_by("created_at")
    assert [(each.name, each.identity_space) for each in customers] == [
        ("Minh", widget.pk),
        ("Mallory", other.pk),
    ]
    # Nor with the visitor's token of the one in hand, nor as nobody before.
    again = visit(other, signed(others, "42"), theirs["visitor_token"]).json()
    nobody = visit(other).json()
    as_nobody = visit(other, signed(others, "42"), nobody["visitor_token"]).json()
    assert {again["customer_id"], as_nobody["customer_id"]} == {came["customer_id"]}
    assert visit(widget, signed(secret, "42")).json()["customer_id"] == theirs["customer_id"]


def test_an_id_without_its_space_is_not_stored(widget: Widget) -> None:
    for fields in ({"external_id": "42"}, {"identity_space": widget.pk}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Customer.objects.create(organization_id=widget.organization_id, **fields)


def test_without_a_proof_nobody_sees_anothers_history(
    widget: Widget, secret: NewIdentitySecret
) -> None:
    known = visit(widget, signed(secret, email="minh@shop.example")).json()
    stream = write(known, "Mine")["stream"]
    other = visit(widget, {"email": "minh@shop.example", "name": "Minh"}).json()
    assert other["customer_id"] != known["customer_id"]
    assert other["is_verified"] is False
    assert not may_read(other, stream)


def test_what_a_page_says_is_a_claim(widget: Widget) -> None:
    session = visit(widget, {"name": "Minh", "email": "minh@shop.example"}).json()
    customer = Customer.objects.get()
    assert customer.claimed == {"name": "Minh", "email": "minh@shop.example"}
    assert (customer.name, customer.email, customer.external_id) == ("", "", "")
    visit(widget, {"phone": "+84 24 1234"}, session["visitor_token"])
    customer.refresh_from_db()
    assert customer.claimed["phone"] == "+84 24 1234"
    assert customer.claimed["name"] == "Minh"


def test_who_was_nobody_becomes_the_customer_under_another_token(
    widget: Widget, secret: NewIdentitySecret
) -> None:
    before = visit(widget).json()
    stream = write(before, "Before I logged in")["stream"]
    after = visit(widget, signed(secret), before["visitor_token"]).json()
    assert (after["is_new"], after["customer_id"]) == (False, before["customer_id"])
    assert after["visitor_token"] != before["visitor_token"]
    assert may_read(after, stream)
    # A token that somebody planted in this browser is worth nothing now.
    assert VisitorToken.objects.count() == 1
    answer = Client().get(
        f"/api/v1/streams/{stream}",
        headers={"Authorization": f"Bearer {before['visitor_token']}"},
    )
    assert refusal(answer) == (401, "visitor_unknown")


def test_what_one_wrote_before_joins_ones_history(
    widget: Widget, secret: NewIdentitySecret
) -> None:
    known = visit(widget, signed(secret, name="Minh")).json()
    first = write(known, "Long ago")["stream"]
    anonymous = visit(widget).json()
    second = write(anonymous, "Not logged in yet")["stream"]
    joined = visit(widget, signed(secret), anonymous["visitor_token"]).json()
    assert joined["customer_id"] == known["customer_id"]
    assert may_read(joined, first)
    assert may_read(joined, second)
    assert Conversation.objects.filter(customer_id=known["customer_id"]).count() == 2
    moved = Conversation.objects.get(pk=second.removeprefix("conversation:"))
    entries = Message.objects.after(moved.organization_id, moved.pk, 0)
    assert entries[-1].content["change"]["name"] == "identified"


@pytest.mark.django_db(transaction=True)
def test_a_proof_waits_for_an_edit_of_the_customer(
    widget: Widget, secret: NewIdentitySecret, owner: Membership
) -> None:
    token = visit(widget, signed(secret, name="Minh")).json()["visitor_token"]
    customer = Customer.objects.get()

    def prove() -> Any:
        try:
            return visit(widget, signed(secret, email="minh@shop.example"), token)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            update_customer(customer_id=customer.pk, by=owner, phone="+84 24 1234")
            proving = pool.submit(prove)
            with pytest.raises(StillWaiting):
                proving.result(timeout=0.5)
        assert proving.result(timeout=20).status_code == 200
    customer.refresh_from_db()
    assert (customer.name, customer.email) == ("Minh", "minh@shop.example")
    assert customer.phone == "+84 24 1234"


def test_a_token_that_ends_while_it_is_used_stays_ended(widget: Widget) -> None:
    visit(widget)
    record = VisitorToken.objects.select_related("customer").get()
    record.last_seen_at -= timedelta(hours=2)
    VisitorToken.objects.all().delete()
    extend_visit(record)
    assert not VisitorToken.objects.exists()


def test_another_person_at_the_same_browser_starts_anew(
    widget: Widget, secret: NewIdentitySecret
) -> None:
    first = visit(widget, signed(secret, "user-7")).json()
    stream = write(first, "Mine")["stream"]
    second = visit(widget, signed(secret, "user-8"), first["visitor_token"]).json()
    assert (second["is_new"], second["conversation"]) == (True, None)
    assert second["customer_id"] != first["customer_id"]
    assert not may_read(second, stream)
    assert may_read(first, stream)


def test_the_same_proof_again_from_the_same_browser_changes_nothing(
    widget: Widget, secret: NewIdentitySecret
) -> None:
    token, before = signed(secret), visit(widget).json()["visitor_token"]
    first = visit(widget, token, before).json()
    # Its first answer was lost: it still shows the token from before.
    again = visit(widget, token, before, REMOTE_ADDR="192.0.2.5").json()
    later = visit(widget, token, again["visitor_token"], REMOTE_ADDR="192.0.2.6").json()
    assert first["customer_id"] == again["customer_id"] == later["customer_id"]
    assert later["visitor_token"] == again["visitor_token"]


def test_a_proof_is_good_in_one_browser_also_at_the_same_address(
    widget: Widget, secret: NewIdentitySecret
) -> None:
    token = signed(secret)
    first = visit(widget, token)
    assert first.status_code == 201
    with_a_token = visit(widget).json()["visitor_token"]
    for thief in (None, with_a_token):
        assert refusal(visit(widget, token, thief)) == (401, "identity_used")
    # What Redis forgets changes nothing.
    stores.redis().flushdb()
    assert refusal(visit(widget, token)) == (401, "identity_used")
    assert visit(widget, token, first.json()["visitor_token"]).status_code == 200


def test_a_proof_that_was_overheard_is_worth_nothing(
    widget: Widget, secret: NewIdentitySecret
) -> None:
    token = signed(secret)
    assert visit(widget, token).status_code == 201
    thief = visit(widget, token, HTTP_USER_AGENT="thief/1.0")
    assert refusal(thief) == (401, "identity_used")
    with_a_token = visit(widget).json()["visitor_token"]
    thief = visit(widget, token, with_a_token, REMOTE_ADDR="192.0.2.66")
    assert refusal(thief) == (401, "identity_used")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"exp": 1, "iat": 0}, "identity_expired"),
        ({"exp": 9_999_999_999}, "identity_too_long"),
        ({"aud": "nfw_another"}, "identity_invalid"),
        ({"aud": None}, "identity_invalid"),
        ({"exp": None}, "identity_invalid"),
        ({"iat": None}, "identity_invalid"),
        ({"iat": 9_999_999_999}, "identity_invalid"),
        ({"jti": None}, "identity_invalid"),
        ({"jti": ""}, "identity_invalid"),
        ({"sub": None}, "identity_invalid"),
        ({"sub": ""}, "identity_invalid"),
        ({"sub": " "}, "identity_invalid"),
        ({"sub": 7}, "identity_invalid"),
        ({"sub": "x" * 201}, "identity_invalid"),
        ({"sub": "a\x00b"}, "identity_invalid"),
        ({"sub": "a\ud800b"}, "identity_invalid"),
        ({"exp": float("inf")}, "identity_invalid"),
        ({"kid": "other"}, "identity_invalid"),
        ({"kid": None}, "identity_invalid"),
        ({"kid": "\x00"}, "identity_invalid"),
        ({"kid": "a\ud800"}, "identity_invalid"),
        ({"key": "x" * 43}, "identity_invalid"),
        ({"algorithm": "HS512", "key": "x" * 64}, "identity_invalid"),
        ({"email": "nobody"}, "identity_malformed"),
        ({"phone": "call me"}, "identity_malformed"),
        ({"name": ["x"]}, "identity_malformed"),
    ],
)
def test_a_proof_that_is_none_is_refused_and_changes_nothing(
    widget: Widget, secret: NewIdentitySecret, changes: dict[str, Any], code: str
) -> None:
    answer = visit(widget, signed(secret, **changes))
    assert refusal(answer) == (400 if code == "identity_malformed" else 401, code)
    assert Customer.objects.count() == 0


@pytest.mark.parametrize("algorithm", ["none", "HS512", "RS256", "ES256", ""])
def test_what_a_token_says_of_its_algorithm_chooses_nothing(
    widget: Widget, secret: NewIdentitySecret, algorithm: str
) -> None:
    _head, body, mark = signed(secret).split(".")
    told = json.dumps({"alg": algorithm, "kid": secret.secret.kid}).encode()
    head = base64.urlsafe_b64encode(told).decode().rstrip("=")
    for token in (f"{head}.{body}.{mark}", f"{head}.{body}."):
        assert refusal(visit(widget, token)) == (401, "identity_invalid")


def test_a_fact_that_is_too_long_as_it_is_stored_is_refused(
    widget: Widget, secret: NewIdentitySecret
) -> None:
    """Of some letters the one form is two."""
    answer = visit(widget, signed(secret, name="\u0958" * 255))
    assert refusal(answer) == (400, "identity_malformed")
    assert visit(widget, signed(secret, name="\u0958" * 127)).status_code == 201


def test_a_fact_is_as_long_as_it_is_stored(widget: Widget, secret: NewIdentitySecret) -> None:
    """Typed apart, the same letters are more."""
    assert visit(widget, signed(secret, name="e\u0301" * 255)).status_code == 201
    assert Customer.objects.get().name == "é" * 255


def test_a_secret_of_another_widget_proves_nothing(
    widget: Widget, secret: NewIdentitySecret, stranger: Membership
) -> None:
    other = Widget.objects.create(organization=widget.organization, name="Other")
    foreign = Widget.objects.create(organization=stranger.organization, name="Foreign")
    theirs = add_identity_secret(by=stranger, widget_id=foreign.pk)
    assert refusal(visit(other, signed(secret, aud=other.site_key)))[1] == "identity_invalid"
    assert refusal(visit(widget, signed(theirs, aud=widget.site_key)))[1] == "identity_invalid"


def test_secrets_change_without_a_gap(
    widget: Widget, owner: Membership, secret: NewIdentitySecret
) -> None:
    second = add_identity_secret(by=owner, widget_id=widget.pk)
    assert visit(widget, signed(secret)).status_code == 201
    assert visit(widget, signed(second)).status_code == 201
    end_identity_secret(by=owner, secret_id=secret.secret.pk)
    assert refusal(visit(widget, signed(secret))) == (401, "identity_invalid")
    assert visit(widget, signed(second)).status_code == 201


def test_secrets_are_sealed_and_bound_to_their_row(
    widget: Widget, owner: Membership, secret: NewIdentitySecret
) -> None:
    stored = IdentitySecret.objects.get()
    assert secret.text not in stored.sealed
    assert open_secret(stored) == secret.text
    other = add_identity_secret(by=owner, widget_id=widget.pk)
    IdentitySecret.objects.filter(pk=other.secret.pk).update(sealed=stored.sealed)
    token = signed(other, key=secret.text)
    assert refusal(visit(widget, token)) == (401, "identity_invalid")


def test_the_page_shows_a_secret_once_and_no_more_than_three(
    client: Client, owner: Membership, widget: Widget
) -> None:
    client.force_login(owner.user)
    add = reverse("chat:add_identity_secret", args=[widget.pk])
    answer = client.post(add)
    shown = re.search(r'id="new-key"[^>]*>([\w-]{43})<', answer.content.decode())
    assert answer.status_code == 201
    assert shown is not None
    assert open_secret(IdentitySecret.objects.get()) == shown[1]
    page = client.get(reverse("chat:visitor_identity")).content.decode()
    assert shown[1] not in page
    assert IdentitySecret.objects.get().kid in page
    for _more in range(MAX_SECRETS):
        client.post(add)
    assert IdentitySecret.objects.count() == MAX_SECRETS


def test_only_settings_people_make_secrets(
    client: Client, agent: Membership, stranger: Membership, widget: Widget
) -> None:
    add = reverse("chat:add_identity_secret", args=[widget.pk])
    for member in (agent, stranger):
        client.force_login(member.user)
        client.post(add)
    assert IdentitySecret.objects.count() == 0


def snippet(name: str) -> str:
    return (SNIPPETS / f"identity_snippet.{name}.txt").read_text(encoding="utf-8")


def test_the_python_snippet_is_accepted(widget: Widget, secret: NewIdentitySecret) -> None:
    names: dict[str, Any] = {}
    exec(snippet("py"), names)  # noqa: S102  our own snippet, run as its reader would
    token = names["visitor_token"](7, widget.site_key, secret.secret.kid, secret.text)
    assert visit(widget, token).status_code == 201
    assert Customer.objects.get().external_id == "7"


@pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed here.")
def test_the_node_snippet_is_accepted(
    widget: Widget, secret: NewIdentitySecret, tmp_path: Path
) -> None:
    program = tmp_path / "sign.mjs"
    call = json.dumps(["7", widget.site_key, secret.secret.kid, secret.text])
    program.write_text(f"{snippet('mjs')}\nconsole.log(visitorToken(...{call}));\n")
    ran = subprocess.run(["node", program], capture_output=True, text=True, check=True)  # noqa: S607  wherever it is
    assert visit(widget, ran.stdout.strip()).status_code == 201
