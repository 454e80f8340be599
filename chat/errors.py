"""What this app refuses."""

from django.utils.translation import gettext_noop

from config.errors import AppError, Forbidden, Invalid, NotFound, TooFast


class ConversationClosed(AppError):
    code = "conversation_closed"
    status = 409
    message = gettext_noop("This conversation is closed. Start a new one, or reopen it.")


class ConversationTaken(AppError):
    """The bot may write only while the conversation is its own."""

    code = "conversation_taken"
    status = 409
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


class MessageDeleted(AppError):
    code = "message_deleted"
    status = 409
    message = gettext_noop("This message was deleted. It cannot be edited any more.")


class NotAMessage(AppError):
    """Changes of a conversation, edits and deletions are history: they stay as they are."""

    code = "not_a_message"
    status = 409
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


class WidgetNotFound(NotFound):
    code = "widget_not_found"
    message = gettext_noop("No widget has this site key. Copy the snippet again from the settings.")


class OriginNotAllowed(Forbidden):
    code = "origin_not_allowed"
    message = gettext_noop(
        "This site may not show the widget. Add its domain to the widget's allowed domains."
    )


class TicketInvalid(AppError):
    code = "ticket_invalid"
    status = 401
    message = gettext_noop(
        "The ticket is unknown, used or expired. Get a new one and connect again."
    )


class VisitorUnknown(AppError):
    code = "visitor_unknown"
    status = 401
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


class IdentityNotSupported(Invalid):
    code = "identity_not_supported"
    message = gettext_noop(
        "Signed identities are not supported here. Send name, email and phone as claims."
    )


class IdentityMalformed(Invalid):
    code = "identity_malformed"
    message = gettext_noop("identity must be an object with name, email and phone as texts.")


class IdempotencyKeyMissing(Invalid):
    code = "idempotency_key_missing"
    message = gettext_noop("Send the message's client_message_id in the Idempotency-Key header.")


class IdempotencyKeyDiffers(Invalid):
    code = "idempotency_key_differs"
    message = gettext_noop(
        "Idempotency-Key and client_message_id differ. Send the same value in both, or one."
    )


class IdempotencyKeyUsed(AppError):
    code = "idempotency_key_used"
    status = 409
    message = gettext_noop(
        "This Idempotency-Key was used for something else. Choose a new one for a new request."
    )


class OriginForbidden(Forbidden):
    code = "origin_forbidden"
    message = gettext_noop(
        "A socket from this page is not accepted. Connect from the installation's own pages."
    )


class AccessEnded(Forbidden):
    code = "access_ended"
    message = gettext_noop(
        "Your access ended. Log in again, or ask an administrator of your organization."
    )


class SentTooFast(TooFast):
    message = gettext_noop("Too many messages. Wait for retry_after seconds and send it again.")


class ProtocolError(Invalid):
    """A frame that the protocol does not know; a client that repeats them is closed with 4409."""

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
