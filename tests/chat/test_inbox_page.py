"""The inbox's page before any script runs."""

import json
import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from chat.models import Conversation, Sender, SenderType
from chat.services import post_message, take_over
from crm.organizations.models import Membership

INBOX = reverse("chat:inbox")
# Log-in, membership and list (5), the conversation with its parts (6), counts, the user menu.
MAX_QUERIES = 12


@pytest.fixture
def browser(client: Client, agent: Membership) -> Client:
    client.force_login(agent.user)
    return client


def page_of(conversation: Conversation) -> str:
    return reverse("chat:inbox_conversation", args=[conversation.pk])


def say(conversation: Conversation, sender: Sender, text: str, **more: Any) -> None:
    post_message(
        organization_id=conversation.organization_id,
        conversation_id=conversation.pk,
        sender=sender,
        content={"type": "text", "text": text, **more},
        client_message_id=f"say-{len(text)}",
    )


def test_list_and_conversation_are_in_the_first_answer(
    browser: Client, conversation: Conversation
) -> None:
    page = browser.get(f"{page_of(conversation)}?status=bot").content.decode()
    body = page.split('<script id="inbox-state"')[0]
    assert body.count("Do you ship to Manila?") == 2
    assert "Minh" in body
    assert f'href="{page_of(conversation)}" aria-current="true"' in body


def test_page_takes_a_bounded_number_of_queries(
    browser: Client, conversation: Conversation, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(MAX_QUERIES):
        assert browser.get(page_of(conversation)).status_code == 200


def test_state_for_the_scripts_equals_the_apis_answers(
    browser: Client, conversation: Conversation
) -> None:
    state = browser.get(f"{page_of(conversation)}?box=all&status=bot").context["state"]
    rows = browser.get(reverse("chat:inbox_conversations"), {"status": "bot"}).json()["rows"]
    assert state["page"]["rows"] == rows
    detail = browser.get(reverse("chat:conversation", args=[conversation.pk])).json()
    history = browser.get(reverse("chat:conversation_messages", args=[conversation.pk])).json()
    assert state["open"] == {"detail": detail, "history": history}
    assert state["counts"] == browser.get(reverse("chat:inbox_counts")).json()["counts"]


def test_markup_of_people_stays_text(
    browser: Client, agent: Membership, conversation: Conversation
) -> None:
    attack = "</script><img src=x onerror=alert(1)>"
    sender = Sender(type=SenderType.CUSTOMER, id=str(conversation.customer_id), name=attack)
    say(conversation, sender, attack)
    conversation.customer.name = attack
    conversation.customer.save(update_fields=["name"])
    page = browser.get(f"{page_of(conversation)}?status=bot").content.decode()
    assert "<img src=x" not in page
    assert "&lt;img src=x" in page
    state = re.search(r'<script id="inbox-state" type="application/json">(.*?)</script>', page)
    assert state is not None
    assert json.loads(state[1])["open"]["detail"]["customer"]["name"] == attack


def test_first_paint_links_sources_and_leaves_addresses_to_the_one_finder_of_links(
    browser: Client, conversation: Conversation
) -> None:
    bot = Sender(type=SenderType.BOT, id="bot", name="Sunny")
    sources = [
        {"title": "Shipping", "url": "https://shop.example/ship"},
        {"title": "Bad", "url": "javascript:alert(1)"},
    ]
    say(conversation, bot, "See https://shop.example/a", sources=sources)
    page = browser.get(page_of(conversation)).content.decode()
    body = page.split('<script id="inbox-state"')[0]
    # static/stream/links.js finds addresses in texts, in widget and inbox alike.
    assert ">See https://shop.example/a</div>" in body
    assert 'href="https://shop.example/ship" target="_blank" rel="noopener' in body
    assert "javascript:" not in body


@pytest.mark.parametrize("query", ["box=x&status=y", "box=&status=", "box=mine%00"])
def test_unknown_filters_show_the_usual_list(
    browser: Client, conversation: Conversation, query: str
) -> None:
    answer = browser.get(f"{INBOX}?{query}")
    assert answer.status_code == 200
    assert (answer.context["state"]["box"], answer.context["state"]["status"]) == ("all", "open")


def test_page_allows_nothing_inline(browser: Client, conversation: Conversation) -> None:
    answer = browser.get(page_of(conversation))
    page = answer.content.decode()
    policy = answer["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "style-src 'self'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<[^>]+\s(style|on\w+)=", page)
    scripts = re.findall(r"<script\b([^>]*)>", page)
    assert all("src=" in tag or "application/json" in tag for tag in scripts)
    assert not re.search(r"https?://(?!testserver)[^\"']*\.(js|css)", page)


def test_page_is_never_kept_by_caches(browser: Client) -> None:
    assert "no-store" in browser.get(INBOX)["Cache-Control"]


def test_viewer_is_offered_nothing_to_change(
    client: Client, viewer: Membership, conversation: Conversation
) -> None:
    client.force_login(viewer.user)
    answer = client.get(page_of(conversation))
    assert answer.context["state"]["me"]["may_answer"] is False
    assert 'id="conversation-actions" hidden' in answer.content.decode()


def test_times_are_in_the_readers_zone(
    browser: Client, agent: Membership, conversation: Conversation
) -> None:
    take_over(
        organization_id=conversation.organization_id,
        conversation_id=conversation.pk,
        by=agent,
    )
    agent.user.timezone = "Asia/Ho_Chi_Minh"
    agent.user.save(update_fields=["timezone"])
    assert browser.get(INBOX).context["state"]["timezone"] == "Asia/Ho_Chi_Minh"
    agent.user.timezone = "Mars/Olympus"
    agent.user.save(update_fields=["timezone"])
    assert browser.get(INBOX).context["state"]["timezone"] == "UTC"
