"""Participants of a stream and their permissions: visitors and agents.

Sockets, long polls and the API all use this module, so that they cannot disagree.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast
from uuid import UUID

from chat.content import clean_content
from chat.errors import (
    AmendedFromOutside,
    ConversationNotFound,
    NobodyReads,
    NoteFromOutside,
    ReadOnly,
    SentTooFast,
    StreamRequired,
)
from chat.events import Audience, announce_agents_seen, widget_group
from chat.managers import ConversationQuerySet
from chat.models import (
    ContentType,
    Conversation,
    Message,
    SenderType,
    VisitorToken,
    Widget,
)
from chat.services import (
    Posted,
    delete_message,
    edit_message,
    mark_seen_by_agent,
    mark_seen_by_customer,
    open_conversation,
    post_among,
    require_same,
)
from chat.services.conversations import customer_sender, sender_of
from chat.services.permissions import is_visible, refusal_of_change
from chat.services.visitors import renew_visit
from chat.visitor_addresses import store_address
from crm.authentication.errors import AccessEnded
from crm.authentication.principals import Access, renew, renew_machine
from crm.authentication.services.sessions import note_use
from crm.core import ratelimit, realtime
from crm.core.permissions import READ, WRITE, ApiKeyPrincipal, Module, Principal, can_access
from crm.core.permissions.errors import ImpersonatingReadOnly
from crm.customers.models import Customer
from crm.organizations.models import Membership

PREFIX = "conversation:"


def conversation_id_of(stream: str) -> UUID:
    """Return the conversation id of a stream name. Raise ConversationNotFound for an
    invalid one.
    """
    try:
        conversation_id = UUID(stream.removeprefix(PREFIX))
    except ValueError:
        raise ConversationNotFound from None
    if stream != f"{PREFIX}{conversation_id}":
        raise ConversationNotFound
    return conversation_id


def _conversation(conversations: ConversationQuerySet, stream: str) -> Conversation:
    conversation = conversations.filter(pk=conversation_id_of(stream)).first()
    if conversation is None:
        raise ConversationNotFound
    return conversation


@dataclass(frozen=True, slots=True)
class Visitor:
    """A visitor of a site, identified by a token; ``secret_id`` is the secret of their identity.

    ``address`` is where they come from now (`ratelimit.client_address`); `at` sets it.
    """

    organization_id: UUID
    customer_id: UUID
    widget_id: UUID
    language_code: str
    token_id: UUID
    secret_id: UUID | None = None
    address: str = ""

    audience = Audience.CUSTOMER
    sender_type = "customer"

    @classmethod
    def of(cls, record: VisitorToken, language_code: str = "") -> "Visitor":
        return cls(
            organization_id=record.organization_id,
            customer_id=record.customer_id,
            widget_id=record.widget_id,
            language_code=language_code or record.customer.language_code,
            token_id=record.pk,
            secret_id=record.secret_id,
        )

    def at(self, address: str) -> "Visitor":
        """Return the visitor as they come from this address."""
        return replace(self, address=address)

    def claims(self) -> dict[str, str]:
        """Return the claims of a ticket for this visitor."""
        return {
            "organization": str(self.organization_id),
            "token": str(self.token_id),
            "language": self.language_code,
        }

    @property
    def log_name(self) -> str:
        return f"visitor:{self.customer_id}"

    def conversations(self) -> ConversationQuerySet:
        return Conversation.objects.of_customer(
            organization_id=self.organization_id, customer_id=self.customer_id
        )

    def conversation_of(self, stream: str) -> Conversation:
        return _conversation(self.conversations(), stream)

    def post(
        self, *, stream: str | None, client_message_id: str, content: Mapping[str, Any]
    ) -> Posted:
        """Post a message; without a stream, to the open conversation or a new one."""
        self.count_message()
        content = clean_content(content)
        if content["type"] == ContentType.NOTE:
            # Before a conversation is opened for it.
            raise NoteFromOutside
        if stream is None:
            message = open_conversation(
                organization_id=self.organization_id,
                customer_id=self.customer_id,
                widget=Widget.objects.filter(
                    organization_id=self.organization_id, pk=self.widget_id
                ).first(),
                language_code=self.language_code,
                content=content,
                client_message_id=client_message_id,
            )
            require_same(message, content=content, sender_type=SenderType.CUSTOMER)
            epoch = (
                self.conversations().values_list("epoch", flat=True).get(pk=message.conversation_id)
            )
            return Posted(message, epoch)
        posted = post_among(
            lambda conversation: conversation.customer_id == self.customer_id,
            organization_id=self.organization_id,
            conversation_id=conversation_id_of(stream),
            sender_of=lambda conversation: customer_sender(conversation.customer),
            content=content,
            client_message_id=client_message_id,
        )
        require_same(posted.message, content=content, sender_type=SenderType.CUSTOMER)
        return posted

    def count_message(self) -> None:
        """Count a message to be posted, by visitor and by address. Raise SentTooFast."""
        counted = {"visitor": self.customer_id, "address": self.address or None}
        try:
            ratelimit.enforce("widget_post", counted)
        except ratelimit.RateLimitExceeded as refusal:
            wait = max(each.retry_after for each in refusal.statuses)
            raise SentTooFast(extra={"retry_after": round(max(wait, 0.1), 1)}) from refusal
        if self.address:
            store_address(self.customer_id, self.address)

    def edit(
        self,
        *,
        stream: str,
        message_id: UUID,
        text: str,
        client_message_id: str,
        before: str | None = None,
    ) -> Message:
        self.conversation_of(stream)
        raise AmendedFromOutside

    def delete(self, *, stream: str, message_id: UUID) -> Message:
        self.conversation_of(stream)
        raise AmendedFromOutside

    def renewed(self) -> "Visitor":
        """Return the visitor if the token is still valid. Raise AccessEnded."""
        record = renew_visit(organization_id=self.organization_id, token_id=self.token_id)
        return Visitor.of(record, self.language_code).at(self.address)

    def kick_groups(self) -> tuple[str, ...]:
        """Return the groups that are notified when access ends."""
        return (
            realtime.visitor_group(self.customer_id),
            realtime.visitors_group(self.organization_id),
            widget_group(self.widget_id),
        )

    def is_meant(self, kick: Mapping[str, Any]) -> bool:
        """Return whether a kick concerns this visitor's token."""
        logins, secret = kick.get("logins"), kick.get("secret")
        is_login = logins is None or str(self.token_id) in logins
        return is_login and (secret is None or secret == str(self.secret_id))

    def sees(self, owner_id: UUID | None) -> bool:
        """Return True: a visitor's access does not depend on the assignee."""
        return True

    def require_may_write_to(self, stream: str) -> None:
        """Raise ConversationNotFound: a visitor may write to each of their conversations."""
        self.conversation_of(stream)

    def mark_seen(self, *, stream: str, seq: int) -> int:
        conversation = self.conversation_of(stream)
        return mark_seen_by_customer(
            organization_id=self.organization_id, conversation_id=conversation.pk, seq=seq
        )

    def person(self) -> dict[str, str]:
        """Return the visitor as shown in typing indicators."""
        customer = Customer.objects.get(organization_id=self.organization_id, pk=self.customer_id)
        return {"id": str(self.customer_id), "type": "customer", "name": customer.display_name}


