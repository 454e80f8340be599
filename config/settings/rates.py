"""Default rate limits."""

# How often, by endpoint and by whom it is counted: `requests/seconds`, `requests/seconds/at once`.
# `RATE_LIMITS` of the environment replaces single ones: `api.key=1200/60,api.address=off`.
RATE_LIMIT_DEFAULTS: dict[str, str] = {
    "log_in.address": "100/300",
    # Log-ins that were begun with a passkey or a provider, each of which makes a session.
    "log_in_beginning.address": "120/300",
    "sign_up.address": "20/3600",
    "kept_form.address": "60/300",
    # Up to the largest body that is read.
    "kept_large_form.address": "10/300",
    "confirmation.user": "10/300",
    "second_factor.user": "10/300",
    "address_change.user": "5/3600",
    # Emails to addresses that are not verified yet: by sender (logged in) and by recipient.
    "unverified_email.user": "5/3600",
    "unverified_email.recipient": "5/3600",
    "invitation.organization": "100/3600",
    "invitation.recipient": "10/3600",
    "invitation_link.address": "60/300",
    "password_reset.account": "5/3600",
    "password_reset.address": "30/3600",
    "token.address": "600/60",
    "api.key": "600/60",
    "api.user": "1200/60",
    "api.organization": "12000/60/6000",
    "api.address": "6000/60/3000",
    # Forms of pages that create or edit something, refused ones too.
    "form.user": "300/60",
    # What was refused for want of a valid log-in, key or token.
    "api_refused.address": "60/60",
    "help_page.address": "300/60",
    # Each takes some hundredths of a second of a core.
    "help_search.address": "60/60/20",
    "ask.user": "60/60/20",
    "widget_session.address": "300/60",
    "widget_session.widget": "6000/60",
    # Visitors that nobody knew before: whoever makes them by the hundred is no household and no
    # office. A visitor who comes back is not counted.
    "widget_visitor.address": "300/3600/60",
    # What the bot looks at, answered or not: each takes a worker's time from all organizations.
    "bot_question.address": "60/60/30",
    "bot_question.conversation": "30/60/15",
    # Answers that the plan is charged for; beyond, people answer.
    "bot_answer.address": "120/3600/60",
    "bot_answer.conversation": "60/3600/30",
    "widget_read.visitor": "1200/60",
    "widget_ticket.visitor": "60/60",
    "widget_post.visitor": "600/60/60",
    # All visitors of an office or a mobile network together, whichever organizations they write to.
    "widget_post.address": "1200/60/300",
}
