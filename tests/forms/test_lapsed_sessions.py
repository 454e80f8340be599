"""Entry 20: neither a session that ended nor a log-in in another tab costs what was typed."""

import re
from typing import Any
from urllib.parse import unquote, urlencode

import pytest
from django.contrib.sessions.models import Session
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from crm.core.transfer.models import ImportPart
from crm.organizations.models import Membership, User
from knowledge.models import Faq
from tests.conftest import PASSWORD
from tests.forms.browsers import OWN, form_of

NEW = "/app/knowledge/new/"
KEPT = "/account/kept-form/"
LEADS_TO_KEPT = re.compile(r"/login/\?next=%2Faccount%2Fkept-form%2F([\w-]{11})%2F")
FORM = "application/x-www-form-urlencoded"


def log_in(client: Client, member: Membership, target: str = "", **more: Any) -> Any:
    return client.post(
        "/login/", {"email": member.user.email, "password": PASSWORD, "next": target, **more}
    )


@pytest.fixture
def written(owner: Membership) -> tuple[Client, dict[str, Any]]:
    client = Client()
    assert log_in(client, owner).status_code == 302
    form = form_of(client.get(NEW), "question")
    return client, form | {"question": "Is it halal?", "answer": "Yes,\r\nall of it."}


def test_a_lapsed_session_does_not_eat_the_form(
    written: tuple[Client, dict[str, Any]], owner: Membership
) -> None:
    client, form = written
    client.session.flush()
    lapsed = client.post(NEW, form)
    assert LEADS_TO_KEPT.fullmatch(lapsed["Location"])
    assert "What you wrote is kept" in client.get(lapsed["Location"]).content.decode()
    assert "What you wrote is kept" not in client.get("/login/").content.decode()
    assert log_in(client, owner, KEPT)["Location"] == KEPT
    page = client.get(KEPT)
    assert "all of it." in page.content.decode()
    assert client.post(NEW, form_of(page, "_kept")).status_code == 302
    assert Faq.objects.get().answer == "Yes,\nall of it."
    assert client.get(KEPT)["Location"] == "/app/inbox/"


def test_each_of_two_tabs_gets_its_form_back(
    written: tuple[Client, dict[str, Any]], owner: Membership
) -> None:
    client, first = written
    second = form_of(client.get(NEW), "question") | {"question": "Is it vegan?", "answer": "No."}
    client.session.flush()
    lapsed = [client.post(NEW, form)["Location"] for form in (first, second)]
    mine, other = [unquote(each.partition("next=")[2]) for each in lapsed]
    assert "What you wrote is kept" in client.get(lapsed[1]).content.decode()
    log_in(client, owner, other)
    page = client.get(other)
    assert form_of(page, "_kept")["question"] == ["Is it vegan?"]
    assert f'<a href="{mine}" dir="auto">Is it halal?</a>' in page.content.decode()
    # One after the other: saving one leads to the next, saving the last to where it leads.
    assert client.post(NEW, form_of(page, "_kept"))["Location"] == KEPT
    page = client.get(KEPT)
    assert form_of(page, "_kept")["question"] == ["Is it halal?"]
    assert other not in page.content.decode()
    assert client.post(NEW, form_of(page, "_kept"))["Location"].startswith("/app/knowledge/")
    assert sorted(Faq.objects.values_list("question", flat=True)) == [
        "Is it halal?",
        "Is it vegan?",
    ]
    assert client.get(mine)["Location"] == "/app/inbox/"


def test_one_page_that_is_sent_again_is_kept_once_with_its_newest_text(
    written: tuple[Client, dict[str, Any]], owner: Membership
) -> None:
    client, form = written
    client.session.flush()
    client.post(NEW, form)
    client.post(NEW, form | {"answer": "Yes, and more."})
    (kept,) = client.session["kept_forms"]
    assert dict(kept["fields"])["answer"] == "Yes, and more."


def test_kept_forms_are_bounded_in_number_and_size(
    written: tuple[Client, dict[str, Any]], settings: Any
) -> None:
    client, form = written
    client.session.flush()

    def kept_after(numbers: range, answer: str) -> list[str]:
        for number in numbers:
            sent = form | {"_once": f"page-{number}", "question": str(number), "answer": answer}
            client.post(NEW, sent)
        return [dict(each["fields"])["question"] for each in client.session["kept_forms"]]

    assert kept_after(range(12), "short") == [str(number) for number in range(2, 12)]
    settings.MAX_BODY_BYTES = 4_000
    assert kept_after(range(12, 15), "x" * 3_000) == ["13", "14"]


