"""What strangers send: values for parameters, bodies, cookies, headers and paths."""

import json
from urllib.parse import quote

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
# Parameters of a header in the encoding of RFC 2231 that no parser can take.
PARAMETERS: tuple[str, ...] = (
    "x*=UTF-99''x",
    "x*=idna''%ff%fe",
    "x*=undefined''%41",
    "x*=hex''zz",
    "charset*=\xff''x",
    f"a*{'9' * 5000}=1",
    "a*0*=utf-8''%ff; a*2*=x",
    "charset=undefined",
    "charset=hex",
)
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
    *(
        (
            "multipart/form-data; boundary=B",
            f'--B\r\nContent-Disposition: form-data; name="a"; {each}\r\n'
            f"Content-Type: text/plain; {each}\r\n\r\nx\r\n--B--\r\n".encode("latin-1"),
        )
        for each in PARAMETERS
    ),
    (
        "multipart/form-data; boundary=B; charset=hex",
        b'--B\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n--B--\r\n',
    ),
    ("application/x-www-form-urlencoded; charset=undefined", b"a=%ff"),
    ("application/x-www-form-urlencoded", b"a[]=1&a[]=2&a=1&a=2&=&&&%"),
    ("application/x-www-form-urlencoded", b"\xff=\x00&%ff=%00&%ED%A0%80=%ED%A0%80"),
    ("application/x-www-form-urlencoded", b"&".join(b"a%d=1" % n for n in range(1500))),
)
COOKIES: tuple[str, ...] = (
    "abc",
    "",
    "%00",
    '"\\000"',
    '"abcdefghij\\000"',
    '"abcdefghij\\377\\012"',
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
    *(("Accept", f"text/html; {each}") for each in PARAMETERS),
    *(("Content-Disposition", f"attachment; {each}") for each in PARAMETERS),
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


# As the value of a member of a JSON body.
JSON_VALUES: tuple[str, ...] = (
    "null",
    "true",
    "-1",
    "0",
    "1e999",
    "NaN",
    "1.5",
    "99999999999999999999999999",
    '""',
    '"\\u0000"',
    '"a\\u0000b"',
    '"\\ud800"',
    '"\\u202e\\u2066"',
    '"//evil.example/"',
    '"http://["',
    '"9999-12-31T23:59:59-12:00"',
    '"0001-01-01T00:00:00+14:00"',
    '"01a1fc55-3b46-75fa-ba96-62106721bed2"',
    json.dumps(MARKUP),
    '"' + "x" * 50_000 + '"',
    "[]",
    "{}",
    "[[[[null]]]]",
    '[{"a": 1}, 1, null, "\\u0000"]',
    '{"type": "text"}',
    '{"type": "text", "text": "\\u0000"}',
    '{"type": "text", "text": {"text": 1}}',
    '{"type": [], "text": "x"}',
    '{"$where": "sleep(1000)", "a.b": 1, "": 2}',
    '{"\\u0000": {"\\ud800": "\\ud800"}}',
    "[" * 60 + "]" * 60,
)
