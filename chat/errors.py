"""Errors of this app."""

from django.utils.translation import gettext_noop

from crm.core.errors import Conflict, Forbidden, Invalid, NotFound, TooFast, Unauthorized


class ConversationClosed(Conflict):
    code = "conversation_closed"
    message = gettext_noop("This conversation is closed. Start a new one, or reopen it.")


class ConversationChanged(Conflict):
    """The conversation is not in the state that the caller expected."""

    code = "conversation_changed"
    message = gettext_noop(
        "Somebody has changed this conversation since. It stays as they left it."
    )


class ConversationTaken(Conflict):
    """The bot may write only while it owns the conversation."""

    code = "assigned_to_human"
    message = gettext_noop("A person has taken over this conversation.")


class ConversationNotFound(NotFound):
    code = "conversation_not_found"
    message = gettext_noop("There is no such conversation, or you may not see it.")


class InvalidContent(Invalid):
    code = "invalid_content"
    message = gettext_noop("The message's content cannot be used. Send {type: text, text: …}.")


class EmptyText(Invalid):
    code = "empty_text"
    message = gettext_noop("The message is empty. Write something and send it again.")


class TextTooLong(Invalid):
    code = "text_too_long"
    status = 413
    message = gettext_noop("The message is too long. Shorten it or send it in parts.")


class ControlCharacters(Invalid):
    code = "control_characters"
    message = gettext_noop(
        "The message holds characters that cannot be shown. Remove them and send it again."
    )


class InvalidClientMessageId(Invalid):
    code = "invalid_client_message_id"
    message = gettext_noop(
        "client_message_id must be 1 to 64 letters, digits, '-', '_', '.' or ':'."
    )


class MessageNotFound(NotFound):
    code = "message_not_found"
    message = gettext_noop("There is no such message in this conversation.")


class MessageDeleted(Conflict):
    code = "message_deleted"
    message = gettext_noop("This message was deleted. It cannot be edited any more.")


class NotAMessage(Conflict):
    """Changes, edits and deletions are immutable events."""

    code = "not_a_message"
    message = gettext_noop("Only messages and private notes can be edited or deleted.")


class NotYourMessage(Forbidden):
    code = "not_your_message"
    message = gettext_noop(
        "This message is not yours to change. Ask a supervisor or an administrator."
    )


class AmendedTooLate(Forbidden):
    code = "amended_too_late"
    message = gettext_noop(
        "The time in which you may change this message is over. Write a new one, or ask a "
        "supervisor to delete it."
    )


class AmendedFromOutside(Forbidden):
    code = "amend_forbidden"
    message = gettext_noop(
        "Visitors cannot edit or delete messages here. Write another message instead."
    )


class NoteFromOutside(Forbidden):
    code = "note_forbidden"
    message = gettext_noop("Only the organization's own people write private notes.")


class ReadOnly(Forbidden):
    code = "read_only"
    message = gettext_noop(
        "Your role may read conversations but not write. Ask an administrator for another role."
    )


class NotYours(Forbidden):
    code = "not_assigned"
    message = gettext_noop(
        "Your role may change only conversations that are assigned to you or your team. "
        "Ask for it to be assigned."
    )


class NobodyReads(Forbidden):
    code = "user_required"
    message = gettext_noop("A key reads for nobody in particular. Mark it as seen as a person.")


class WidgetNotFound(NotFound):
    code = "widget_not_found"
    message = gettext_noop("No widget has this site key. Copy the snippet again from the settings.")


class WidgetPaused(Forbidden):
    code = "widget_paused"
    message = gettext_noop("This chat is paused. Its owner can resume it in the settings.")


class InvalidWidget(Invalid):
    """``errors`` maps field names to lists of messages."""

    code = "invalid_widget"
    message = gettext_noop("The widget cannot be saved like this. Correct what is named.")


class TooManyWidgets(Conflict):
    code = "too_many_widgets"
    message = gettext_noop("There are as many widgets as an organization may have.")


class NothingRefused(Conflict):
    code = "nothing_refused"
    message = gettext_noop("No other site was seen with this widget. Load the page again.")


class OriginNotAllowed(Forbidden):
    code = "origin_not_allowed"
    message = gettext_noop(
        "This site may not show the widget. Add its domain to the widget's allowed domains."
    )


