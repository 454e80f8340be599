"""Undo over HTTP."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from crm.core.api import refuses
from crm.core.api.module_view import IsMember
from crm.core.permissions.requests import principal_of
from crm.core.undo.services import undo


class UndoResultSerializer(serializers.Serializer[Any]):
    done = serializers.IntegerField(help_text="Records that are as they were.")
    left = serializers.IntegerField(help_text="Records that were changed since, and stay.")


class Undo(APIView):
    permission_classes = [IsMember]

    @extend_schema(
        operation_id="undo_create", tags=["jobs"], request=None, responses=UndoResultSerializer
    )
    @refuses(409)
    def post(self, request: Request, action_id: UUID) -> Response:
        """Undo what you did within the last hour; safe to repeat.

        An answer that has an `undo_id` names what can be undone. `done` is 0 if it was before.
        """
        undone = undo(by=principal_of(request), action_id=action_id)
        return Response(UndoResultSerializer(undone).data)
