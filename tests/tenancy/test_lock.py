"""The second lock, asked directly: what a query without any filter sees."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.apps import apps
from django.core.management import call_command
from django.db import (
    NotSupportedError,
    ProgrammingError,
    connection,
    connections,
    models,
    transaction,
)
from django.test.utils import CaptureQueriesContext
from psycopg import NotSupportedError as NoSuchWay

from config.checks import organizations_are_locked
from crm.compliance.database import TABLES as AUDIT_TABLES
from crm.core import tenancy
from crm.core.database import rls_policies
from crm.core.database.base import DatabaseWrapper
from crm.core.database.owner import as_owner
from crm.core.database.rls_installer import PolicyMissing, install_policies
from crm.core.executor import run_sync
from crm.customers.models import Customer
from crm.organizations.models import Membership, Organization, User
from tests.tenancy.pooler import pooling

pytestmark = pytest.mark.django_db


@pytest.fixture
def both(organization: Organization, stranger_organization: Organization) -> None:
    Customer.objects.create(organization=organization, name="Ours")
    Customer.objects.create(organization=stranger_organization, name="Theirs")


@pytest.fixture
def places() -> Iterator[set[tuple[str, int]]]:
    """Give the places that were told to ask on nobody's behalf; here they are meant."""
    told: set[tuple[str, int]] = set()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tenancy, "_warned", told)
        yield told


def names() -> list[str]:
    return sorted(Customer.objects.values_list("name", flat=True))


def test_the_application_owns_nothing_and_passes_no_lock_by() -> None:
    with tenancy.no_tenant(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT rolsuper, rolbypassrls, pg_has_role(oid, %s, 'USAGE') FROM pg_roles"
            " WHERE rolname = current_user",
            ["nextflow_operator"],
        )
        assert cursor.fetchone() == (False, False, False)
        cursor.execute(
            "SELECT count(*) FROM pg_class WHERE relowner ="
            " (SELECT oid FROM pg_roles WHERE rolname = current_user)"
        )
        assert cursor.fetchone() == (0,)


def test_every_table_with_an_organization_is_locked_for_its_owner_too() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p')"
            " AND relrowsecurity AND relforcerowsecurity"
        )
        locked = {row[0] for row in cursor.fetchall()}
    with_organization = {
        model._meta.db_table
        for model in apps.get_models(include_auto_created=True)
        if any(column.column == "organization_id" for column in model._meta.concrete_fields)
    }
    assert len(with_organization) > 8
    assert with_organization | {"organizations_organization"} <= locked
    # The audit's tables are no Django models' to make; their app locks them.
    audit = {f"compliance_audit{name}" for name in AUDIT_TABLES}
    assert locked == set(rls_policies.rls_policies()) | audit


def test_a_model_that_belongs_to_an_organization_by_chance_alone_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Stray(models.Model):  # noqa: DJ008  never shown
        """Points to a customer, but need not."""

        customer = models.ForeignKey(Customer, on_delete=models.CASCADE, null=True)

        class Meta:
            app_label = "customers"

    monkeypatch.setattr(rls_policies, "_models", lambda: [Stray])
    try:
        assert [message.id for message in organizations_are_locked()] == ["nextflow.E017"]
        monkeypatch.setattr(Stray, "shared", True, raising=False)
        assert organizations_are_locked() == []
    finally:
        apps.all_models["customers"].pop("stray")
        apps.clear_cache()


def test_a_table_that_hangs_on_a_locked_one_is_locked_through_it() -> None:
    class Child(models.Model):  # noqa: DJ008  never shown
        customer = models.ForeignKey(Customer, on_delete=models.CASCADE)

        class Meta:
            app_label = "customers"

    try:
        lock = rls_policies._lock_of(Child, rls_policies.rls_policies())
        assert lock is not None
        assert lock.organization == (
            'EXISTS (SELECT 1 FROM "customers_customer" parent'
            ' WHERE parent."id" = "customers_child"."customer_id")'
        )
    finally:
        apps.all_models["customers"].pop("child")
        apps.clear_cache()


@pytest.mark.usefixtures("both")
def test_a_query_without_a_filter_sees_one_organization(organization: Organization) -> None:
    with tenancy.organization(organization.pk):
        assert names() == ["Ours"]
    assert names() == ["Ours", "Theirs"]


@pytest.mark.usefixtures("both")
def test_nobody_sees_nothing_and_each_place_is_told_once(places: set[Any]) -> None:
    with tenancy.no_tenant():
        assert [names() for _again in range(3)] == [[], [], []]
        assert not Customer.objects.exists()
    assert {file for file, _line in places} == {"tests/tenancy/test_lock.py"}
    assert len(places) == 2


