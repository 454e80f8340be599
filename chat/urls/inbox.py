from django.urls import path

from chat.api import conversations
from chat.api import inbox as api
from chat.views import explanation
from chat.views import inbox as pages
from chat.views.presence import report_presence

_conversation = "api/v1/conversations/<uuid:conversation_id>"

urlpatterns = [
    path("app/inbox/", pages.inbox_page, name="inbox"),
    path("app/inbox/<uuid:conversation_id>/", pages.inbox_page, name="inbox_conversation"),
    path("app/presence/", report_presence, name="presence"),
    path("api/v1/conversations", conversations.Conversations.as_view(), name="conversations"),
    path(
        "app/inbox/<uuid:conversation_id>/access/",
        explanation.conversation_reasons,
        name="conversation_reasons",
    ),
    path("api/v1/inbox/conversations", api.Conversations.as_view(), name="inbox_conversations"),
    path("api/v1/inbox/counts", api.Counts.as_view(), name="inbox_counts"),
    path("api/v1/inbox/agents", api.Agents.as_view(), name="inbox_agents"),
    path("api/v1/inbox/alerts", api.Alerts.as_view(), name="inbox_alerts"),
    path(_conversation, api.ConversationDetail.as_view(), name="conversation"),
    path(
        f"{_conversation}/messages",
        api.ConversationMessages.as_view(),
        name="conversation_messages",
    ),
    path(f"{_conversation}/take-over", api.TakeOver.as_view(), name="take_over"),
    path(f"{_conversation}/return-to-bot", api.ReturnToBot.as_view(), name="return_to_bot"),
    path(f"{_conversation}/assign", api.Assign.as_view(), name="assign"),
    path(f"{_conversation}/close", api.Close.as_view(), name="close"),
    path(f"{_conversation}/reopen", api.Reopen.as_view(), name="reopen"),
    path(f"{_conversation}/snooze", api.Snooze.as_view(), name="snooze"),
]
