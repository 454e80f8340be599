"""Rebuilding of the whole index beside the live one, which answers until the switch."""

import re
from collections.abc import Callable

from django.db import transaction
from django.db.models import F

from knowledge.models import Faq, KnowledgeBase, Passage
from knowledge.services.indexing import BATCH, passages_of

_NUMBER = re.compile(r"__(\d+)$")


def rebuild_index(*, progress: Callable[[int, int], None] | None = None) -> str:
    """Index every FAQ of every organization into a new collection, then switch the alias.

    May be killed at any point and run again: it continues with the collection it left. Changes made
    meanwhile go to the old collection and are repeated before the switch. Return the new
    collection's name; ``progress`` receives the number done and the total.
    """
    live = Passage.objects.aliased()
    building = _collection_to_build(live)
    Passage.objects.create_collection(building)
    faqs = Faq.objects.published()
    total, done, last = faqs.count(), 0, None
    while True:
        rows = faqs.order_by("pk") if last is None else faqs.filter(pk__gt=last).order_by("pk")
        batch = list(rows[:BATCH])
        if not batch:
            break
        last = batch[-1].pk
        _copy(batch, building)
        done += len(batch)
        if progress:
            progress(done, total)
    _catch_up_and_switch(building)
    for name in Passage.objects.collections():
        if name != building:
            Passage.objects.drop(name)
    return building


def _collection_to_build(live: str | None) -> str:
    """Return the collection that a killed run left, else a new name with the next number."""
    numbers = [0]
    for name in Passage.objects.collections():
        number = int(found.group(1)) if (found := _NUMBER.search(name)) else 0
        if Passage.objects.is_of_this_model(name):
            if name != live and (live is None or number > _number(live)):
                return name
            numbers.append(number)
    return Passage.objects.collection_name(max([*numbers, _number(live)]) + 1)


def _number(collection: str | None) -> int:
    found = _NUMBER.search(collection or "")
    return int(found.group(1)) if found else 0


def _copy(batch: list[Faq], building: str) -> None:
    """Index the FAQs of a batch that an earlier run has not indexed."""
    wanted = {faq.pk: Passage.first_id(faq) for faq in batch}
    there = Passage.objects.existing_ids(list(wanted.values()), collection=building)
    missing = [faq for faq in batch if wanted[faq.pk] not in there]
    Passage.objects.put(passages_of(missing), collection=building)


def _catch_up_and_switch(building: str) -> None:
    """Index what changed while the collection was built, then switch the alias to it.

    Twice: most of it while others may still write, and the rest under the locks of all
    organizations, so that no change can go to the old collection after the last pass.
    """
    _catch_up(building)
    with transaction.atomic():
        list(KnowledgeBase.objects.select_for_update().order_by("pk").values_list("pk"))
        _catch_up(building)
        Passage.objects.switch_to(building)
        KnowledgeBase.objects.update(version=F("version") + 1)


def _catch_up(building: str) -> None:
    last = None
    while True:
        rows = Faq.objects.order_by("pk") if last is None else Faq.objects.filter(pk__gt=last)
        batch = list(rows.order_by("pk")[:500])
        if not batch:
            return
        last = batch[-1].pk
        wanted = {Passage.first_id(faq): faq for faq in batch}
        there = Passage.objects.existing_ids(list(wanted), collection=building)
        for point, faq in wanted.items():
            if faq.is_findable and point not in there:
                Passage.objects.put(passages_of([faq]), collection=building)
            if faq.version > 1 and (point not in there or not faq.is_findable):
                Passage.objects.delete_of_source(
                    organization_id=faq.organization_id,
                    source_id=faq.pk,
                    except_version=faq.version if faq.is_findable else None,
                    collection=building,
                )
