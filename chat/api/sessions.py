"""Visitor sessions of the widget, and tickets for sockets."""

from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from chat.api.authentication import (
    AGENT_AUTHENTICATION,
    VisitorAuthentication,
    agent_of_request,
    visitor_of_request,
)
from chat.api.serializers import TicketSerializer, VisitSerializer
from chat.identity import IdentityInput, check_proof, parse_identity
from chat.models import Conversation, Widget
from chat.participants import Visitor
from chat.services.identity import start_verified_visit
from chat.services.visitors import Visit, active_widget, check_origin, start_visit
from chat.services.widgets import record_seen
from chat.tickets import TICKET_SECONDS, issue_ticket
from chat.visitor_addresses import store_address
from crm.core import ratelimit, tenancy
from crm.core.api import Body, refuses
from crm.core.ratelimit.headers import record_limit_statuses
from crm.core.ratelimit.limiter import Subjects
from crm.core.store_errors import outage_refusals
from crm.organizations.models import Language

WIDGET_SOCKET = "/ws/widget/"
INBOX_SOCKET = "/ws/inbox/"


class SessionBody(Body):
    """``parent_origin`` is the origin of the embedding page, sent by the loader."""

    site_key = serializers.CharField(max_length=64)
    visitor_token = serializers.CharField(
        max_length=100, required=False, allow_null=True, allow_blank=True
    )
    parent_origin = serializers.CharField(max_length=300, required=False, allow_null=True)
    language = serializers.CharField(
        max_length=35, required=False, allow_null=True, allow_blank=True
    )
    identity = serializers.JSONField(required=False, allow_null=True)


class WidgetSessions(APIView):
    """Start or continue a visitor's session; needs a site key and no cookies."""

    authentication_classes = []
    permission_classes = []
    limit_endpoint = "widget_session"

    def limit_subjects(self, request: Request) -> Subjects:
        return {"address": ratelimit.client_address(request._request)}

    @extend_schema(
        operation_id="widget_sessions_start",
        tags=["widget"],
        request=SessionBody,
        responses={200: VisitSerializer, 201: VisitSerializer},
    )
    @refuses(401, 403, 404)
    def post(self, request: Request) -> Response:
        body = SessionBody(data=request.data)
        body.is_valid(raise_exception=True)
        posted = body.validated_data
        identity = parse_identity(posted.get("identity"))
        with outage_refusals():
            widget = active_widget(posted["site_key"])
            tenancy.enter(widget.organization_id)
            record_limit_statuses(
                request._request, ratelimit.enforce("widget_session", {"widget": widget.pk})
            )
            # Our own pages (the demo, a preview) may show every widget.
            own_origin = f"{request.scheme}://{request.get_host()}"
            if posted.get("parent_origin") not in {None, own_origin}:
                check_origin(widget, posted["parent_origin"])
                record_seen(widget, posted["parent_origin"])
            language = _language(posted.get("language"), widget)
            address = ratelimit.client_address(request._request)
            visit = _visit(
                widget,
                identity,
                address=address,
                token=posted.get("visitor_token") or None,
                language=language,
            )
            visitor = Visitor.of(visit.record, language)
            answer = {
                "visitor_token": visit.token,
                "is_new": visit.is_new,
                "is_verified": bool(visit.record.customer.external_id),
                "customer_id": str(visit.record.customer_id),
                "settings": _settings(widget, language),
                "conversation": _conversation(visitor),
                "heartbeat_seconds": settings.CHAT_HEARTBEAT_SECONDS,
                "max_text_length": settings.CHAT_MAX_TEXT_LENGTH,
                **_ticket(kind="visitor", claims=visitor.claims(), path=WIDGET_SOCKET),
            }
            store_address(visitor.customer_id, address)
        return Response(answer, status=201 if visit.is_new else 200, headers=_PRIVATE)


class WidgetTickets(APIView):
    """Issue a ticket to a visitor, for reconnecting."""

    authentication_classes = [VisitorAuthentication]
    permission_classes = []
    limit_endpoint = "widget_ticket"

    def limit_subjects(self, request: Request) -> Subjects:
        return {"visitor": visitor_of_request(request).customer_id}

    @extend_schema(
        operation_id="widget_tickets_issue",
        tags=["widget"],
        request=None,
        responses={201: TicketSerializer},
    )
    def post(self, request: Request) -> Response:
        visitor = visitor_of_request(request)
        with outage_refusals():
            ticket = _ticket(kind="visitor", claims=visitor.claims(), path=WIDGET_SOCKET)
            store_address(visitor.customer_id, ratelimit.client_address(request._request))
        return Response(ticket, status=201, headers=_PRIVATE)


class InboxTickets(APIView):
    """Issue a ticket to a member, for the inbox's socket."""

    authentication_classes = AGENT_AUTHENTICATION
    permission_classes = []

    @extend_schema(
        operation_id="inbox_tickets_issue",
        tags=["conversations"],
        request=None,
        responses={201: TicketSerializer},
    )
    def post(self, request: Request) -> Response:
        agent = agent_of_request(request)
        claims = {
            "organization": str(agent.organization_id),
            "membership": str(agent.membership.pk),
            "login": agent.login,
        }
        with outage_refusals():
            ticket = _ticket(kind="agent", claims=claims, path=INBOX_SOCKET)
        return Response(ticket, status=201, headers=_PRIVATE)


_PRIVATE = {"Cache-Control": "no-store"}


def _visit(
    widget: Widget, identity: IdentityInput, *, address: str, token: str | None, language: str
) -> Visit:
    if identity.token is None:
        return start_visit(
            widget=widget,
            token=token,
            language_code=language,
            claims=identity.claims,
            admit=lambda: ratelimit.enforce(
                "widget_visitor", {"address": f"{widget.pk}|{address}"}
            ),
        )
    proof = check_proof(widget, identity.token)
    return start_verified_visit(
        widget=widget, token=token, proof=proof, claims=identity.claims, language_code=language
    )


def _ticket(*, kind: str, claims: dict[str, str], path: str) -> dict[str, Any]:
    return {
        "ticket": issue_ticket(kind=kind, claims=claims),
        "ticket_expires_in": TICKET_SECONDS,
        "websocket_path": path,
    }


def _language(wanted: str | None, widget: Widget) -> str:
    """Return the requested language if supported (``vi-VN`` is ``vi``), else the organization's."""
    code = (wanted or "").replace("_", "-").partition("-")[0].lower()
    return code if code in Language.values else widget.organization.language_code


def _settings(widget: Widget, language: str) -> dict[str, Any]:
    names = sorted({name for texts in widget.texts.values() for name in texts})
    return {
        "name": widget.name,
        "organization": widget.organization.name,
        "color": widget.color,
        "position": widget.position,
        "language": language,
        "languages": list(Language.values),
        "texts": {name: widget.text(name, language) for name in names},
        "bot_enabled": widget.bot_enabled,
    }


def _conversation(visitor: Visitor) -> dict[str, Any] | None:
    conversation: Conversation | None = visitor.conversations().not_closed().order_by("-id").first()
    if conversation is None:
        return None
    return {
        "id": str(conversation.pk),
        "stream": conversation.stream,
        "epoch": conversation.epoch,
        "last_seq": conversation.last_seq,
        "customer_seen_seq": conversation.customer_seen_seq,
        "status": conversation.status,
    }
