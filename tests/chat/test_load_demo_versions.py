"""The demo comes into a database that another version of it has filled."""

import copy
from typing import Any

import pytest

from chat.demo import loading
from chat.demo.content import read
from chat.models import Conversation, Status, Widget
from crm.customers.models import Customer
from knowledge.models import Faq, FaqCategory
from tests.chat.test_load_demo import everything, load, log_of, shop

SHORTENED = "en-water"
CLOSED_EARLY = "vi-doi-dia-chi"
LENGTHENED = "ru-bez-kofeina"
PLAYED_OTHERWISE = "vi-hoa-don"
USED = {
    turn["faq"] for talk in read("conversations.json") for turn in talk["turns"] if "faq" in turn
}


def of_another_version(name: str) -> Any:
    """Give a file as a version might have had it that said less, more, or something else."""
    told = copy.deepcopy(read(name))
    if name == "conversations.json":
        talks = {talk["key"]: talk for talk in told}
        talks[SHORTENED]["turns"] = talks[SHORTENED]["turns"][:2]
        talks[CLOSED_EARLY]["turns"] = talks[CLOSED_EARLY]["turns"][:5]
        last = talks[LENGTHENED]["turns"][-1]
        talks[LENGTHENED]["turns"].append({"from": "visitor", "ago": last["ago"], "text": "И ещё?"})
        asked, *_others = talks[PLAYED_OTHERWISE]["turns"]
        taken = {"from": "agent", "by": "linh", "ago": asked["ago"], "text": "Chào bạn!"}
        talks[PLAYED_OTHERWISE]["turns"] = [asked, taken]
    elif name == "faqs_en.json":
        told = [entry for entry in told if entry["key"] in USED]
    elif name == "organizations.json":
        told[0]["widget"]["name"] = "Our widget"
    return told


def talk_of(key: str) -> Conversation:
    return Conversation.objects.get(opened_by=f"demo-{key}-0")


def turns_of(key: str) -> int:
    return sum(one.kind == "message.posted" for one in log_of(talk_of(key)))


def test_what_another_version_made_is_found_completed_and_left_in_peace(
    db: None, stores_clean: None, monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as patched:
        patched.setattr(loading, "read", of_another_version)
        load()
    assert talk_of(CLOSED_EARLY).status == Status.CLOSED
    kept = {key: log_of(talk_of(key)) for key in (CLOSED_EARLY, LENGTHENED, PLAYED_OTHERWISE)}
    categories = set(FaqCategory.objects.of(shop().pk).values_list("slug", flat=True))

    load()

    wanted = {talk["key"]: talk for talk in read("conversations.json")}
    assert Conversation.objects.count() == Customer.objects.count() == 14
    assert Widget.objects.filter(organization=shop()).count() == 1
    assert turns_of(SHORTENED) == len(wanted[SHORTENED]["turns"])
    assert {key: log_of(talk_of(key)) for key in kept} == kept
    assert talk_of(CLOSED_EARLY).status == Status.CLOSED
    english = Faq.objects.of(shop().pk).filter(language_code="en")
    assert english.count() == len(read("faqs_en.json"))
    assert not english.filter(category__isnull=True).exists()
    assert categories <= set(FaqCategory.objects.of(shop().pk).values_list("slug", flat=True))

    after = everything()
    load()
    assert everything() == after