@pytest.mark.usefixtures("both")
def test_nothing_of_another_organization_is_changed(
    organization: Organization, stranger_organization: Organization
) -> None:
    theirs = Customer.objects.get(name="Theirs")
    with tenancy.organization(organization.pk):
        assert Customer.objects.filter(pk=theirs.pk).update(name="Taken") == 0
        assert Customer.objects.filter(pk=theirs.pk).delete() == (0, {})
        with pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
            Customer.objects.create(organization=stranger_organization, name="Planted")
        with pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
            Customer.objects.update(organization=stranger_organization)
        assert names() == ["Ours"]
    assert names() == ["Ours", "Theirs"]


@pytest.mark.usefixtures("both")
def test_what_was_said_follows_changes_of_mind_and_of_savepoint(
    organization: Organization, stranger_organization: Organization
) -> None:
    with transaction.atomic(), tenancy.organization(organization.pk):
        assert names() == ["Ours"]
        savepoint = transaction.savepoint()
        with tenancy.organization(stranger_organization.pk):
            assert names() == ["Theirs"]
        transaction.savepoint_rollback(savepoint)
        assert names() == ["Ours"]
        with transaction.atomic(), tenancy.all_tenants("A test."):
            assert names() == ["Ours", "Theirs"]
        assert names() == ["Ours"]
        with tenancy.by_lookup(Organization, slug=stranger_organization.slug):
            assert names() == ["Theirs"]
        with tenancy.by_lookup(Organization, slug="100%' nobody"):
            assert names() == []
        assert list(Customer.objects.select_for_update().values_list("name", flat=True)) == ["Ours"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("both")
def test_outside_of_transactions_each_statement_says_it_again(
    organization: Organization, stranger_organization: Organization
) -> None:
    """With ATOMIC_REQUESTS off: a pooler may give each statement another connection."""
    for said, seen in ((organization, ["Ours"]), (stranger_organization, ["Theirs"])):
        with tenancy.organization(said.pk):
            assert names() == seen
            assert Customer.objects.update(phone="1") == 1
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('nextflow.organization', true), current_user")
        setting, _role = cursor.fetchone()
    assert not setting


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("both")
def test_nothing_stays_in_a_connection_that_somebody_else_gets(
    organization: Organization, places: set[Any]
) -> None:
    with tenancy.organization(organization.pk), transaction.atomic():
        assert names() == ["Ours"]
    with tenancy.no_tenant():
        assert names() == []
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_user")
            assert cursor.fetchone() == ("nextflow_app",)


@pytest.mark.usefixtures("both")
def test_saying_it_takes_no_round_trip_of_its_own(
    organization: Organization, django_assert_num_queries: Any
) -> None:
    with tenancy.organization(organization.pk), django_assert_num_queries(1) as asked:
        names()
    assert asked[0]["sql"].startswith("SELECT")


@pytest.mark.usefixtures("both")
def test_parameters_and_rows_are_not_mixed_up_with_what_is_in_front(
    organization: Organization,
) -> None:
    with tenancy.organization(organization.pk), connection.cursor() as cursor:
        cursor.execute("SELECT %s, name FROM customers_customer WHERE name LIKE 'O%%'", ["%s;--"])
        assert cursor.fetchall() == [("%s;--", "Ours")]
        assert [column.name for column in cursor.description] == ["?column?", "name"]
        cursor.execute("UPDATE customers_customer SET phone = '2'")
        assert cursor.rowcount == 1
        cursor.executemany(
            "UPDATE customers_customer SET phone = %s WHERE name = %s", [("3", "Ours"), ("4", "x")]
        )
    assert set(Customer.objects.values_list("name", "phone")) == {("Ours", "3"), ("Theirs", "")}


def test_ways_that_could_not_carry_it_are_refused(organization: Organization) -> None:
    with tenancy.organization(organization.pk):
        with pytest.raises(NotSupportedError, match="DISABLE_SERVER_SIDE_CURSORS"):
            connection.chunked_cursor()
        with connection.cursor() as cursor, pytest.raises(NoSuchWay, match="COPY"):
            cursor.copy("COPY customers_customer TO STDOUT")
        assert list(Customer.objects.iterator()) == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("both")
def test_it_goes_along_into_threads_and_coroutines(organization: Organization) -> None:
    async def ask() -> tuple[list[str], list[str]]:
        with tenancy.organization(organization.pk):
            return await run_sync(names), await sync_to_async(names)()

    assert async_to_sync(ask)() == (["Ours"], ["Ours"])


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("both")
def test_a_thread_that_nobody_told_anything_sees_nothing(
    organization: Organization, places: set[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tenancy, "default_scope", tenancy.NOBODY)

    def ask() -> list[str]:
        try:
            return names()
        finally:
            connection.close()

    with tenancy.organization(organization.pk), ThreadPoolExecutor(1) as pool:
        assert pool.submit(ask).result() == []
    assert len(places) == 1


def test_a_person_sees_their_own_memberships_and_where_these_lead(
    agent: Membership, colleague: Membership, stranger: Membership
) -> None:
    elsewhere = Membership.objects.create(
        organization=stranger.organization, user=agent.user, role="agent"
    )
    third = Organization.objects.create(name="Third", slug="third")
    with tenancy.person(agent.user_id):
        assert set(Membership.objects.all()) == {agent, elsewhere}
        assert set(Organization.objects.all()) == {agent.organization, stranger.organization}
        assert Membership.objects.update(role="owner") == 0
        assert not Customer.objects.exists()
    assert User.objects.count() == 3
    assert third in Organization.objects.all()


def test_a_lookup_finds_the_whole_name_and_not_by_another_field(
    organization: Organization, both: None
) -> None:
    with tenancy.by_lookup(Organization, slug=organization.slug):
        assert names() == ["Ours"]
    with tenancy.by_lookup(Organization, slug="sun%"):
        assert names() == []
    with pytest.raises(LookupError), tenancy.by_lookup(Customer, email="a@b.example"):
        pass


def test_a_function_of_a_lookup_is_nobodys_but_the_applications() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT proname FROM pg_proc WHERE proname LIKE 'nextflow_lookup_%%'"
            " AND (NOT prosecdef OR proacl::text LIKE '%%{=X%%')"
        )
        assert cursor.fetchall() == []


@pytest.mark.usefixtures("both")
def test_plans_keep_the_index_of_the_organization_and_of_names(organization: Organization) -> None:
    with tenancy.organization(organization.pk), connection.cursor() as cursor:
        # So few rows are read faster without an index, whose order is asked for here.
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_sort = off")
        plan = Customer.objects.filter(organization=organization).order_by("-created_at")[:5]
        assert "customers_newest_first" in plan.explain()
        # Else no index but the organization's could answer a search by name.
        cursor.execute(
            "SELECT bool_and(proleakproof) FROM pg_proc"
            " WHERE oid IN ('upper(text)'::regprocedure, 'textlike(text, text)'::regprocedure)"
        )
        assert cursor.fetchone() == (True,)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("conversation")
def test_commands_say_for_themselves_that_they_are_for_all(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with tenancy.no_tenant():
        call_command("reconcile")
    assert "1 conversations compared, 0 differences" in capsys.readouterr().out


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("both")
def test_a_transaction_pooler_mixes_nobody_up(
    organization: Organization, stranger_organization: Organization
) -> None:
    """Four clients share server connections; what one says must never reach another."""
    seen_by = {organization.pk: ["Ours"], stranger_organization.pk: ["Theirs"]}
    place = connection.settings_dict
    with pooling(place["HOST"], int(place["PORT"])) as pooler:

        def work(said: Any) -> list[list[str]]:
            through = {**place, "PORT": str(pooler.port)}
            connections["default"] = DatabaseWrapper(through, "default")
            found = []
            try:
                for _turn in range(40):
                    with tenancy.organization(said):
                        found.append(names())
                        with transaction.atomic():
                            Customer.objects.update(phone=str(said)[:8])
                            found.append(names())
                    with tenancy.all_tenants("A test."):
                        assert names() == ["Ours", "Theirs"]
            finally:
                connections["default"].close()
            return found

        with ThreadPoolExecutor(4) as pool:
            told = [(said, pool.submit(work, said)) for said in [*seen_by, *seen_by]]
            for said, work_done in told:
                assert work_done.result(timeout=60) == [seen_by[said]] * 80
        assert pooler.clients == 4
        assert pooler.switches > 10
    for row in Customer.objects.all():
        assert row.phone == str(row.organization_id)[:8]


@pytest.mark.django_db(transaction=True)
def test_migrating_again_mends_what_is_missing_and_leaves_the_rest() -> None:
    with as_owner(), connection.cursor() as cursor:
        with CaptureQueriesContext(connection) as asked:
            install_policies(connection)
        done = [each["sql"] for each in asked]
        assert [sql for sql in done if sql.startswith(("CREATE POLICY", "DROP", "ALTER"))] == []
        cursor.execute("DROP POLICY of_its_organization ON customers_customer")
        cursor.execute("CREATE POLICY open_to_all ON customers_customer USING (true)")
        cursor.execute("ALTER TABLE customers_customer NO FORCE ROW LEVEL SECURITY")
        install_policies(connection)
        cursor.execute(
            "SELECT polname FROM pg_policy WHERE polrelid = 'customers_customer'::regclass"
        )
        assert {name for (name,) in cursor.fetchall()} == {"of_its_organization", "for_operators"}
        cursor.execute(
            "SELECT relforcerowsecurity FROM pg_class WHERE relname='customers_customer'"
        )
        assert cursor.fetchone() == (True,)


@pytest.mark.django_db(transaction=True)
def test_without_the_operators_role_nothing_is_half_locked(settings: Any) -> None:
    settings.DATABASE_OPERATOR_ROLE = "nobody_is_called_so"
    with as_owner(), pytest.raises(PolicyMissing, match="postgresql/roles"):
        install_policies(connection)
