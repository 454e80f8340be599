"""Serializers of the chat API's responses, for the schema."""

from typing import Any

from rest_framework import serializers

from chat.models import Channel, Priority, Status
from crm.core.fields import MomentField

Shape = serializers.Serializer[Any]


class NamedSerializer(Shape):
    id = serializers.CharField()
    name = serializers.CharField()


class PreviewSerializer(Shape):
    text = serializers.CharField(required=False)
    type = serializers.CharField(required=False)
    sender_type = serializers.CharField(required=False)
    sender_name = serializers.CharField(required=False)


class CustomerPreviewSerializer(Shape):
    seq = serializers.IntegerField(required=False)
    text = serializers.CharField(required=False)
    type = serializers.CharField(required=False)
    timestamp = MomentField(required=False)


class ConversationSerializer(Shape):
    id = serializers.UUIDField()
    stream = serializers.CharField()
    epoch = serializers.CharField()
    status = serializers.ChoiceField(choices=Status.choices)
    channel = serializers.ChoiceField(choices=Channel.choices)
    priority = serializers.ChoiceField(choices=Priority.choices)
    labels = serializers.ListField(child=serializers.CharField())
    language = serializers.CharField()
    customer = NamedSerializer()
    assignee = NamedSerializer(allow_null=True)
    bot_name = serializers.CharField(
        allow_blank=True, help_text="What the settings of its widget call the bot."
    )
    last_seq = serializers.IntegerField()
    inbound_total = serializers.IntegerField()
    answered_inbound_total = serializers.IntegerField(
        help_text="`inbound_total` of when your team last answered the customer, or closed it."
    )
    last_message = PreviewSerializer()
    last_customer_message = CustomerPreviewSerializer(help_text="What the customer said last.")
    last_message_at = MomentField()
    waiting_since = MomentField(allow_null=True)
    escalated_at = MomentField(
        allow_null=True, help_text="When the bot handed it over; null once a person has acted."
    )
    snoozed_until = MomentField(allow_null=True)
    customer_seen_seq = serializers.IntegerField()
    is_over_quota = serializers.BooleanField(
        help_text="It began after the conversations of the plan were used up."
    )
    created_at = MomentField()
    updated_at = MomentField()
    unread = serializers.IntegerField(
        help_text="Customer's messages that you have not seen and nobody of your team answered."
    )


class ConversationCustomerSerializer(Shape):
    id = serializers.UUIDField()
    name = serializers.CharField()
    email = serializers.CharField(allow_blank=True)
    phone = serializers.CharField(allow_blank=True)
    language = serializers.CharField(allow_blank=True)
    stage = serializers.CharField()
    claimed = serializers.JSONField()
    created_at = MomentField()


class OtherConversationSerializer(Shape):
    id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=Status.choices)
    text = serializers.CharField(allow_blank=True)
    last_message_at = MomentField()


class ConversationDetailSerializer(Shape):
    conversation = ConversationSerializer()
    customer = ConversationCustomerSerializer()
    widget = serializers.CharField(allow_blank=True)
    others = OtherConversationSerializer(many=True)
    seen_seq = serializers.IntegerField()


class ChangedSerializer(Shape):
    conversation = ConversationSerializer()


class InboxPageSerializer(Shape):
    organization = serializers.UUIDField()
    rows = ConversationSerializer(many=True)
    next = serializers.CharField(allow_null=True)


class CountsSerializer(Shape):
    limit = serializers.IntegerField()
    counts = serializers.DictField(
        child=serializers.DictField(child=serializers.IntegerField()),
        help_text="By box, then by status.",
    )
    waiting = serializers.IntegerField(
        help_text="Open ones, yours or nobody's, whose customer waits for a reply."
    )
    unread = serializers.IntegerField(
        help_text="Open ones, yours or nobody's, with messages that are unread."
    )


class AgentSerializer(Shape):
    id = serializers.UUIDField()
    name = serializers.CharField()
    role = serializers.CharField()
    is_me = serializers.BooleanField()