def test_the_longest_form_that_is_read_outlives_its_session(
    written: tuple[Client, dict[str, Any]], owner: Membership, settings: Any
) -> None:
    client, form = written
    client.session.flush()
    long = "Ъ" * (settings.MAX_BODY_BYTES // 6 - 2000)
    lapsed = client.post(NEW, urlencode(form | {"answer": long}, doseq=True), FORM)
    assert LEADS_TO_KEPT.fullmatch(lapsed["Location"])
    log_in(client, owner, KEPT)
    assert form_of(client.get(KEPT), "_kept")["answer"] == [long]


def test_the_longest_import_is_sent_again_as_its_form_sent_it(
    written: tuple[Client, dict[str, Any]], owner: Membership, settings: Any
) -> None:
    """As addresses are written, the same text would be twice or three times as large."""
    client, _form = written
    page = "/app/import/faqs/new/"
    long = "\r\n\r\n".join(f"Вопрос {number}?\r\n{'Ответ ' * 200}" for number in range(300))
    assert settings.MAX_BODY_BYTES / 2 < len(long.encode()) < settings.MAX_BODY_BYTES
    form = form_of(client.get(page), "text") | {"text": long}
    client.session.flush()
    client.post(page, form)
    log_in(client, owner, KEPT)
    kept = client.get(KEPT)
    fields = form_of(kept, "_kept")
    if 'enctype="multipart/form-data"' in kept.content.decode():
        saved = client.post(page, fields)
    else:
        saved = client.post(page, urlencode(fields, doseq=True), FORM)
    assert saved.status_code == 302
    (part,) = ImportPart.objects.all()
    assert "Вопрос 299?" in bytes(part.content).decode()


def test_a_file_that_was_chosen_is_named_to_be_chosen_again(
    written: tuple[Client, dict[str, Any]], owner: Membership
) -> None:
    client, _form = written
    page = "/app/import/faqs/new/"
    form = form_of(client.get(page), "text")
    client.session.flush()
    client.post(page, form | {"file": SimpleUploadedFile("faqs.csv", b"question,answer\nA?,B.")})
    log_in(client, owner, KEPT)
    kept = client.get(KEPT).content.decode()
    assert "The file itself could not be kept." in kept
    assert "<bdi>faqs.csv</bdi>" in kept


def test_long_forms_of_nobody_fill_no_store(
    written: tuple[Client, dict[str, Any]], settings: Any
) -> None:
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"kept_large_form.address": "1/300"}
    _client, form = written
    kept = []
    for answer in ("x" * 100_000, "x" * 100_000, "short"):
        nobody = Client()
        nobody.get("/login/")
        nobody.post(NEW, form | {"answer": answer})
        kept.append("kept_forms" in nobody.session)
    assert kept == [True, False, True]


@pytest.mark.parametrize("is_gone", [True, False], ids=["expired", "idle"])
def test_an_operators_form_outlives_the_session(owner: Membership, *, is_gone: bool) -> None:
    User.objects.filter(pk=owner.user_id).update(is_staff=True, is_superuser=True)
    client = Client()
    log_in(client, owner)
    path = f"/admin/organizations/organization/{owner.organization_id}/change/"
    form = form_of(client.get(path), "name") | {"name": "Sunbean and Sons", "_save": ["Save"]}
    if is_gone:
        client.session.flush()
    else:
        session = client.session
        session["operator_seen"] = 1
        session.save()
    lapsed = client.post(path, form)
    assert LEADS_TO_KEPT.fullmatch(lapsed["Location"])
    assert "_auth_user_id" not in client.session
    assert log_in(client, owner, KEPT)["Location"] == KEPT
    page = client.get(KEPT)
    assert "Sunbean and Sons" in page.content.decode()
    saved = client.post(path, form_of(page, "_kept"))
    assert (saved.status_code, saved["Location"]) == (302, "/admin/organizations/organization/")
    owner.organization.refresh_from_db()
    assert owner.organization.name == "Sunbean and Sons"
    assert "kept_forms" not in client.session


def test_an_operators_page_of_an_earlier_log_in_is_asked_for_once_more(
    owner: Membership,
) -> None:
    User.objects.filter(pk=owner.user_id).update(is_staff=True, is_superuser=True)
    client = Client(enforce_csrf_checks=True, headers=OWN)
    log_in(client, owner, csrfmiddlewaretoken=_tab(client, "/login/"))
    path = f"/admin/organizations/organization/{owner.organization_id}/change/"
    form = form_of(client.get(path), "name") | {"name": "Sunbean and Sons"}
    asked = client.post(path, form | {"csrfmiddlewaretoken": "x" * 64})
    assert (asked.status_code, "Sunbean and Sons" in asked.content.decode()) == (200, True)


def test_kept_text_is_shown_to_nobody_else(
    written: tuple[Client, dict[str, Any]], owner: Membership, agent: Membership
) -> None:
    client, form = written
    client.session.flush()
    client.post(NEW, form)
    log_in(client, agent, KEPT)
    assert client.get(KEPT).status_code == 302


def test_passwords_are_never_kept(owner: Membership) -> None:
    client = Client()
    log_in(client, owner)
    client.session.flush()
    answer = client.post(
        "/app/settings/security/password/", {"oldpassword": "secret one", "password1": "secret two"}
    )
    assert answer.status_code == 302
    assert "kept_forms" not in client.session


def test_a_fragment_that_lapsed_leaves_its_page_alone(owner: Membership) -> None:
    answer = Client().post("/app/knowledge/ask/", {"question": "x"}, headers={"HX-Request": "true"})
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")