@dataclass(frozen=True, slots=True)
class Agent:
    """A member of the organization's team; ``login`` is the id of the session or the tokens.

    ``operator_id`` is the operator who impersonates the member and may not write.
    """

    membership: Membership
    login: str = ""
    operator_id: UUID | None = None

    audience = Audience.TEAM
    sender_type = "agent"

    @property
    def organization_id(self) -> UUID:
        return self.membership.organization_id

    @property
    def user_id(self) -> UUID:
        return self.membership.user_id

    @property
    def log_name(self) -> str:
        return str(self.operator_id) if self.operator_id else self.membership.actor_id

    def conversations(self) -> ConversationQuerySet:
        return Conversation.objects.visible_to(self.membership)

    def conversation_of(self, stream: str) -> Conversation:
        return _conversation(self.conversations(), stream)

    def post(
        self, *, stream: str | None, client_message_id: str, content: Mapping[str, Any]
    ) -> Posted:
        """Post a reply or an internal note."""
        content = clean_content(content)
        if stream is None:
            raise StreamRequired
        self.begin_writing()
        sender = sender_of(self.membership)
        posted = post_among(
            lambda conversation: is_visible(self.membership, conversation),
            organization_id=self.organization_id,
            conversation_id=conversation_id_of(stream),
            sender_of=lambda conversation: sender,
            content=content,
            client_message_id=client_message_id,
            by=self.membership,
        )
        require_same(posted.message, content=content, sender_type=SenderType.AGENT)
        return posted

    def edit(
        self,
        *,
        stream: str,
        message_id: UUID,
        text: str,
        client_message_id: str,
        before: str | None = None,
    ) -> Message:
        """Change the text of one's own message; ``before`` as in `edit_message`."""
        self._require_own_name()
        return edit_message(
            conversation_id=self.conversation_of(stream).pk,
            message_id=message_id,
            by=self.membership,
            text=text,
            client_message_id=client_message_id,
            before=before,
        )

    def delete(self, *, stream: str, message_id: UUID) -> Message:
        """Delete a message."""
        self._require_own_name()
        return delete_message(
            conversation_id=self.conversation_of(stream).pk,
            message_id=message_id,
            by=self.membership,
        )

    def renewed(self) -> "Agent":
        """Return this agent with current permissions. Raise AccessEnded without the inbox."""
        present = self.renewed_member()
        if not present.membership.may(Module.INBOX):
            raise AccessEnded
        return present

    def renewed_member(self) -> "Agent":
        """Return this agent with current permissions. Raise AccessEnded if access has ended."""
        who: Principal = self.membership
        present: Principal
        if isinstance(who, ApiKeyPrincipal):
            present = renew_machine(who)
        else:
            present = renew(Access(self.membership, self.login, self.operator_id)).membership
        return replace(self, membership=cast(Membership, present))

    def kick_groups(self) -> tuple[str, ...]:
        """Return the groups that are notified when access ends."""
        who: Principal = self.membership
        if isinstance(who, ApiKeyPrincipal):
            return (realtime.key_group(UUID(who.key_id)),)
        groups = (realtime.user_group(self.user_id),)
        if self.operator_id is None:
            return groups
        return (*groups, realtime.user_group(self.operator_id))

    def is_meant(self, kick: Mapping[str, Any]) -> bool:
        """Return whether a kick concerns this log-in."""
        logins = kick.get("logins")
        return logins is None or self.login in logins

    def sees(self, owner_id: UUID | None) -> bool:
        """Return whether the agent may see a conversation with this assignee; without a query."""
        return can_access(self.membership, Module.INBOX, READ, (owner_id,))

    def _require_own_name(self) -> None:
        if self.operator_id is not None:
            raise ImpersonatingReadOnly

    def begin_writing(self) -> None:
        """Record the use of the log-in. Raise ReadOnly or ImpersonatingReadOnly."""
        self.require_may_write()
        if self.login:
            note_use(self.login)

    def require_may_write(self) -> None:
        self._require_own_name()
        if not self.membership.may(Module.INBOX, WRITE):
            raise ReadOnly

    def require_may_write_to(self, stream: str) -> None:
        """Raise ReadOnly, ConversationNotFound or the refusal of a change of this conversation."""
        self.require_may_write()
        if refusal := refusal_of_change(self.membership, self.conversation_of(stream)):
            raise refusal

    def mark_seen(self, *, stream: str, seq: int) -> int:
        conversation = self.conversation_of(stream)
        if self.membership.user is None:
            raise NobodyReads
        if self.operator_id is not None:
            # They have read nothing, whatever an operator looks at.
            return 0
        position = mark_seen_by_agent(
            organization_id=self.organization_id,
            conversation_id=conversation.pk,
            user=self.membership.user,
            seq=seq,
        )
        announce_agents_seen(conversation.pk, seq=position.seen_seq)
        return position.seen_seq

    def person(self) -> dict[str, str]:
        user = self.membership.user
        return {"id": str(user.pk), "type": "agent", "name": user.name}


Viewer = Visitor | Agent
