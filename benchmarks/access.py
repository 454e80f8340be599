"""What it costs to know who asks and to count it: through Django's handler, one by one."""

from collections.abc import Callable

from django.conf import settings
from django.test import Client, override_settings
from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from benchmarks.measure import Figure, figure_of, one_by_one
from crm.authentication import access_tokens
from crm.authentication.models import ApiKey
from crm.authentication.services.api_keys import create_api_key
from crm.authentication.services.token_families import start_family
from crm.core import ratelimit, stores
from crm.core.http import user_agent
from crm.core.ids import uuid7
from crm.core.ratelimit.limiter import Subjects
from crm.organizations.models import Membership, Organization, Role, User
from tests.chaos.stack import PLENTY, Stack


class Nothing(APIView):
    """Answers whoever asks, so that nothing but knowing them differs."""

    permission_classes = []

    def get(self, request: Request) -> Response:
        membership = getattr(request, "membership", None)
        return Response({"organization": getattr(membership, "organization_id", None)})


urlpatterns = [path("api/v1/nothing", Nothing.as_view())]


def run(stack: Stack, *, quick: bool) -> list[Figure]:
    del stack
    times = 100 if quick else 1000
    organization = Organization.objects.get(slug="sunbean")
    user = User.objects.create(email=f"{uuid7().hex}@sunbean.example", name="Somebody")
    member = Membership.objects.create(organization=organization, user=user, role=Role.OWNER)
    plenty = dict.fromkeys(settings.RATE_LIMITS, PLENTY)
    try:
        with override_settings(ROOT_URLCONF=__name__, RATE_LIMITS=plenty):
            floor = one_by_one(_asking(Client(headers=_headers())), times)
            ways = {
                "a session": _with_session(user),
                "an access token": _with_token(member),
                "an API key": _with_key(member),
            }
            figures = [
                figure_of(
                    f"API request with {way}",
                    one_by_one(_asking(client), times),
                    floor=floor,
                    floor_of="the same request of nobody",
                    how="`GET` of a view that does nothing, limits counted",
                )
                for way, client in ways.items()
            ]
            figures.append(_limiter(times, organization, user))
    finally:
        ApiKey.objects.filter(created_by=user).delete()
        user.delete()
    return figures


def _limiter(times: int, organization: Organization, user: User) -> Figure:
    redis = stores.redis()
    subjects: Subjects = {"address": "192.0.2.7", "user": user.pk, "organization": organization.pk}
    floor = one_by_one(lambda: redis.ping(), times)
    return figure_of(
        "counting a request against three limits",
        one_by_one(lambda: ratelimit.enforce("api", subjects), times),
        floor=floor,
        floor_of="one `PING` of the same client",
        how="one Lua script, one round trip",
    )


def _headers(**more: str) -> dict[str, str]:
    return {"Host": settings.ALLOWED_HOSTS[0], **more}


def _asking(client: Client) -> Callable[[], None]:
    def ask() -> None:
        assert client.get("/api/v1/nothing").status_code == 200

    return ask


def _with_session(user: User) -> Client:
    client = Client(headers=_headers())
    client.force_login(user)
    return client


def _with_token(member: Membership) -> Client:
    client = user_agent.Client(device="", address=None, mark="")
    family = start_family(membership=member, checked=member.user, client=client).family
    token = access_tokens.issue(
        user_id=member.user_id, organization_id=member.organization_id, family_id=family.pk
    )
    return Client(headers=_headers(Authorization=f"Bearer {token}"))


def _with_key(member: Membership) -> Client:
    made = create_api_key(by=member, name="Benchmark", scopes=["inbox:read"], expires_at=None)
    return Client(headers=_headers(Authorization=f"Bearer {made.text}"))
