"""FAQs out of files and pasted text, by the import of every record."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from crm.billing.metrics import Metric
from crm.billing.services.overrides import override_quota
from crm.core.jobs.running import run_job
from crm.core.models import StoredText
from crm.core.permissions import Level, Module
from crm.core.records import ListState, get_record
from crm.core.transfer import import_jobs
from crm.core.transfer.exporting import start_export
from crm.core.transfer.formats import Format, file_info
from crm.core.transfer.mapping import fields_of, guess_mapping
from crm.core.transfer.models import Import
from crm.core.transfer.outcomes import report_for
from crm.core.transfer.reading import read_table
from crm.organizations.models import Membership
from knowledge.models import Faq, FaqCategory
from knowledge.services import FaqContent, create_category, create_faq, rename_category
from tests.compliance.audits import entries, settle
from tests.jobs.counting import content_of, finish
from tests.organizations.people import member_with, rights
from tests.transfer.files import import_file
from tests.transfer.pages import checked, counts, ended, post

pytestmark = pytest.mark.django_db
FAQS = get_record("faqs")
NEW = "/app/import/faqs/new/"
FILE = (
    "Question,Answer,Language,Category,Other ways to ask it,Key,Published\n"
    'Do you ship?,"Yes, we do.",en,Delivery,"Can I get it sent?\nDelivery?",ship,yes\n'
    "Bạn có giao hàng không?,Có.,Tiếng Việt,delivery,,ship,\n"
    "Есть доставка?,Да.,,Доставка,,,нет\n"
)


@pytest.fixture
def browser(client: Client, owner: Membership) -> Client:
    client.force_login(owner.user)
    return client


def uploaded(browser: Client, **sent: Any) -> Import:
    answer = browser.post(NEW, sent)
    assert answer.status_code == 302, answer.content.decode()
    return ended(Import.objects.latest("created_at"))


def file_of(text: str) -> SimpleUploadedFile:
    return SimpleUploadedFile("faqs.csv", text.encode())


def previewed(browser: Client, text: str, key: str = "question") -> Import:
    return checked(browser, uploaded(browser, file=file_of(text)), key=key)


def imported(browser: Client, text: str, key: str = "question") -> Import:
    return post(browser, previewed(browser, text, key), "run")


def faults_of(found: Import) -> list[tuple[int, list[list[str]]]]:
    return [(each["number"], each["errors"]) for each in found.preview["examples"]["faulty"]]


def content(question: str, answer: str = "Yes.", **more: Any) -> FaqContent:
    return FaqContent(question=question, answer=answer, **{"language_code": "en", **more})


def test_a_file_has_all_that_the_form_has(browser: Client, owner: Membership) -> None:
    create_category(by=owner, name="Giao hàng", names={"en": "Delivery"})
    found = previewed(browser, FILE)
    assert found.mapping == [
        "question",
        "answer",
        "language_code",
        "category_id",
        "phrasings",
        "key",
        "is_published",
    ]
    assert set(found.mapping) == set(FAQS.form)
    assert counts(found.preview) == (3, 0, 0, 0)
    # What the preview added is taken back, the category too.
    assert (Faq.objects.count(), FaqCategory.objects.count()) == (0, 1)
    found = post(browser, found, "run")
    assert (found.state, found.report) == ("done", found.preview)
    told = Faq.objects.order_by("language_code").values_list(
        "language_code", "question", "answer", "category__name", "key", "phrasings", "is_published"
    )
    assert list(told) == [
        (
            "en",
            "Do you ship?",
            "Yes, we do.",
            "Giao hàng",
            "ship",
            ["Can I get it sent?", "Delivery?"],
            True,
        ),
        ("ru", "Есть доставка?", "Да.", "Доставка", "faq", [], False),
        ("vi", "Bạn có giao hàng không?", "Có.", "Giao hàng", "ship", [], True),
    ]
    settle()
    assert entries(owner.organization_id, "import.done")
    assert len(entries(owner.organization_id, "faq.created")) == 3


def test_a_question_is_known_in_other_letters_and_not_in_other_accents(
    browser: Client, owner: Membership
) -> None:
    create_faq(by=owner, content=content("Do you SHIP bò to Huế?", "Yes."))
    text = (
        "question,answer,language\ndo you ship bò to huế?,No.,en\nDo you ship bơ to Hue?,Yes.,en\n"
    )
    found = previewed(browser, text)
    assert counts(found.preview) == (1, 1, 0, 0)
    (changed,) = found.preview["examples"]["updated"]
    assert ["Answer", "Yes.", "No."] in changed["changes"]
    post(browser, found, "run")
    assert dict(Faq.objects.values_list("question", "answer")) == {
        "do you ship bò to huế?": "No.",
        "Do you ship bơ to Hue?": "Yes.",
    }


def test_a_category_is_known_in_other_letters_and_not_in_other_accents(
    browser: Client, owner: Membership
) -> None:
    create_category(by=owner, name="Bò")
    found = imported(browser, "question,answer,category\nA?,1,BÒ\nB?,2,Bơ\nC?,3,bơ\nD?,4,Bò\n")
    assert counts(found.report) == (4, 0, 0, 0), faults_of(found)
    pairs = Faq.objects.order_by("question").values_list("question", "category__name")
    assert list(pairs) == [("A?", "Bò"), ("B?", "Bơ"), ("C?", "Bơ"), ("D?", "Bò")]


def test_a_category_is_that_of_the_rows_language(browser: Client, owner: Membership) -> None:
    coffee = create_category(by=owner, name="Coffee", names={"ru": "Кофе", "vi": "Trà"})
    tea = create_category(by=owner, name="Trà", names={"vi": "Chè"})
    text = "question,answer,category,language\nGì?,Có,Trà,vi\nWhat?,Yes,trà,en\n"
    imported(browser, text)
    pairs = dict(Faq.objects.values_list("language_code", "category_id"))
    assert pairs == {"vi": coffee.pk, "en": tea.pk}


def test_one_key_in_several_languages_is_one_thing(browser: Client, owner: Membership) -> None:
    for language, question in (("en", "Ship?"), ("vi", "Giao hàng?")):
        create_faq(by=owner, content=content(question, language_code=language, key="ship"))
    rows = "SHIP,Ship it?,Yes,en\nship,Giao hàng?,Yes.,vi\nship,Шлёте?,Да,ru\n"
    text = f"Key,Question,Answer,Language\n{rows}"
    assert counts(imported(browser, text, "key").report) == (1, 1, 1, 0)
    assert sorted(Faq.objects.filter(key="ship").values_list("question", flat=True)) == [
        "Giao hàng?",
        "Ship it?",
        "Шлёте?",
    ]
    # By their questions both are new, and the first one's key is another FAQ's.
    found = previewed(browser, "Key,Question,Answer,Language\nship,New?,Yes,en\n,Ship it?,No,en\n")
    assert counts(found.preview) == (0, 1, 0, 1)
    assert faults_of(found)[0][1][0][0] == "Key"


def test_each_wrong_row_says_why(browser: Client, owner: Membership) -> None:
    many = "|".join(f"Way {number}?" for number in range(21)).replace("|", "\n")
    text = (
        "Question,Answer,Language,Published,Other ways to ask it,Category\n"
        f',No,en,,,\nWhy?,,en,,,\nWho?,Me,de,,,\nHow?,So,en,perhaps,,\nWhere?,Here,en,,"{many}",\n'
        f"When?,Now,en,,,{'c' * 101}\nWhat?,That,en,,,\nWHAT?,This,en,,,\n"
    )
    found = previewed(browser, text)
    assert counts(found.preview) == (1, 0, 0, 7)
    headings = [errors[0][0] for _number, errors in faults_of(found)]
    assert headings == [
        "Question",
        "Answer",
        "Language",
        "Published",
        "Other ways to ask it",
        "Category",
        "Question",
    ]
    told = [errors[0][1] for _number, errors in faults_of(found)]
    assert told[3] == "Write yes or no."
    assert told[4] == "At most 20."
    assert told[6].startswith("The same stands in row")
    assert not FaqCategory.objects.exists()


def test_an_empty_cell_changes_nothing(browser: Client, owner: Membership) -> None:
    category = create_category(by=owner, name="Tea")
    faq = create_faq(
        by=owner,
        content=content("Tea?", category_id=category.pk, phrasings=("Chai?",), is_published=False),
    )
    text = "Question,Answer,Category,Other ways to ask it,Published,Key\nTea?,Yes.,,,,\n"
    assert counts(imported(browser, text).report) == (0, 0, 1, 0)
    assert counts(imported(browser, text.replace("Yes.", "No.")).report) == (0, 1, 0, 0)
    faq.refresh_from_db()
    assert (faq.answer, faq.category_id, faq.phrasings) == ("No.", category.pk, ["Chai?"])
    assert (faq.is_published, faq.version) == (False, 2)


def test_a_change_is_shown_in_words(browser: Client, owner: Membership) -> None:
    tea = create_category(by=owner, name="Tea")
    create_faq(by=owner, content=content("Tea?", category_id=tea.pk))
    found = previewed(browser, "Question,Answer,Category,Published\nTea?,Yes.,Drinks,no\n")
    shown = report_for(owner, get_record("faqs"), found.preview)
    (changed,) = shown["examples"]["updated"]
    assert changed["changes"] == [["Category", "Tea", "Drinks"], ["Published", "Yes", "No"]]


def test_the_language_of_a_row_is_that_of_its_words(browser: Client) -> None:
    text = "question,answer\nDo you ship?,Yes we do\nCó giao hàng không?,Có\nЕсть?,Да\n"
    imported(browser, text)
    told = Faq.objects.order_by("question").values_list("language_code", flat=True)
    assert list(told) == ["vi", "en", "ru"]


def test_keys_are_made_that_are_unused_in_every_language(browser: Client) -> None:
    imported(browser, "question,answer,language\nHuế?,1,en\nHue?,2,en\nHuệ?,3,en\nHue?,4,vi\n")
    keys = list(Faq.objects.order_by("answer").values_list("key", flat=True))
    # In another language, too: nobody said that these are one thing.
    assert keys[0] == "hue"
    assert len(set(keys)) == 4


def test_an_undo_takes_back_what_was_added_with_its_categories(
    browser: Client, owner: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_jobs, "BATCH", 2)
    tea = create_category(by=owner, name="Tea")
    kept = create_faq(by=owner, content=content("Tea?", "Yes.", category_id=tea.pk))
    found = imported(
        browser,
        "question,answer,category\nTea?,No.,Drinks\nA?,1,Drinks\nB?,2,Used\nC?,3,Called\nD?,4,Tea\n",
    )
    assert counts(found.report) == (4, 1, 0, 0)
    used, called = (FaqCategory.objects.get(name=name) for name in ("Used", "Called"))
    create_faq(by=owner, content=content("Mine?", category_id=used.pk))
    rename_category(by=owner, category_id=called.pk, name="Called otherwise")
    found = post(browser, found, "undo")
    assert found.undo_report == {"removed": 4, "restored": 1}
    kept.refresh_from_db()
    assert (kept.answer, kept.category_id) == ("Yes.", tea.pk)
    assert sorted(Faq.objects.alive().values_list("question", flat=True)) == ["Mine?", "Tea?"]
    names = set(FaqCategory.objects.values_list("name", flat=True))
    assert names == {"Tea", "Used", "Called otherwise"}


def test_a_file_without_room_for_its_texts_is_imported_as_far_as_there_is(
    browser: Client, owner: Membership
) -> None:
    begun_with = StoredText.objects.bytes_of(owner.organization_id)
    override_quota(
        organization_id=owner.organization_id,
        metric=Metric.STORED_BYTES,
        limit=300 + begun_with,
        reason="Trial",
    )
    rows = "".join(f"Question {number}?,{'x' * 100}\n" for number in range(4))
    found = imported(browser, f"question,answer\n{rows}")
    assert counts(found.report) == (2, 0, 0, 2)
    assert Faq.objects.count() == 2


@pytest.mark.parametrize("shown", ["en", "vi", "ru"])
@pytest.mark.parametrize("form", [Format.CSV, Format.XLSX])
def test_an_export_is_imported(
    owner: Membership, stranger: Membership, shown: str, form: Format
) -> None:
    tea = create_category(by=owner, name="Trà", names={"ru": "Чай"})
    for language, question in (("en", "=Round trip?"), ("vi", "Thế nào?"), ("ru", "+Как?")):
        faq = content(
            question,
            "-So;=1\n- so",
            language_code=language,
            key="trip",
            category_id=tea.pk,
            phrasings=("=One?", "Two, or; three?"),
            is_published=language != "ru",
        )
        create_faq(by=owner, content=faq)
    with translation.override(shown):
        job = start_export(
            by=owner, state=ListState(FAQS), form=form, has_bom=True, all_columns=True
        )
        told = content_of(finish(job))
    if form == Format.XLSX:
        told = b"".join(file_info(form, "x").wrap(iter([told])))
    assert import_file(owner, FAQS, told) == {"unchanged": 3}
    assert import_file(stranger, FAQS, told) == {"created": 3}
    names = ("question", "answer", "language_code", "key", "phrasings", "is_published")
    ours, theirs = (
        list(Faq.objects.of(by.organization_id).order_by("language_code").values(*names))
        for by in (owner, stranger)
    )
    assert theirs == ours
    (category,) = FaqCategory.objects.of(stranger.organization_id)
    assert category.name in {"Trà", "Чай"}


def test_pasted_questions_are_imported(browser: Client) -> None:
    text = "Q: Do you ship?\r\nA: Yes.\r\nEvery day.\r\n\r\nWhere?\r\nEverywhere; to Huế, too."
    found = uploaded(browser, text=text)
    assert (found.rows, found.mapping) == (2, ["question", "answer"])
    post(browser, checked(browser, found, key="question"), "run")
    assert dict(Faq.objects.values_list("question", "answer")) == {
        "Do you ship?": "Yes.\nEvery day.",
        "Where?": "Everywhere; to Huế, too.",
    }


def test_a_text_beside_a_file_is_refused_and_stays(browser: Client) -> None:
    for sent in ({"file": file_of("question,answer\nA?,1")}, {"file_name": "a.csv", "size": 9}):
        answer = browser.post(NEW, {"text": "Typed?\nBy hand", **sent})
        assert answer.status_code == 400
        assert "There is text in the field as well." in answer.content.decode()
    answer = browser.post(NEW, {"text": "Typed?\nBy hand", "file": file_of("a,b\n1,2")})
    assert "Typed?\nBy hand</textarea>" in answer.content.decode()
    assert not Import.objects.exists()


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({}, "Choose a file, or paste rows."),
        ({"text": " \u200b"}, "Choose a file, or paste rows."),
        ({"text": "a\x00b"}, "Null characters"),
        ({"text": "x" * 500_001}, "at most 500000 characters"),
    ],
)
def test_what_cannot_be_read_is_refused_at_once(
    browser: Client, sent: dict[str, str], words: str
) -> None:
    answer = browser.post(NEW, sent)
    assert answer.status_code == 400
    assert words in answer.content.decode()


def test_the_old_address_leads_to_the_import(browser: Client) -> None:
    assert browser.get("/app/knowledge/import/")["Location"] == NEW
    assert "Question" in browser.get(NEW).content.decode()


def test_who_may_not_write_all_of_the_knowledge_may_not_import(
    client: Client, owner: Membership
) -> None:
    own = rights(Module.KNOWLEDGE, Level.ALL, Level.OWN)
    client.force_login(member_with(owner.organization, "Pat", own).user)
    assert client.get(NEW).status_code == 403
    assert client.post(NEW, {"text": "Q?\nA"}).status_code == 403
    assert client.get("/app/import/faqs/template/").status_code == 403
    assert NEW not in client.get("/app/knowledge/").content.decode()


def test_an_interrupted_import_goes_on(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_jobs, "BATCH", 2)
    rows = "".join(f"Question {number}?,Yes,Made\n" for number in range(6))
    found = previewed(browser, f"question,answer,category\n{rows}")
    browser.post(f"/app/import/{found.pk}/run/", {"job": str(found.job_id)})
    found.refresh_from_db()
    assert found.job_id
    assert run_job(job_id=found.job_id, seconds=0)
    assert Faq.objects.count() == 2
    found = ended(found)
    assert (found.report, Faq.objects.count()) == (found.preview, 6)
    assert FaqCategory.objects.count() == 1


def test_a_text_that_cannot_be_read_is_corrected(browser: Client, owner: Membership) -> None:
    text = 'question,answer\n"Where ""is it?,Here\n'
    found = uploaded(browser, text=text)
    assert found.state == "failed"
    page = browser.get(f"/app/import/{found.pk}/").content.decode()
    again = f"{NEW}?text_of={found.pk}"
    assert again in page
    form = browser.get(again).context["form"]
    assert (form["text"].value(), form.is_bound) == (text, False)
    assert uploaded(browser, text=text.replace('"', "")).state == "mapping"


def test_no_text_of_others_is_shown(
    browser: Client, owner: Membership, stranger: Membership
) -> None:
    found = uploaded(browser, text='question,answer\n"Where,Here\n')
    elsewhere = Client()
    elsewhere.force_login(stranger.user)
    assert elsewhere.get(f"{NEW}?text_of={found.pk}").status_code == 404
    assert browser.get(f"{NEW}?text_of=x").status_code == 400
    # One that was read has columns to be chosen.
    read = uploaded(browser, text="question,answer\nWhy?,So\n")
    assert "So" not in browser.get(f"{NEW}?text_of={read.pk}").content.decode()


@pytest.mark.parametrize("do", ["check", "run", "undo"])
def test_the_knowledge_is_locked_before_its_rows(
    browser: Client, owner: Membership, do: str
) -> None:
    """As the services lock both: of two, one would wait for the other without an end."""
    create_faq(by=owner, content=content("Why?", "So."))
    text = "question,answer\nWhy?,Not so.\nWhere?,Here.\n"
    found = uploaded(browser, file=file_of(text))
    if do != "check":
        found = checked(browser, found, key="question")
    if do == "undo":
        found = post(browser, found, "run")
    with CaptureQueriesContext(connection) as queries:
        if do == "check":
            checked(browser, found, key="question")
        else:
            post(browser, found, do)
    locking = [each["sql"] for each in queries if "FOR " in each["sql"] and "UPDATE" in each["sql"]]
    tables = [
        table
        for sql in locking
        for table in ("knowledge_knowledgebase", "knowledge_faq")
        if f'FROM "{table}"' in sql
    ]
    assert tables[0] == "knowledge_knowledgebase"
    assert "knowledge_faq" in tables


def test_an_undone_import_stands_in_the_audit_and_can_be_brought_back(
    browser: Client, owner: Membership
) -> None:
    found = imported(browser, "question,answer\nWhy?,So.\nWhere?,Here.\n")
    assert post(browser, found, "undo").undo_report == {"removed": 2}
    settle()
    assert len(entries(owner.organization_id, "faq.deleted")) == 2
    assert "Where?" in browser.get("/app/knowledge/deleted/").content.decode()
    faq = Faq.objects.get(question="Why?")
    assert (faq.version, faq.deleted_at is None) == (2, False)


@pytest.mark.parametrize("language", ["en", "vi", "ru"])
def test_a_table_to_fill_in_has_columns_that_are_recognized(browser: Client, language: str) -> None:
    browser.defaults["HTTP_ACCEPT_LANGUAGE"] = language
    address = "/app/import/faqs/template/"
    assert address in browser.get(NEW).content.decode()
    answer = browser.get(address)
    assert answer["Content-Disposition"] == 'attachment; filename="faqs-template.xlsx"'
    columns = read_table(answer.content).columns
    with translation.override(language):
        assert columns == [field.heading for field in fields_of(FAQS)]
    assert guess_mapping(FAQS, columns) == list(FAQS.form)
