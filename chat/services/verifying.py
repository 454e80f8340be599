"""Visitors whose site proved who they are."""

from collections.abc import Mapping
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from chat.identity import Proof
from chat.managers import ConversationDocuments
from chat.models import Conversation, Status, VisitorToken, Widget
from chat.services.conversations import customer_sender
from chat.services.log import change, lock_conversation
from chat.services.visitors import Visit, issue_visit, known_visit, note_claims
from crm.accounts.models import Organization
from crm.customers.models import Customer, Stage


@transaction.atomic
def start_verified_visit(
    *,
    widget: Widget,
    token: str | None,
    proof: Proof,
    claims: Mapping[str, str],
    language_code: str,
) -> Visit:
    """Let a browser in as the customer whom the proof names.

    What it wrote before as nobody in particular becomes that customer's, because it holds both: the
    token of the one and the proof of the other. A browser that was somebody else starts anew. Who
    becomes somebody gets another token: a token that was planted in the browser is worth nothing.
    """
    organization_id = widget.organization_id
    # The lock under which a customer of this id is looked for and made.
    Organization.objects.select_for_update(no_key=True).get(pk=organization_id)
    theirs = Customer.objects.filter(organization_id=organization_id, external_id=proof.external_id)
    customer = theirs.first()
    known = known_visit(widget=widget, token=token)
    if known is not None and known.customer.external_id == proof.external_id:
        _write_facts(known.customer, proof)
        note_claims(known.customer, claims)
        return Visit(token=str(token), record=known, is_new=False)
    is_nobody = known is not None and not known.customer.external_id
    if customer is None:
        customer = (
            known.customer
            if known is not None and is_nobody
            else Customer(organization_id=organization_id, language_code=language_code)
        )
        customer.external_id = proof.external_id
        customer.stage = Stage.CUSTOMER
        customer.verified_at = timezone.now()
        if is_nobody:
            customer.save(update_fields=["external_id", "stage", "verified_at", "updated_at"])
        else:
            customer.save()
    elif known is not None and is_nobody:
        _move_conversations(known.customer, customer)
    if known is not None and is_nobody:
        VisitorToken.objects.filter(
            organization_id=organization_id, customer_id=known.customer_id
        ).delete()
    _write_facts(customer, proof)
    note_claims(customer, claims)
    # Only who was nobody goes on with what the page shows; others begin with an empty one.
    return issue_visit(widget=widget, customer=customer, is_new=not is_nobody)


def _write_facts(customer: Customer, proof: Proof) -> None:
    """Take over what the site vouches for."""
    changed = [name for name, value in proof.facts.items() if getattr(customer, name) != value]
    for name in changed:
        setattr(customer, name, proof.facts[name])
    if changed:
        customer.save(update_fields=[*changed, "updated_at"])


def _move_conversations(visitor: Customer, customer: Customer) -> None:
    ids: list[UUID] = list(
        Conversation.objects.of_customer(
            organization_id=visitor.organization_id, customer_id=visitor.pk
        )
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    for conversation_id in ids:
        conversation = lock_conversation(
            organization_id=visitor.organization_id, conversation_id=conversation_id
        )
        conversation.customer = customer
        conversation.save(update_fields=["customer", "updated_at"])
        if conversation.status == Status.CLOSED or not conversation.last_seq:
            ConversationDocuments.follow(conversation)
        else:
            change(conversation, "identified", by=customer_sender(customer))