class TicketInvalid(Unauthorized):
    code = "ticket_invalid"
    message = gettext_noop(
        "The ticket is unknown, used or expired. Get a new one and connect again."
    )


class VisitorUnknown(Unauthorized):
    code = "visitor_unknown"
    message = gettext_noop("The visitor token is unknown. Start a new widget session.")


class UnknownAssignee(Invalid):
    code = "unknown_assignee"
    message = gettext_noop(
        "This person cannot be assigned: choose an active agent of the organization."
    )


class StreamRequired(Invalid):
    code = "stream_required"
    message = gettext_noop(
        "Say which conversation the message is for: only a visitor may open one by writing."
    )


class IdentityMalformed(Invalid):
    code = "identity_malformed"
    message = gettext_noop(
        "identity must be a signed token, or an object with token, name, email and phone as texts."
    )


class IdentityInvalid(Unauthorized):
    """The same for a wrong signature, algorithm, audience or secret, so that it reveals nothing."""

    code = "identity_invalid"
    message = gettext_noop(
        "The signed identity is not accepted. Sign it anew with a present secret of this widget."
    )


class IdentityExpired(IdentityInvalid):
    code = "identity_expired"
    message = gettext_noop("The signed identity has expired. Sign a new one for each page.")


class IdentityTooLong(IdentityInvalid):
    code = "identity_too_long"
    message = gettext_noop("The signed identity lives too long. Let exp be 10 minutes after iat.")


class IdentityUsed(IdentityInvalid):
    code = "identity_used"
    message = gettext_noop(
        "The signed identity was used by another browser. Sign a new one for each page."
    )


class TooManySecrets(Conflict):
    code = "too_many_secrets"
    message = gettext_noop("Three secrets are alive already. End one that is not used any more.")


class SecretNotFound(NotFound):
    code = "secret_not_found"
    message = gettext_noop("There is no such secret. Load the page again.")


class IdempotencyKeyMissing(Invalid):
    code = "idempotency_key_missing"
    message = gettext_noop("Send the message's client_message_id in the Idempotency-Key header.")


class IdempotencyKeyDiffers(Invalid):
    code = "idempotency_key_differs"
    message = gettext_noop(
        "Idempotency-Key and client_message_id differ. Send the same value in both, or one."
    )


class OriginForbidden(Forbidden):
    code = "origin_forbidden"
    message = gettext_noop(
        "A socket from this page is not accepted. Connect from the installation's own pages."
    )


class SentTooFast(TooFast):
    message = gettext_noop("Too many messages. Wait for retry_after seconds and send it again.")


class BatchInFlight(TooFast):
    """One sender has one batch at a time in a stream."""

    code = "batch_in_flight"
    message = gettext_noop(
        "Another batch of yours is being posted here at this moment. Wait for its answer, then "
        "send this one again."
    )


class ProtocolError(Invalid):
    """An invalid frame; a client that repeats them is closed with 4409."""

    code = "protocol"
    message = gettext_noop("The frame cannot be used. See docs/stream-protocol.md.")


class InvalidJson(ProtocolError):
    code = "invalid_json"
    message = gettext_noop("The frame is not a JSON object in a text frame.")


class FrameTooLarge(ProtocolError):
    code = "frame_too_large"
    status = 413
    message = gettext_noop(
        "The frame is larger than max_frame_bytes. Shorten the message or send it in parts."
    )


class UnknownFrame(ProtocolError):
    code = "unknown_frame"
    message = gettext_noop("There is no frame of this type.")


class UnknownField(ProtocolError):
    code = "unknown_field"
    message = gettext_noop("The frame has a field that its type does not know.")


class InvalidField(ProtocolError):
    code = "invalid_field"
    message = gettext_noop("A field of the frame is missing or has a value that cannot be used.")


class HelloExpected(ProtocolError):
    code = "hello_expected"
    message = gettext_noop(
        "The first frame, and only the first, must be hello, within ten seconds."
    )


class UnknownProtocol(ProtocolError):
    code = "unknown_protocol"
    message = gettext_noop(
        "This server speaks protocol 1. Reload the page to get a current client."
    )
