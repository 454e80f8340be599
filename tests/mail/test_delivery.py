"""Letters on their way out, through a real SMTP server on loopback."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from crm.core.mail import services
from crm.core.mail.models import Mail
from crm.core.mail.services import Email, deliver_mail, late_mails, purge_mails, queue_mail
from crm.core.mail.tasks import deliver
from tests.mail.sink import Sink, listening
from tests.sweeps import sweep

OUTBOX = reverse("mail:outbox")
KEY = "https://crm.example/verify/secret-key/"


@pytest.fixture
def sink(settings: Settings) -> Iterator[Sink]:
    with listening() as sink:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", sink.port
        settings.DEFAULT_FROM_EMAIL = "NextFlow <no-reply@crm.example>"
        yield sink


def email(**changes: Any) -> Email:
    told: dict[str, Any] = {
        "subject": "Xin chào, Привет",
        "paragraphs": ("Chị Lan thân mến", "<b>Bold & true</b>"),
        "action_label": "Confirm",
        "action_url": KEY,
    }
    return Email(**(told | changes))


def queued(**changes: Any) -> Mail:
    return queue_mail(
        kind="test", to="lan@fjord.example", language_code="vi", compose=lambda: email(**changes)
    )


def test_letter_arrives_as_text_and_as_html(db: None, sink: Sink) -> None:
    mail = queued()
    assert deliver_mail(mail_id=mail.pk)
    (got,) = sink.got
    assert got["Subject"] == "Xin chào, Привет"
    assert (got["To"], got["From"]) == ("lan@fjord.example", "NextFlow <no-reply@crm.example>")
    assert got["Message-ID"] == f"<{mail.pk}@crm.example>"
    assert got["Auto-Submitted"] == "auto-generated"
    text, html = got.get_body(("plain",)), got.get_body(("html",))
    assert text is not None
    assert html is not None
    assert "Chị Lan thân mến" in text.get_content()
    assert f"Confirm:\n{KEY}" in text.get_content().replace("\r\n", "\n")
    assert "<b>Bold & true</b>" in text.get_content()
    assert "&lt;b&gt;Bold &amp; true&lt;/b&gt;" in html.get_content()
    assert f'href="{KEY}"' in html.get_content()
    assert '<html lang="vi">' in html.get_content()


def test_letter_goes_out_once_and_its_text_is_forgotten(db: None, sink: Sink) -> None:
    mail = queued()
    assert deliver_mail(mail_id=mail.pk)
    assert not deliver_mail(mail_id=mail.pk)
    deliver(str(mail.pk))
    assert len(sink.got) == 1
    mail.refresh_from_db()
    assert mail.sent_at is not None
    assert (mail.text, mail.html, mail.attempts) == ("", "", 1)


def test_letter_that_is_being_sent_is_left_alone(db: None, sink: Sink) -> None:
    mail = queued()
    assert Mail.objects.claim(mail.pk, timezone.now(), lease=services.LEASE)
    assert not deliver_mail(mail_id=mail.pk)
    assert sink.got == []
    Mail.objects.update(due_at=timezone.now() - timedelta(minutes=1))
    assert deliver_mail(mail_id=mail.pk), "whoever took it died"


def test_server_that_is_busy_is_asked_again_later(
    db: None, sink: Sink, caplog: pytest.LogCaptureFixture
) -> None:
    sink.refusal = "451 Try again, lan@fjord.example"
    mail = queued()
    assert not deliver_mail(mail_id=mail.pk)
    mail.refresh_from_db()
    assert mail.given_up_at is None
    assert mail.due_at > timezone.now()
    assert KEY in mail.text
    # The mail server of the test logs, too.
    said = [line for line in caplog.records if line.name.startswith("crm.")]
    assert len(said) == 1
    assert "lan@fjord.example" not in f"{said[0].getMessage()} {vars(said[0])}"
    sink.refusal = ""
    Mail.objects.update(due_at=timezone.now() - timedelta(minutes=1))
    assert late_mails() == [mail.pk]
    assert deliver_mail(mail_id=mail.pk)


def test_server_that_is_away_loses_nothing(db: None, sink: Sink, settings: Settings) -> None:
    settings.EMAIL_PORT = 1
    mail = queued()
    assert not deliver_mail(mail_id=mail.pk)
    mail.refresh_from_db()
    assert (mail.sent_at, mail.given_up_at) == (None, None)
    assert KEY in mail.text


def test_final_refusal_ends_it_and_forgets_the_text(db: None, sink: Sink) -> None:
    sink.refusal = "550 No such mailbox"
    mail = queued()
    deliver_mail(mail_id=mail.pk)
    mail.refresh_from_db()
    assert mail.given_up_at is not None
    assert mail.text == ""
    assert late_mails() == []


def test_letter_is_given_up_after_many_attempts(db: None, sink: Sink) -> None:
    sink.refusal = "451 Later"
    mail = queued()
    for _attempt in range(services.MAX_ATTEMPTS):
        Mail.objects.update(due_at=timezone.now() - timedelta(minutes=1))
        deliver_mail(mail_id=mail.pk)
    mail.refresh_from_db()
    assert mail.attempts == services.MAX_ATTEMPTS
    assert mail.given_up_at is not None


@pytest.mark.django_db(transaction=True)
def test_nothing_is_queued_before_the_commit(
    stores_clean: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(deliver, "delay", asked.append)
    with transaction.atomic():
        mail = queued()
        assert asked == []
    assert asked == [str(mail.pk)]
    with transaction.atomic():
        queued()
        transaction.set_rollback(True)
    assert asked == [str(mail.pk)]
    assert Mail.objects.count() == 1


def test_sweeper_starts_what_was_not_started(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(deliver, "delay", asked.append)
    mail = queued()
    sweep(deliver)
    assert asked == [], "a new one is left to its own task"
    Mail.objects.update(due_at=timezone.now() - timedelta(minutes=1))
    sweep(deliver)
    assert asked == [str(mail.pk)]


def test_names_of_others_cannot_forge_a_header(db: None, sink: Sink) -> None:
    mail = queued(subject="Join us\r\nBcc: everybody@evil.example")
    assert deliver_mail(mail_id=mail.pk)
    (got,) = sink.got
    assert got["Bcc"] is None
    assert got["Subject"] == "Join us Bcc: everybody@evil.example"


def test_old_letters_are_dropped(db: None, sink: Sink) -> None:
    sent, waiting = queued(), queued()
    deliver_mail(mail_id=sent.pk)
    Mail.objects.filter(pk=sent.pk).update(sent_at=timezone.now() - timedelta(days=31))
    assert purge_mails() == 1
    assert list(Mail.objects.all()) == [waiting]


def test_outbox_shows_letters_where_there_is_no_mail_server(
    db: None, client: Client, settings: Settings
) -> None:
    mail = queued()
    assert client.get(OUTBOX).status_code == 404
    settings.MAIL_OUTBOX = True
    assert deliver_mail(mail_id=mail.pk)
    page = client.get(OUTBOX).content.decode()
    assert f'<a href="{KEY}"' in page
    assert "&lt;b&gt;Bold" in page
    assert "<b>Bold" not in page