class AgentsSerializer(Shape):
    agents = AgentSerializer(many=True)


class AlertsSerializer(Shape):
    sound = serializers.BooleanField()
    desktop = serializers.BooleanField()


class EventSerializer(Shape):
    """An event of a stream, as every client receives it."""

    type = serializers.ChoiceField(choices=["event"])
    stream = serializers.CharField()
    seq = serializers.IntegerField()
    kind = serializers.ChoiceField(
        choices=["message.posted", "message.edited", "message.deleted", "conversation.changed"]
    )
    data = serializers.DictField()  # type: ignore[assignment]  # its declaration is taken away


class HistorySerializer(Shape):
    stream = serializers.CharField()
    epoch = serializers.CharField()
    events = EventSerializer(many=True)
    has_more = serializers.BooleanField()


class EventPageSerializer(Shape):
    stream = serializers.CharField()
    epoch = serializers.CharField()
    to = serializers.IntegerField()
    recovered = serializers.BooleanField()
    events = EventSerializer(many=True)
    last_seq = serializers.IntegerField()
    reason = serializers.CharField(required=False)

    def get_fields(self) -> dict[str, Any]:
        # A word of Python cannot be declared.
        return super().get_fields() | {"from": serializers.IntegerField()}


class StreamSerializer(Shape):
    """``priority`` and ``inbound_total`` are sent to the team only."""

    stream = serializers.CharField()
    epoch = serializers.CharField()
    last_seq = serializers.IntegerField()
    customer_seen_seq = serializers.IntegerField()
    status = serializers.ChoiceField(choices=Status.choices)
    channel = serializers.ChoiceField(choices=Channel.choices)
    priority = serializers.ChoiceField(choices=Priority.choices, required=False)
    inbound_total = serializers.IntegerField(required=False)


class PostedSerializer(Shape):
    message_id = serializers.UUIDField()
    seq = serializers.IntegerField()
    timestamp = MomentField()
    client_message_id = serializers.CharField()
    stream = serializers.CharField()
    epoch = serializers.CharField()


class RefusedSerializer(Shape):
    code = serializers.CharField()
    message = serializers.CharField()
    field = serializers.CharField(required=False)
    retry_after = serializers.FloatField(required=False)


class BatchResultSerializer(Shape):
    """One message of a batch: either ``posted`` or ``refused``."""

    client_message_id = serializers.CharField()
    posted = PostedSerializer(allow_null=True)
    refused = RefusedSerializer(allow_null=True)


class BatchSerializer(Shape):
    results = BatchResultSerializer(many=True)


class SeenSerializer(Shape):
    stream = serializers.CharField()
    seq = serializers.IntegerField()


class TicketSerializer(Shape):
    ticket = serializers.CharField()
    ticket_expires_in = serializers.IntegerField()
    websocket_path = serializers.CharField()


class WidgetSettingsSerializer(Shape):
    name = serializers.CharField()
    organization = serializers.CharField()
    color = serializers.CharField()
    position = serializers.CharField()
    language = serializers.CharField()
    languages = serializers.ListField(child=serializers.CharField())
    texts = serializers.DictField(child=serializers.CharField(allow_blank=True))
    bot_enabled = serializers.BooleanField()


class OpenConversationSerializer(Shape):
    id = serializers.UUIDField()
    stream = serializers.CharField()
    epoch = serializers.CharField()
    last_seq = serializers.IntegerField()
    customer_seen_seq = serializers.IntegerField()
    status = serializers.ChoiceField(choices=Status.choices)


class VisitSerializer(TicketSerializer):
    visitor_token = serializers.CharField()
    is_new = serializers.BooleanField()
    is_verified = serializers.BooleanField(help_text="Whether their site proved who they are.")
    customer_id = serializers.UUIDField()
    settings = WidgetSettingsSerializer()
    conversation = OpenConversationSerializer(allow_null=True)
    heartbeat_seconds = serializers.FloatField()
    max_text_length = serializers.IntegerField()
