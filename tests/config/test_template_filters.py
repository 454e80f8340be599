"""A page that loads two libraries takes the last one's filter: no two of ours share a name."""

from collections import Counter
from importlib import import_module
from pathlib import Path

from django.conf import settings

PACKAGES = ("chat", "config", "crm", "knowledge")


def test_no_two_libraries_have_a_filter_or_tag_of_one_name() -> None:
    root = Path(settings.BASE_DIR)
    names = Counter[str]()
    for package in PACKAGES:
        for path in (root / package).rglob("*.py"):
            if "template.Library()" in path.read_text():
                module = ".".join(path.relative_to(root).with_suffix("").parts)
                library = import_module(module).register
                names.update([*library.filters, *library.tags])
    assert names
    assert [name for name, count in names.items() if count > 1] == []
