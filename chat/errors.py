"""What this app refuses."""

from django.utils.translation import gettext_noop

from config.errors import AppError, Forbidden, Invalid, NotFound


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
