"""Visits of visitors with a verified identity."""

from collections.abc import Mapping
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from chat.errors import IdentityUsed
from chat.identity import Proof
from chat.managers import ConversationDocuments
from chat.models import Conversation, IdentityUse, Status, VisitorToken, Widget
from chat.services.conversations import customer_sender
from chat.services.message_log import change, lock_conversation
from chat.services.visitors import (
    Visit,
    end_visits,
    extend_visit,
    hash_of,
    issue_visit,
    known_visit,
    merge_claims,
)
from crm.customers.models import Customer, Stage
from crm.organizations.models import Organization


@transaction.atomic
def start_verified_visit(
    *,
    widget: Widget,
    token: str | None,
    proof: Proof,
    claims: Mapping[str, str],
    language_code: str,
) -> Visit:
    """Start a visit as the customer whom the token identifies among those of this widget.

    The conversations of the browser's anonymous visitor move to that customer, because it holds
    both tokens. A browser that was another identified customer starts a new visit. An anonymous
    visitor who is identified gets a new visitor token, so that a planted token is useless. Raise
    IdentityUsed where another browser used this identity token before.
    """
    organization_id = widget.organization_id
    # The lock under which a customer of this id is looked for and made.
    Organization.objects.select_for_update(no_key=True).get(pk=organization_id)
    # Locked, too: agents edit customers, and neither shall be refused for the other.
    customers = Customer.objects.of(organization_id).select_for_update(no_key=True)
    space = widget.identity_space
    customer = customers.filter(identity_space=space, external_id=proof.external_id).first()
    known = known_visit(widget=widget, token=token)
    if known is not None:
        known.customer = customers.get(pk=known.customer_id)
    use = _use_proof(widget, proof, token=token, known=known)
    if known is not None and known.customer.is_identified_as(
        space=space, external_id=proof.external_id
    ):
        _write_facts(known.customer, proof)
        merge_claims(known.customer, claims)
        extend_visit(known, secret=proof.secret)
        _record_token(use, known)
        return Visit(token=str(token), record=known, is_new=False)
    is_nobody = known is not None and not known.customer.external_id
    if customer is None:
        customer = (
            known.customer
            if known is not None and is_nobody
            else Customer(organization_id=organization_id, language_code=language_code)
        )
        customer.identity_space, customer.external_id = space, proof.external_id
        customer.stage = Stage.CUSTOMER
        customer.verified_at = timezone.now()
        if is_nobody:
            customer.save(
                update_fields=[
                    "external_id",
                    "identity_space",
                    "stage",
                    "verified_at",
                    "updated_at",
                ]
            )
        else:
            customer.save()
    elif known is not None and is_nobody:
        _move_conversations(known.customer, customer)
    if known is not None and is_nobody:
        end_visits(known.customer)
    _write_facts(customer, proof)
    merge_claims(customer, claims)
    # Only who was nobody goes on with what the page shows; others begin with an empty one.
    visit = issue_visit(widget=widget, customer=customer, is_new=not is_nobody, secret=proof.secret)
    _record_token(use, visit.record)
    return visit


def _use_proof(
    widget: Widget, proof: Proof, *, token: str | None, known: VisitorToken | None
) -> IdentityUse:
    """Reserve an identity token for one browser, which may send it again. Raise IdentityUsed.

    The browser is recognized by the visitor token that it sent with the identity token, or by the
    one issued for it: an eavesdropper has neither.
    """
    shown_with = hash_of(token) if token else ""
    use, is_first = IdentityUse.objects.get_or_create(
        widget=widget,
        jti_hash=hash_of(proof.jti),
        defaults={
            "organization_id": widget.organization_id,
            "shown_with": shown_with,
            "expires_at": proof.expires_at,
        },
    )
    if is_first:
        return use
    has_its_token = known is not None and known.pk == use.token_id
    if not has_its_token and (not shown_with or shown_with != use.shown_with):
        raise IdentityUsed
    return use


def _record_token(use: IdentityUse, record: VisitorToken) -> None:
    if use.token_id != record.pk:
        use.token = record
        use.save(update_fields=["token"])


def _write_facts(customer: Customer, proof: Proof) -> None:
    """Update the customer from what the site changed in the verified data since the last proof.

    A fact that it proves for the first time only fills an empty field: what is there, colleagues
    wrote.
    """
    proved = customer.proved
    news = {name: value for name, value in proof.facts.items() if proved.get(name) != value}
    if not news:
        return
    changed = [
        name
        for name, value in news.items()
        if getattr(customer, name) != value and (name in proved or not getattr(customer, name))
    ]
    for name in changed:
        setattr(customer, name, news[name])
    customer.proved = {**proved, **news}
    customer.save(update_fields=[*changed, "proved", "updated_at"])


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
