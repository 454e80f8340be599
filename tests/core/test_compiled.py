"""Statements whose SQL is made once: `crm/core/database/compiled.py`."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction
from django.db.models import QuerySet
from django.db.transaction import TransactionManagementError
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from chat.models import Conversation
from chat.services.message_log import SUMMARY_FIELDS, lock_conversation
from crm.core.database.compiled import CompiledSelect, CompiledUpdate
from crm.organizations.models import Membership
from crm.organizations.services.members import current_membership


def _columns(row: Any) -> dict[str, Any]:
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


@pytest.mark.parametrize("is_assigned", [True, False])
def test_compiled_select_gives_what_the_queryset_gives(
    conversation: Conversation, agent: Membership, *, is_assigned: bool
) -> None:
    Conversation.objects.filter(pk=conversation.pk).update(
        assignee=agent.user if is_assigned else None,
        labels=["urgent", "vip"],
        replied_by=[agent.user_id],
        waiting_since=timezone.now(),
    )
    expected = Conversation.objects.select_related(
        "customer", "assignee", "widget__organization"
    ).get(pk=conversation.pk)
    for _again in range(2):
        with transaction.atomic(), CaptureQueriesContext(connection) as queries:
            found = lock_conversation(
                organization_id=conversation.organization_id, conversation_id=conversation.pk
            )
            assert _columns(found) == _columns(expected)
            assert _columns(found.customer) == _columns(expected.customer)
            assert _columns(found.widget) == _columns(expected.widget)
            assert found.widget is not None
            assert expected.widget is not None
            assert _columns(found.widget.organization) == _columns(expected.widget.organization)
            assert (found.assignee is None) is not is_assigned
            assert found.assignee == expected.assignee
        assert len(queries) == 1
        assert 'FOR UPDATE OF "chat_conversation"' in queries[0]["sql"]


def _locked(*, pk: UUID) -> QuerySet[Conversation]:
    return Conversation.objects.select_for_update().filter(pk=pk)


def test_compiled_select_finds_no_row_of_another_id(conversation: Conversation) -> None:
    select = CompiledSelect(_locked, pk=UUID)
    assert select.first(pk=uuid4()) is None
    assert select.first(pk=conversation.pk) == conversation


@pytest.mark.django_db(transaction=True)
def test_compiled_select_locks_in_a_transaction_only(conversation: Conversation) -> None:
    select = CompiledSelect(_locked, pk=UUID)
    with transaction.atomic():
        select.first(pk=conversation.pk)
    with pytest.raises(TransactionManagementError):
        select.first(pk=conversation.pk)


def test_a_value_that_the_statement_does_not_contain_is_an_error(db: None) -> None:
    def everything(*, text: str) -> QuerySet[Conversation]:
        return Conversation.objects.all()

    with pytest.raises(ValueError, match="does not contain text"):
        CompiledSelect(everything, text=str).first(text="x")


def test_compiled_update_writes_what_saving_writes(
    conversation: Conversation, agent: Membership
) -> None:
    row = Conversation.objects.get(pk=conversation.pk)
    row.last_message = {"text": "“Xin chào” % {}", "n": [1, None]}
    row.replied_by = [agent.user_id]
    row.waiting_since = timezone.now()
    row.last_customer_message = {}
    before = row.updated_at
    assert CompiledUpdate(Conversation, SUMMARY_FIELDS).save(row)
    stored = Conversation.objects.get(pk=conversation.pk)
    assert stored.updated_at > before
    assert _columns(stored) == _columns(row)


def test_compiled_update_says_where_the_row_is_gone(conversation: Conversation) -> None:
    row = Conversation.objects.get(pk=conversation.pk)
    Conversation.objects.filter(pk=conversation.pk).delete()
    assert not CompiledUpdate(Conversation, SUMMARY_FIELDS).save(row)


def test_compiled_select_gives_annotations(owner: Membership) -> None:
    expected = Membership.objects.with_rights().get(pk=owner.pk)
    found = current_membership(
        user=owner.user, organization_id=str(owner.organization_id), granted_at=timezone.now()
    )
    assert found is not None
    assert _columns(found) == _columns(expected)
    assert _columns(found.organization) == _columns(expected.organization)
    for name in ("known_colleagues", "known_led", "known_factor_rule_met"):
        assert getattr(found, name) == getattr(expected, name)
    assert found.custom_role is None
