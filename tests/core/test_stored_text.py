"""Counts of stored text: triggers add them, a task folds them."""

import pytest

from crm.core.database.owner import as_owner
from crm.core.database.text_triggers import install_text_triggers
from crm.core.models import StoredText
from crm.core.tasks import fold_stored_text
from crm.customers.models import Company
from crm.organizations.models import Organization

pytestmark = pytest.mark.django_db


def test_folding_keeps_sums_and_drops_what_organizations_that_are_gone_left(
    organization: Organization, stranger_organization: Organization
) -> None:
    for number in range(4):
        Company.objects.create(organization=organization, name=f"Company {number}")
    Company.objects.create(organization=stranger_organization, name="Alone")
    ours, theirs = (
        StoredText.objects.bytes_of(each.pk) for each in (organization, stranger_organization)
    )
    assert ours > theirs > len("Alone")
    stranger_organization_id = stranger_organization.pk
    fold_stored_text()
    table = Company._meta.db_table
    assert StoredText.objects.filter(organization=organization, source=table).count() == 1
    assert StoredText.objects.bytes_of(organization.pk) == ours
    assert StoredText.objects.bytes_of(stranger_organization_id) == theirs
    Company.objects.filter(organization=organization).delete()
    StoredText.objects.filter(organization=stranger_organization).delete()
    StoredText.objects.create(organization_id=organization.pk, source="gone", size=1)
    StoredText.objects.create(organization_id=organization.pk, source="gone", size=-1)
    fold_stored_text()
    assert not StoredText.objects.filter(organization=organization, source__in=["gone", table])


@pytest.mark.django_db(transaction=True)
def test_migrating_counts_what_was_there_before(organization: Organization) -> None:
    Company.objects.create(organization=organization, name="Sen Trang")
    before = StoredText.objects.bytes_of(organization.pk)
    table = Company._meta.db_table
    with as_owner() as owner, owner.cursor() as cursor:
        cursor.execute(f'DROP TRIGGER nextflow_text_insert ON "{table}"')
    Company.objects.create(organization=organization, name="Unseen")
    missed = StoredText.objects.bytes_of(organization.pk)
    with as_owner() as owner:
        install_text_triggers(owner)
    assert StoredText.objects.bytes_of(organization.pk) > missed >= before
    Company.objects.all().delete()
    left = StoredText.objects.filter(organization=organization, source=table)
    assert sum(left.values_list("size", flat=True)) == 0
