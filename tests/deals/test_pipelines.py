"""Pipelines, stages and reasons: who reads and changes them, their order, and where deals go."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from crm.compliance.actor import Actor, acting
from crm.core.errors import Forbidden, InvalidField
from crm.core.ids import uuid7
from crm.core.permissions import Grant, Level, Module, Rights
from crm.core.records import get_record
from crm.core.undo.services import undo
from crm.deals.errors import PipelineInUse, TooManyStages
from crm.deals.models import Deal, DealMove, LostReason, Pipeline, Stage, Status
from crm.deals.services import (
    create_pipeline,
    create_stage,
    delete_pipeline,
    delete_stage,
    update_deal,
    update_pipeline,
    update_stage,
)
from crm.deals.services.stages import MAX_STAGES
from crm.organizations.models import Membership, Organization
from crm.organizations.services.organizations import found_organization
from tests.api.conftest import Api
from tests.compliance.audits import entries
from tests.deals.conftest import deal_in
from tests.organizations.people import member_with, rights

pytestmark = pytest.mark.django_db
USUAL = ["New", "Qualified", "Proposal sent", "Negotiation", "Won", "Lost"]


def order_of(pipeline: Pipeline) -> list[str]:
    rows = Stage.objects.filter(pipeline=pipeline).order_by("position")
    return list(rows.values_list("name", flat=True))


def test_an_organization_begins_with_a_pipeline_in_its_language(owner: Membership) -> None:
    owner.user.language_code = "vi"
    founded = found_organization(user=owner.user, name="Sen").organization
    first = Pipeline.objects.get(organization=founded)
    assert first.name == "Bán hàng"
    kinds = Stage.objects.filter(pipeline=first).order_by("position").values_list("kind", flat=True)
    assert list(kinds) == ["open"] * 4 + ["won", "lost"]
    assert LostReason.objects.filter(organization=founded).count() == 5


def test_whoever_sees_deals_sees_pipelines_and_who_manages_settings_changes_them(
    organization: Organization, pipeline: Pipeline
) -> None:
    seller = member_with(organization, "Pat", rights(Module.DEALS, Level.OWN, Level.OWN))
    blind = member_with(organization, "Kim", rights(Module.CUSTOMERS, Level.ALL, Level.ALL))
    models: tuple[Any, ...] = (Pipeline, Stage, LostReason)
    for model in models:
        assert model.objects.visible_to(seller).exists()
        assert not model.objects.visible_to(blind).exists()
    api = Api(seller)
    (told,) = api.get("/api/v1/pipelines").json()["results"]
    assert [stage["name"] for stage in told["stages"]] == USUAL
    one = f"/api/v1/pipelines/{pipeline.pk}"
    assert api.get(one).status_code == 200
    assert api.get(f"/api/v1/stages/{told['stages'][0]['id']}").status_code == 200
    for answer in (
        api.post("/api/v1/pipelines", {"name": "Mine"}),
        api.patch(one, {"name": "Mine"}),
        api.delete(one),
        api.post(f"{one}/stages", {"name": "Mine"}),
        api.patch(f"/api/v1/stages/{told['stages'][0]['id']}", {"name": "Mine"}),
        api.delete(f"/api/v1/stages/{told['stages'][0]['id']}"),
        Api(blind).get("/api/v1/pipelines"),
    ):
        assert answer.status_code == 403
    with pytest.raises(Forbidden):
        create_pipeline(by=seller, name="Mine")


def test_pages_of_settings_are_shown_to_whoever_manages_them_alone(
    organization: Organization, pipeline: Pipeline, client: Client, owner: Membership
) -> None:
    stage = Stage.objects.filter(pipeline=pipeline)[0]
    pages = [
        reverse("deals:pipelines"),
        reverse("deals:new_pipeline"),
        reverse("deals:pipeline", args=[pipeline.pk]),
        reverse("deals:delete_pipeline", args=[pipeline.pk]),
        reverse("deals:new_stage", args=[pipeline.pk]),
        reverse("deals:stage", args=[stage.pk]),
        reverse("deals:delete_stage", args=[stage.pk]),
        reverse("deals:lost_reasons:list"),
        reverse("organizations:exchange_rates:list"),
    ]
    client.force_login(owner.user)
    index = client.get(reverse("organizations:settings")).content.decode()
    for page in pages:
        assert client.get(page).status_code == 200
    seller = member_with(organization, "Pat", rights(Module.DEALS, Level.ALL, Level.ALL))
    client.force_login(seller.user)
    theirs = client.get(reverse("organizations:settings")).content.decode()
    for page in pages:
        assert client.get(page).status_code == 403
        assert page not in theirs
    assert pages[0] in index
    reader = member_with(organization, "Rea", rights(Module.SETTINGS, Level.ALL))
    client.force_login(reader.user)
    shown = client.get(pages[2]).content.decode()
    assert "Negotiation" in shown
    assert pages[4] not in shown
    assert client.post(pages[5], {"name": "x"}).status_code == 403


def test_stages_are_added_before_those_that_close_and_moved_to_a_place(
    owner: Membership, pipeline: Pipeline, stages: dict[str, Stage]
) -> None:
    added = create_stage(by=owner, pipeline_id=pipeline.pk, name="Tasting")
    assert order_of(pipeline) == [*USUAL[:4], "Tasting", "Won", "Lost"]
    update_stage(by=owner, pk=added.pk, position=2)
    assert order_of(pipeline) == ["New", "Tasting", *USUAL[1:]]
    update_stage(by=owner, pk=stages["New"].pk, position=99)
    assert order_of(pipeline)[-1] == "New"
    for number in range(MAX_STAGES - 7):
        create_stage(by=owner, pipeline_id=pipeline.pk, name=f"S{number}")
    with pytest.raises(TooManyStages):
        create_stage(by=owner, pipeline_id=pipeline.pk, name="One more")


def test_pipelines_are_ordered_too(browser: Client, owner: Membership, pipeline: Pipeline) -> None:
    second = create_pipeline(by=owner, name="Wholesale")
    assert order_of(second) == USUAL
    assert second.position == 2
    update_pipeline(by=owner, pk=second.pk, position=1)
    names = Pipeline.objects.visible_to(owner).order_by("position").values_list("name", flat=True)
    assert list(names) == ["Wholesale", pipeline.name]
    place = reverse("deals:place_pipeline", args=[second.pk])
    assert browser.post(place, {"place": "2"})["Location"] == reverse("deals:pipelines")
    assert list(names.all()) == [pipeline.name, "Wholesale"]


def test_the_outcome_of_a_stage_changes_only_without_deals(
    owner: Membership, pipeline: Pipeline, stages: dict[str, Stage]
) -> None:
    deal_in(owner, stages["Negotiation"])
    with pytest.raises(InvalidField) as refusal:
        update_stage(by=owner, pk=stages["Negotiation"].pk, kind="won")
    assert refusal.value.extra == {"field": "kind"}
    won = update_stage(by=owner, pk=stages["Qualified"].pk, kind="won")
    assert won.probability == 100
    with pytest.raises(PipelineInUse, match="open, won and lost"):
        update_stage(by=owner, pk=stages["Lost"].pk, kind="won")


def test_a_deleted_stage_is_asked_where_its_deals_go(
    browser: Client, owner: Membership, pipeline: Pipeline, stages: dict[str, Stage]
) -> None:
    open_one = deal_in(owner, stages["Qualified"])
    page = reverse("deals:delete_stage", args=[stages["Qualified"].pk])
    assert "1 deal stands here." in browser.get(page).content.decode()
    version = str(stages["Qualified"].version)
    refused = browser.post(page, {"_version": version, "move_to": ""})
    assert refused.status_code == 409
    assert "Move its deals elsewhere first." in refused.content.decode()
    for wrong in (str(uuid7()), "x", str(stages["Qualified"].pk)):
        assert browser.post(page, {"_version": version, "move_to": wrong}).status_code == 400
    done = browser.post(page, {"_version": version, "move_to": str(stages["Won"].pk)})
    assert done["Location"] == reverse("deals:pipeline", args=[pipeline.pk])
    deal = Deal.objects.get(pk=open_one.pk)
    assert (deal.stage_id, deal.status, deal.version) == (stages["Won"].pk, Status.WON, 2)
    assert deal.closed_at is not None
    told = DealMove.objects.filter(deal=deal).order_by("at", "pk")
    assert [(each.from_name, each.to_name) for each in told] == [
        ("", "Qualified"),
        ("Qualified", "Won"),
    ]
    assert "Qualified" not in order_of(pipeline)


# What the deletion of a stage changes of a deal.
MOVED = (
    *("stage_id", "pipeline_id", "status", "stage_changed_at"),
    *("closed_at", "rots_at", "lost_reason_id"),
)


def places_of(organization: Organization) -> dict[Any, list[Any]]:
    found = Deal.objects.filter(organization=organization).values_list("pk", *MOVED)
    return {pk: values for pk, *values in found}


def test_a_deleted_stage_comes_back_with_the_deals_that_were_not_moved_since(
    organization: Organization, owner: Membership, pipeline: Pipeline, stages: dict[str, Stage]
) -> None:
    new, qualified = stages["New"], stages["Qualified"]
    update_stage(by=owner, pk=new.pk, rotting_days=5)
    deal, moved, stood = (deal_in(owner, stage) for stage in (new, new, qualified))
    earlier = deal.stage_changed_at - timedelta(days=3)
    Deal.objects.filter(pk=deal.pk).update(
        stage_changed_at=earlier, rots_at=earlier + timedelta(days=5)
    )
    before = places_of(organization)
    action_id = delete_stage(by=owner, pk=new.pk, move_to=qualified.pk)
    assert action_id
    update_deal(by=owner, pk=moved.pk, stage_id=stages["Won"].pk)
    # Another change than a move does not keep a deal from going back.
    update_deal(by=owner, pk=deal.pk, name="Other beans")
    version = Deal.objects.get(pk=deal.pk).version
    result = undo(by=owner, action_id=action_id)
    assert result.text == (
        "It is back, with 1 deal. 1 deal was moved since, and stays where it is."
    )
    assert order_of(pipeline) == USUAL
    after = places_of(organization)
    assert after[deal.pk] == before[deal.pk]
    assert after[stood.pk] == before[stood.pk]
    assert after[moved.pk][0] == stages["Won"].pk
    deal.refresh_from_db()
    assert (deal.name, deal.version) == ("Other beans", version + 1)
    told = DealMove.objects.filter(deal=deal).order_by("at", "pk")
    assert [(each.from_name, each.to_name) for each in told] == [
        ("", "New"),
        ("New", "Qualified"),
        ("Qualified", "New"),
    ]


def test_a_deleted_pipeline_comes_back_with_its_deals(
    organization: Organization, owner: Membership, pipeline: Pipeline, stages: dict[str, Stage]
) -> None:
    kept, gone = LostReason.objects.filter(organization=organization)[:2]
    second = create_pipeline(by=owner, name="Wholesale")
    target = Stage.objects.get(pipeline=second, name="New")
    for name in ("New", "Won"):
        deal_in(owner, stages[name])
    lost = deal_in(owner, stages["Lost"], lost_reason_id=kept.pk)
    other = deal_in(owner, stages["Lost"], lost_reason_id=gone.pk)
    before = places_of(organization)
    action_id = delete_pipeline(by=owner, pk=pipeline.pk, move_to=target.pk)
    assert action_id
    assert {values[0] for values in places_of(organization).values()} == {target.pk}
    LostReason.objects.get(pk=gone.pk).delete()
    assert undo(by=owner, action_id=action_id).text == "It is back, with 4 deals."
    before[other.pk] = [*before[other.pk][:-1], None]
    assert places_of(organization) == before
    assert Deal.objects.get(pk=lost.pk).lost_reason_id == kept.pk


def test_the_last_stage_of_an_outcome_and_the_last_pipeline_stay(
    owner: Membership, pipeline: Pipeline, stages: dict[str, Stage]
) -> None:
    with pytest.raises(PipelineInUse):
        delete_stage(by=owner, pk=stages["Won"].pk)
    with pytest.raises(PipelineInUse, match="only pipeline"):
        delete_pipeline(by=owner, pk=pipeline.pk)


def test_deals_of_a_deleted_pipeline_go_to_another_one(
    owner: Membership, organization: Organization, pipeline: Pipeline, stages: dict[str, Stage]
) -> None:
    second = create_pipeline(by=owner, name="Wholesale")
    target = Stage.objects.get(pipeline=second, name="New")
    lost = deal_in(owner, stages["Lost"], lost_reason_id=LostReason.objects.all()[0].pk)
    deal_in(owner, stages["New"])
    with pytest.raises(PipelineInUse):
        delete_pipeline(by=owner, pk=pipeline.pk)
    with pytest.raises(InvalidField):
        delete_pipeline(by=owner, pk=pipeline.pk, move_to=stages["New"].pk)
    # Whoever may not change all deals moves none of others.
    manager = member_with(
        organization,
        "Mo",
        Rights(
            {
                Module.SETTINGS: Grant(Level.ALL, Level.ALL),
                Module.DEALS: Grant(Level.ALL, Level.OWN),
            }
        ),
    )
    with pytest.raises(Forbidden):
        delete_pipeline(by=manager, pk=pipeline.pk, move_to=target.pk)
    answer = Api(owner).delete(f"/api/v1/pipelines/{pipeline.pk}?move_to={target.pk}")
    assert answer.status_code == 204
    assert set(Deal.objects.values_list("pipeline_id", "stage_id")) == {(second.pk, target.pk)}
    lost.refresh_from_db()
    assert (lost.status, lost.closed_at, lost.lost_reason_id) == (Status.OPEN, None, None)


def test_a_form_of_a_stage_says_what_is_wrong_and_meets_other_changes(
    browser: Client, owner: Membership, pipeline: Pipeline, stages: dict[str, Stage]
) -> None:
    new = reverse("deals:new_stage", args=[pipeline.pk])
    wrong = {"name": "", "kind": "open", "probability": "101", "rotting_days": "0"}
    refused = browser.post(new, wrong)
    assert refused.status_code == 422
    assert set(refused.context["form"].errors) == {"name", "probability", "rotting_days"}
    right = {"name": "Tasting", "kind": "open", "probability": "40", "rotting_days": "14"}
    assert browser.post(new, right).status_code == 302
    made = Stage.objects.get(name="Tasting")
    assert (made.probability, made.rotting_days) == (40, 14)
    page = reverse("deals:stage", args=[made.pk])
    before = {f"initial-{name}": value for name, value in right.items()}
    update_stage(by=owner, pk=made.pk, rotting_days=7)
    met = browser.post(page, right | before | {"probability": "45", "_version": "1"})
    assert met.status_code == 409
    assert met.context["form"]["rotting_days"].value() == "7"
    place = reverse("deals:place_stage", args=[made.pk])
    assert browser.post(place, {"place": "1"}).status_code == 302
    assert order_of(pipeline)[0] == "Tasting"


def test_rows_of_others_are_not_there(
    stranger: Membership, owner: Membership, pipeline: Pipeline, stages: dict[str, Stage]
) -> None:
    api, one = Api(stranger), stages["New"].pk
    for answer in (
        api.get(f"/api/v1/pipelines/{pipeline.pk}"),
        api.patch(f"/api/v1/pipelines/{pipeline.pk}", {"name": "x"}),
        api.delete(f"/api/v1/pipelines/{pipeline.pk}"),
        api.post(f"/api/v1/pipelines/{pipeline.pk}/stages", {"name": "x"}),
        api.get(f"/api/v1/stages/{one}"),
        api.patch(f"/api/v1/stages/{one}", {"name": "x"}),
        api.delete(f"/api/v1/stages/{one}"),
    ):
        assert answer.status_code == 404


def test_changes_of_pipelines_stages_and_reasons_are_audited(
    owner: Membership, pipeline: Pipeline, stages: dict[str, Stage]
) -> None:
    begun = len(entries(owner.organization_id))
    with acting(Actor.of(owner)):
        update_pipeline(by=owner, pk=pipeline.pk, name="Other")
        update_stage(by=owner, pk=stages["New"].pk, probability=20)
        delete_stage(by=owner, pk=stages["Qualified"].pk)
        get_record("lost-reasons").create(by=owner, name="Too far away")
        told = entries(owner.organization_id)[begun:]
    # An organization of a test has no subscription until something asks for the plan.
    found = [each for each in told if each.object_type != "subscription"]
    assert [(each.action, each.actor_id) for each in found] == [
        ("pipeline.updated", str(owner.user_id)),
        ("stage.updated", str(owner.user_id)),
        ("stage.deleted", str(owner.user_id)),
        ("lost_reason.created", str(owner.user_id)),
    ]
    assert found[1].details["changes"] == {"probability": [10, 20]}
