"""A log-in without the password's hash, whose cost is chosen and not to be optimised."""

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client, override_settings

from benchmarks.measure import Figure, at_rate_in_threads, figure_of, one_by_one
from benchmarks.seed import PASSWORD
from crm.core.ids import uuid7
from crm.organizations.models import Membership, Organization, User
from tests.chaos.stack import Stack

RATE = 20.0
THREADS = 4
MD5 = "django.contrib.auth.hashers.MD5PasswordHasher"


def run(stack: Stack, *, quick: bool) -> list[Figure]:
    del stack
    times = 40 if quick else 200
    organization = Organization.objects.get(slug="sunbean")
    user = User.objects.create(email=f"{uuid7().hex}@sunbean.example", name="Somebody")
    Membership.objects.create(organization=organization, user=user)
    addresses = iter(f"10.{n // 65536 % 256}.{n // 256 % 256}.{n % 256}" for n in range(10**6))

    def log_in() -> None:
        client = Client(headers={"Host": settings.ALLOWED_HOSTS[0]}, REMOTE_ADDR=next(addresses))
        answer = client.post("/login/", {"email": user.email, "password": PASSWORD})
        assert answer.status_code == 302

    def bare() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM organizations_user WHERE email = %s", [user.email])
            cursor.fetchall()
            cursor.execute(
                "INSERT INTO django_session VALUES (%s, %s, now() + interval '1 day')",
                [uuid7().hex, "x" * 300],
            )

    # The cheap hasher stands for none: its cost is microseconds.
    with override_settings(PASSWORD_HASHERS=[MD5]):
        user.set_password(PASSWORD)
        user.save(update_fields=["password"])
        floor = one_by_one(bare, times)
        one_by_one(log_in, 5)
        spread = at_rate_in_threads([log_in] * times, rate=RATE, threads=THREADS)
    Session.objects.all().delete()
    user.delete()
    return [
        figure_of(
            "log-in without the hash",
            spread,
            floor=floor,
            floor_of="bare SELECT of the user and committed INSERT of a session",
            budget=200,
            how="`POST /login/` through Django's handler, counters, session and cookies included, "
            f"{RATE:.0f} a second from as many addresses (open load)",
        )
    ]
