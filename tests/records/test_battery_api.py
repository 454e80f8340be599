"""What the API of every record does, asked of each that is registered."""

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from crm.core.jobs.models import Job
from crm.core.records import ListState, Record, get_record
from crm.core.records.fields import MomentField
from crm.core.records.serializers import member_of
from crm.core.transfer.exporting import start_export
from crm.core.transfer.formats import Format
from crm.organizations.models import Membership, Organization
from tests.api.conftest import Api
from tests.jobs.counting import content_of, finish
from tests.records.battery import (
    APART,
    APIS,
    CHOSEN,
    FORMS,
    IMPORTED,
    make,
    shown_fields,
)

pytestmark = pytest.mark.django_db


def test_its_api_creates_once_reads_changes_filters_and_deletes(
    record: Record, organization: Organization, owner: Membership
) -> None:
    path, body, change, where = APIS[record.slug]
    api, key = Api(owner), {"Idempotency_Key": "once"}
    created = api.post(path, body, **key)
    assert created.status_code == 201, created.content
    assert api.post(path, body, **key).json() == created.json()
    (row,) = record.visible_to(owner)
    one = created["Location"]
    got = api.get(one)
    assert got.json() == created.json() | {"id": str(row.pk)}
    assert api.get(path, {"where": json.dumps(where)}).json()["results"] == [created.json()]
    changed = api.patch(one, change, If_Match=got["ETag"])
    assert changed.status_code == 200, changed.content
    assert {name: changed.json()[name] for name in change} == change
    assert api.patch(one, change, If_Match=got["ETag"]).status_code == 412
    assert api.post(path, {**body, "nothing": 1}).json()["code"] == "unknown_field"
    if record.delete:
        assert api.delete(one, If_Match=changed["ETag"]).status_code == 204
        assert api.get(one).status_code == 404


def test_its_api_is_closed_to_others_and_to_who_may_not_write(
    record: Record,
    organization: Organization,
    owner: Membership,
    viewer: Membership,
    stranger: Membership,
) -> None:
    path, body, change, _where = APIS[record.slug]
    (row,) = make(record, organization, 1)
    one = f"{path}/{row.pk}"
    assert Api(stranger).get(one).status_code == 404
    assert Api(stranger).patch(one, change).status_code == 404
    assert Api(stranger).get(path).json()["results"] == []
    assert Api(viewer).get(one).status_code == 200
    assert Api(viewer).patch(one, change).status_code == 403
    assert Api(viewer).post(path, body).status_code == 403
    bulk = {"action": record.bulk_actions[0].key, "ids": [str(row.pk)]}
    assert Api(viewer).post(f"{path}/bulk", bulk).status_code == 403


def test_its_api_saves_shares_and_deletes_views_and_lists_by_them(
    record: Record,
    organization: Organization,
    owner: Membership,
    viewer: Membership,
    stranger: Membership,
) -> None:
    path, body, _change, where = APIS[record.slug]
    api, views = Api(owner), f"{path}/views"
    # Two that it does not show first, and those that it shows in an order of its own.
    apart = APART.get(record.slug, lambda _number: {})
    shown = [api.post(path, body | apart(number)).json() for number in range(3)]
    order = f"-{next(field.name for field in record.fields if field.is_sortable)}"
    sent = {
        "name": "Mine",
        "where": json.dumps({"all": [where]}),
        "ordering": order,
        "columns": [member_of(record, field) for field in shown_fields(record)[:2]],
    }
    saved = api.post(views, sent, Idempotency_Key="v-1")
    assert saved.status_code == 201, saved.content
    assert api.post(views, sent, Idempotency_Key="v-1").json() == saved.json()
    assert api.post(views, sent).json()["code"] == "saved_view_name_taken"
    assert api.post(views, sent | {"name": "\u200b"}).status_code in {400, 422}
    assert {name: saved.json()[name] for name in sent} == sent
    one, key = saved["Location"], saved.json()["key"]
    assert api.get(one).json() == saved.json()
    etag = api.get(one)["ETag"]
    builtin = [view.key for view in record.views]
    assert [view["key"] for view in api.get(views).json()["results"]] == [*builtin, key]
    found = api.get(path, {"view": key})
    assert found.json() == api.get(path, {"where": sent["where"], "ordering": order}).json()
    assert len(found.json()["results"]) == len(shown)
    turned = api.get(path, {"view": key, "ordering": order.removeprefix("-")}).json()
    assert turned["results"] == found.json()["results"][::-1]
    moment = next(field.name for field in record.fields if isinstance(field, MomentField))
    nothing = json.dumps({"all": [{"field": moment, "op": "lt", "value": "2000-01-01"}]})
    assert api.get(path, {"view": key, "where": nothing}).json()["results"] == []
    for other in (Api(viewer), Api(stranger)):
        assert other.get(path, {"view": key}).json()["code"] == "saved_view_not_found"
        assert other.get(one).status_code == other.patch(one, {}).status_code == 404
        assert other.send("PUT", f"{views}/default", {"view": key}).status_code == 404
    changed = api.patch(one, {"name": "Ours", "is_shared": True}, If_Match=etag)
    assert changed.status_code == 200, changed.content
    assert changed.json() == saved.json() | {"name": "Ours", "is_shared": True}
    assert api.patch(one, {"search": "x"}, If_Match=etag).status_code == 412
    searching = api.patch(one, {"search": "an"}).json()
    assert searching == changed.json() | {"search": "an"}
    assert api.patch(one, {"columns": ["nothing"]}).json()["code"] == "columns_invalid"
    assert api.patch(one, {"ordering": "nothing"}).json()["code"] == "sort_invalid"
    assert api.patch(one, {"where": "[]"}).json()["code"] == "filter_invalid"
    assert Api(viewer).get(one).json()["is_changeable"] is False
    assert Api(viewer).delete(one).status_code == 403
    assert Api(viewer).send("PUT", f"{views}/default", {"view": key}).json()["is_default"]
    assert Api(stranger).get(one).status_code == Api(stranger).delete(one).status_code == 404
    assert api.delete(one, If_Match=api.get(one)["ETag"]).status_code == 204
    assert api.get(one).status_code == 404