# --- A CSRF token that a log-in in another tab made old -------------------------------------------


def _tab(client: Client, path: str) -> str:
    return str(form_of(client.get(path), "csrfmiddlewaretoken")["csrfmiddlewaretoken"][0])


def test_second_log_in_page_goes_on_instead_of_403(owner: Membership) -> None:
    client = Client(enforce_csrf_checks=True, headers=OWN)
    first, second = _tab(client, "/login/"), _tab(client, "/login/")
    assert log_in(client, owner, csrfmiddlewaretoken=first).status_code == 302
    answer = log_in(client, owner, "/app/settings/", csrfmiddlewaretoken=second)
    assert (answer.status_code, answer["Location"]) == (302, "/app/settings/")
    abroad = log_in(client, owner, "https://evil.example/", csrfmiddlewaretoken=second)
    assert abroad["Location"] == "/app/inbox/"


def test_old_log_in_page_of_nobody_comes_again_with_the_address(owner: Membership) -> None:
    client = Client(enforce_csrf_checks=True, headers=OWN)
    _tab(client, "/login/")
    answer = log_in(client, owner, "/app/settings/", csrfmiddlewaretoken="x" * 64)
    assert answer.status_code == 200
    form = form_of(answer, "email")
    assert form["email"] == [owner.user.email]
    assert form["next"] == ["/app/settings/"]
    assert form["password"] == [""]
    assert client.post("/login/", form | {"password": PASSWORD}).status_code == 302


@pytest.mark.parametrize(("path", "field"), [("/signup/", "email"), ("/password/reset/", "email")])
def test_other_doors_come_again_with_what_was_typed(db: None, path: str, field: str) -> None:
    client = Client(enforce_csrf_checks=True, headers=OWN)
    client.get(path)
    answer = client.post(
        path, {field: "new@example.com", "password1": "hidden", "csrfmiddlewaretoken": "x" * 64}
    )
    assert answer.status_code == 200
    assert form_of(answer, field)[field] == ["new@example.com"]
    assert "hidden" not in form_of(answer, field).get("password1", [])


def test_a_page_from_before_a_second_log_in_is_asked_for_once_more(
    owner: Membership,
) -> None:
    client = Client(enforce_csrf_checks=True, headers=OWN)
    log_in(client, owner, csrfmiddlewaretoken=_tab(client, "/login/"))
    form = form_of(client.get(NEW), "question") | {"question": "Open?", "answer": "Yes."}
    client.post("/logout/", {"csrfmiddlewaretoken": form["csrfmiddlewaretoken"]})
    log_in(client, owner, csrfmiddlewaretoken=_tab(client, "/login/"))
    asked = client.post(NEW, form)
    assert asked.status_code == 200
    assert not Faq.objects.exists()
    assert client.post(NEW, form_of(asked, "_kept")).status_code == 302
    assert Faq.objects.get().answer == "Yes."


@pytest.mark.parametrize("headers", [{}, {"Origin": "https://evil.example"}, {"Origin": "null"}])
def test_a_form_of_a_foreign_page_is_refused_as_before(
    owner: Membership, headers: dict[str, str]
) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner.user)
    answer = client.post(NEW, {"question": "Planted?", "answer": "Yes."}, headers=headers)
    assert answer.status_code == 403
    assert "Planted?" not in answer.content.decode()


@pytest.mark.parametrize("own", [{}, OWN])
def test_who_never_saw_a_page_of_ours_keeps_no_form(
    db: None, stores_clean: None, own: dict[str, str]
) -> None:
    client = Client(enforce_csrf_checks=bool(own))
    answer = client.post("/app/settings/profile/", {"name": "x" * 60_000}, headers=own)
    assert "kept-form" not in answer.get("Location", "")
    assert "sessionid" not in answer.cookies
    assert Session.objects.count() == 0


@pytest.mark.parametrize("way", ["lapsed", "stale"])
def test_forms_of_one_address_are_kept_so_often_and_no_more(
    db: None, stores_clean: None, settings: Any, way: str
) -> None:
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"kept_form.address": "2/300"}
    kept = []
    for _number in range(4):
        client = Client(enforce_csrf_checks=way == "stale")
        client.get("/login/")
        answer = client.post("/app/settings/profile/", {"name": "x" * 60_000}, headers=OWN)
        kept.append("kept-form" in answer.get("Location", ""))
    assert kept == [True, True, False, False]
    assert Session.objects.count() == 2


def test_a_form_that_is_not_kept_for_the_log_in_is_shown_to_be_copied(
    written: tuple[Client, dict[str, Any]], settings: Any
) -> None:
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"kept_form.address": "1/300"}
    client, form = written
    client.session.flush()
    answers = [client.post(NEW, form | {"answer": f"Typed {number}."}) for number in range(2)]
    assert LEADS_TO_KEPT.fullmatch(answers[0]["Location"])
    assert answers[1].status_code == 401
    assert "Typed 1." in answers[1].content.decode()
    assert not Faq.objects.exists()
