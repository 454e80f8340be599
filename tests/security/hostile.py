"""What strangers send: values for parameters, bodies, cookies, headers and paths."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import pytest
from django import forms
from django.utils.datastructures import MultiValueDict

# Shown unescaped, it would be an element.
MARKUP = "\"'><svg/onload=fuzz>"
REFLECTED = b"<svg/onload=fuzz"
# Percent-encoded, as they stand in a query or the body of a form.
VALUES: tuple[str, ...] = (
    "",
    "abc",
    "chat:inbox",
    quote("//evil.example/"),
    quote("https://evil.example/"),
    quote("http://["),
    quote("/\\evil.example"),
    quote("/\t/evil.example"),
    quote("javascript:alert(1)"),
    "%00",
    "a%00b",
    "%ED%A0%80",  # half of a pair of surrogates
    "%ff%fe",
    "%e2%80%ae%e2%81%a6",  # turns the direction of text
    quote(MARKUP),
    quote("../../etc/passwd"),
    "-1",
    "0",
    "99999999999999999999999999",
    "9223372036854775808",
    "1e999",
    "NaN",
    "%D9%A1%D9%A2",  # digits, but not of ASCII
    "0001-01-01T00%3A00%3A00%2B14%3A00",
    "9999-12-31T23%3A59%3A59-12%3A00",
    "9999-12-31",
    "2026-02-30",
    "2026-01-01T00%3A00%3A00%2B00%3A00_ffffffffffffffffffffffff",
    "9999-12-31T23%3A59%3A59-12%3A00_01a1fc55-3b46-75fa-ba96-62106721bed2",
    "0001-01-01T00%3A00%3A00%2B14%3A00_ffffffffffffffffffffffff",
    "01a1fc55-3b46-75fa-ba96-62106721bed2",
    "01a1fc553b4675faba9662106721bed2%0a",
    "{}",
    "%5B%5D",
    "eyJhIjogMX0",
    "x" * 5000,
)
LONG = "x" * 100_000
BODIES: tuple[tuple[str, bytes], ...] = (
    ("application/json", b""),
    ("application/json", b"null"),
    ("application/json", b"[]"),
    ("application/json", b'"text"'),
    ("application/json", b"{"),
    ("application/json", b"\xff\xfe"),
    ("application/json", b'{"a": "\\ud800"}'),
    ("application/json", b'{"a": 1e999, "a": NaN}'),
    ("application/json", b"[" * 20_000),
    ("application/json; charset=utf-7", b"{}"),
    ("application/json; charset=\xff", b"{}"),
    ("text/plain", b"hello"),
    ("", b"hello"),
    ("///", b"hello"),
    ("multipart/form-data", b"hello"),
    ("multipart/form-data; boundary=" + "x" * 300, b"hello"),
    (
        "multipart/form-data; boundary=B",
        b'--B\r\nContent-Disposition: form-data; name="a"; filename="../\x00"\r\n\r\n'
        b"x\r\n--B--\r\n",
    ),
    (
        "multipart/form-data; boundary=B",
        b'--B\r\nContent-Disposition: form-data; name="\xff"\r\n'
        b"Content-Transfer-Encoding: base64\r\n\r\n!!!\r\n--B--\r\n",
    ),
    ("application/x-www-form-urlencoded", b"a[]=1&a[]=2&a=1&a=2&=&&&%"),
    ("application/x-www-form-urlencoded", b"\xff=\x00&%ff=%00&%ED%A0%80=%ED%A0%80"),
    ("application/x-www-form-urlencoded", b"&".join(b"a%d=1" % n for n in range(1500))),
)
COOKIES: tuple[str, ...] = (
    "abc",
    "",
    "%00",
    '"\\000"',
    "\xff\xfe",
    "x" * 4000,
    "eyJhIjogMX0:1abc:sig",
    '[["__json_message",0,25,"x"]]',
    "../../x",
    MARKUP.replace(";", ""),
)
HEADERS: tuple[tuple[str, str], ...] = (
    ("Accept-Language", "x" * 5000),
    ("Accept-Language", "\xff, *;q=NaN, en;q=9, -, zh_\x00"),
    ("Accept", "\xff/*;q=x"),
    ("Accept-Encoding", "gzip;q=x, \xff"),
    ("Host", "evil.example"),
    ("Host", "[::1"),
    ("Host", "testserver:99999999"),
    ("Host", "test server"),
    ("Host", "\xff"),
    ("Origin", "http://["),
    ("Origin", "null"),
    ("Referer", "http://["),
    ("Referer", "\xff"),
    ("User-Agent", "\xff\xfe" * 500),
    ("Authorization", "Bearer"),
    ("Authorization", "Bearer \xff"),
    ("Authorization", "Bearer eyJhbGciOiJub25lIn0.e30."),
    ("Authorization", "Basic !!!"),
    ("Authorization", "Bearer nf_live_" + "x" * 5000),
    ("Idempotency-Key", "\xff"),
    ("Idempotency-Key", "x" * 5000),
    ("If-Match", '"\xff'),
    ("If-None-Match", '*, W/"'),
    ("If-Modified-Since", "Sat, 99 Foo 99999 99:99:99 GMT"),
    ("Range", "bytes=9-1"),
    ("X-Forwarded-For", "[::1"),
    ("X-Forwarded-Proto", "\xff"),
    ("X-Request-ID", "\x00" * 200),
    ("X-CSRFToken", "\xff"),
    ("HX-Request", "true"),
    ("HX-Current-URL", "http://["),
    ("HX-Current-URL-URI-AutoEncoded", "true"),
    ("HX-Boosted", "\xff"),
    ("Content-Length", "abc"),
)
# One of a path's parameters is replaced by these; what does not fit the pattern is no address.
PIECES: tuple[str, ...] = (
    "%00",
    "a%00",
    "%ff",
    "%ED%A0%80",
    "..",
    "..%2f..",
    "%0d%0a",
    "99999999999999999999999999",
    "x" * 3000,
    quote(MARKUP, safe=""),
    "conversation%3A%00",
    "abc",
    "-",
)


class Asked:
    """The names that a view looked for in a query or in the body of a form."""

    def __init__(self) -> None:
        self.names: set[str] = set()


@contextmanager
def observed() -> Iterator[Asked]:
    """Note what is looked for in query and form while requests are answered."""
    asked = Asked()
    with pytest.MonkeyPatch.context() as patch:
        for method in ("__getitem__", "get", "getlist", "__contains__"):
            patch.setattr(MultiValueDict, method, _noting(getattr(MultiValueDict, method), asked))
        patch.setattr(forms.BaseForm, "full_clean", _of_form(forms.BaseForm.full_clean, asked))
        yield asked


def _noting(original: Any, asked: Asked) -> Any:
    def noting(self: Any, name: Any, *rest: Any, **options: Any) -> Any:
        if isinstance(name, str):
            asked.names.add(name)
        return original(self, name, *rest, **options)

    return noting


def _of_form(original: Any, asked: Asked) -> Any:
    def full_clean(form: Any) -> Any:
        asked.names |= {form.add_prefix(name) for name in form.fields}
        return original(form)

    return full_clean