def test_its_api_does_the_same_to_many(
    record: Record, organization: Organization, owner: Membership
) -> None:
    path, *_rest = APIS[record.slug]
    rows = make(record, organization, 3)
    for action in record.bulk_actions:
        sent: dict[str, Any] = {"action": action.key, "ids": [str(row.pk) for row in rows]}
        if action.field:
            refused = Api(owner).post(f"{path}/bulk", sent)
            assert (refused.status_code, refused.json()["code"]) == (400, "invalid_field")
            continue
        answer = Api(owner).post(f"{path}/bulk", sent)
        assert answer.status_code == 200, answer.content
        assert answer.json()["done"] + answer.json()["same"] == 3
        assert answer.json()["left_out"] == []
        if undo_id := answer.json()["undo_id"]:
            undone = Api(owner).post(f"/api/v1/undo/{undo_id}")
            assert undone.json() == {"done": answer.json()["done"], "left": 0}
            assert Api(owner).post(f"/api/v1/undo/{undo_id}").json()["done"] == 0
    everything = {"ids": [str(rows[0].pk)], "where": '{"all": []}'}
    for wrong in (
        {},
        {"action": "nothing"},
        {"action": record.bulk_actions[0].key},
        {"action": record.bulk_actions[-1].key, **everything},
    ):
        assert Api(owner).post(f"{path}/bulk", wrong).status_code == 400


def test_its_api_changes_all_that_match_by_a_job_and_undoes_it(
    record: Record, organization: Organization, owner: Membership, viewer: Membership
) -> None:
    path, *_rest = APIS[record.slug]
    api = Api(owner)
    make(record, organization, 3)
    before = list(record.visible_to(owner).order_by("pk").values_list("pk", *record.form))
    for action in record.bulk_actions:
        chosen = CHOSEN[record.slug].get(action.key, {})
        chosen = chosen() if callable(chosen) else chosen
        sent = {"action": action.key, "where": '{"all": []}', **chosen}
        assert Api(viewer).post(f"{path}/bulk", sent).status_code == 403
        started = api.post(f"{path}/bulk", sent, Idempotency_Key=action.key)
        assert started.status_code == 202, started.content
        again = api.post(f"{path}/bulk", sent, Idempotency_Key=action.key)
        assert (again.json(), again["Location"]) == (started.json(), started["Location"])
        undo_path = f"{started['Location']}/undo"
        assert api.post(undo_path).json()["code"] == "job_not_undoable"
        finish(Job.objects.get(pk=started.json()["id"]))
        report = api.get(started["Location"]).json()["report"]
        # What the record's own service refuses.
        left = sum(each["count"] for each in report["left_out"])
        done = report["counts"]["done"]
        assert done + report["counts"]["same"] + left == 3
        undone = api.post(undo_path)
        if not done:
            assert (undone.status_code, undone.json()["code"]) == (409, "job_not_undoable")
            continue
        assert undone.status_code == 202, undone.content
        finish(Job.objects.get(pk=undone.json()["id"]))
        assert api.get(undone["Location"]).json()["report"]["counts"] == {"done": done, "left": 0}
        assert Api(viewer).post(undo_path).status_code == 404
    assert before == list(record.visible_to(owner).order_by("pk").values_list("pk", *record.form))


@pytest.mark.parametrize("slug", IMPORTED)
def test_its_api_imports_a_file_and_undoes_it(
    slug: str, browser: Client, owner: Membership, stranger: Membership
) -> None:
    record, api = get_record(slug), Api(stranger)
    browser.post(record.new_url, FORMS[slug])
    state = ListState(record)
    file = content_of(
        finish(start_export(by=owner, state=state, form=Format.CSV, has_bom=True, all_columns=True))
    )
    sent = {"record": slug, "file": SimpleUploadedFile("all.csv", file)}
    one = api.client.post("/api/v1/imports", sent)["Location"]

    def ended() -> dict[str, Any]:
        finish(Job.objects.get(pk=api.get(one).json()["job"]))
        found: dict[str, Any] = api.get(one).json()
        return found

    keys = [each["name"] for each in ended()["target_fields"] if each["is_key"]]
    assert api.post(f"{one}/check", {"key": keys[0]}).status_code == 202
    preview = ended()["preview"]
    assert (preview["created"], preview["faulty"], record.visible_to(stranger).count()) == (1, 0, 0)
    assert api.post(f"{one}/run", {}, Idempotency_Key="run").status_code == 202
    done = ended()
    assert (done["state"], done["report"]["created"]) == ("done", 1)
    assert record.visible_to(stranger).count() == 1
    assert api.post(f"/api/v1/jobs/{done['job']}/undo").status_code == 202
    assert ended()["undo_report"] == {"removed": 1}
    assert record.visible_to(stranger).count() == 0
