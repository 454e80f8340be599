"""The widget's modules, run where they live: in a browser, without a server behind them."""

from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.widget_modules import run

pytestmark = pytest.mark.browser


# --- Waiting times ------------------------------------------------------------------------------


def test_pauses_double_up_to_the_longest_and_are_spread(page: Page) -> None:
    pauses = run(
        page,
        "backoff.js",
        """
        const full = new m.Backoff({ random: () => 1 });
        const half = new m.Backoff({ random: () => 0.5 });
        const take = (backoff) => Array.from({ length: 8 }, () => backoff.next());
        const first = take(full);
        full.reset();
        return { first, half: take(half), again: full.next() };
        """,
    )
    assert pauses["first"] == [500, 1000, 2000, 4000, 8000, 16000, 20000, 20000]
    assert pauses["half"] == [250, 500, 1000, 2000, 4000, 8000, 10000, 10000]
    assert pauses["again"] == 500


# --- Rows ---------------------------------------------------------------------------------------


def test_two_rows_of_one_key_are_shown_once_and_leave_nothing_behind(page: Page) -> None:
    shown = run(
        page,
        "dom.js",
        """
        const list = document.createElement("ol");
        const make = ({ text: textContent }) =>
          Object.assign(document.createElement("li"), { textContent });
        const reconciler = new m.Reconciler(list, make);
        const texts = () => [...list.children].map((node) => node.textContent);
        const stored = [{ key: "a", text: "one" }, { key: "b", text: "two" }];
        reconciler.show([...stored, { key: "a", text: "one, unsent" }]);
        const first = texts();
        reconciler.show([...stored, { key: "c", text: "three" }]);
        return [first, texts()];
        """,
    )
    assert shown == [["one", "two"], ["one", "two", "three"]]


# --- Text ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("See https://shop.example/a?b=1&c=2.", ["https://shop.example/a?b=1&c=2"]),
        ("(https://en.example/wiki/Tea_(drink))", ["https://en.example/wiki/Tea_(drink)"]),
        ("http://a.example, http://b.example!", ["http://a.example/", "http://b.example/"]),
        ("javascript:alert(1) data:text/html,x //x.example", []),
        ("See www.shop.example.", ["https://www.shop.example/"]),
        (
            "(www.a.example/x_(y)), www.b.example:8080/?q#r",
            [
                "https://www.a.example/x_(y)",
                "https://www.b.example:8080/?q#r",
            ],
        ),
        (
            "«www.книги.рф», www.quán-cà-phê.vn!",
            [
                "https://www.xn--c1ajbfp.xn--p1ai/",
                "https://www.xn--qun-c-ph-3yag0i.vn/",
            ],
        ),
        (
            "Write to ann@shop.example, or to o'brien+x@кафе.рф.",
            [
                "mailto:ann@shop.example",
                "mailto:o'brien%2Bx@xn--80akn5b.xn--p1ai",
            ],
        ),
        ("javascript:alert(1)@x.example bwww.a.example a@b a@@b.example x@y@z.example www.x", []),
        ("https://ann@shop.example/", ["https://ann@shop.example/"]),
        ("<a href='https://x.example'>x</a>", ["https://x.example/"]),
        ("", []),
    ],
)
def test_only_web_addresses_become_links(page: Page, text: str, links: list[str]) -> None:
    parts = page.evaluate("async (text) => (await import('/stream/links.js')).linkify(text)", text)
    assert [part["href"] for part in parts if "href" in part] == links
    assert "".join(part["text"] for part in parts) == text


@pytest.mark.parametrize("tail", [")", ")]}", ".)", "."])
def test_signs_behind_an_address_are_looked_at_once(page: Page, tail: str) -> None:
    """A stranger could else keep the page of whoever reads it from doing anything."""
    took = page.evaluate(
        """async (text) => {
            const { linkify } = await import('/stream/links.js');
            const began = performance.now();
            for (let times = 0; times < 50; times += 1) linkify(text);
            return performance.now() - began;
        }""",
        "https://x.example/" + tail * (9_900 // len(tail)),
    )
    assert took < 2_000


@pytest.mark.parametrize(
    ("address", "is_safe"),
    [
        ("https://shop.example/faq", True),
        ("/help/delivery", True),
        ("javascript:alert(1)", False),
        (" JaVaScRiPt:alert(1)", False),
        ("data:text/html,<script>", False),
        ("vbscript:x", False),
        ("", False),
        (None, False),
        ("https://", False),
    ],
)
def test_sources_link_only_to_safe_places(page: Page, address: str | None, is_safe: bool) -> None:  # noqa: FBT001  a parametrised expectation
    href = page.evaluate(
        "async (address) => (await import('/stream/links.js')).safeHref(address)", address
    )
    assert (href is not None) is is_safe


def test_length_is_counted_as_the_server_counts(page: Page) -> None:
    assert run(page, "text.js", "return m.lengthOf('  a😀б  ')") == len("a😀б")


@pytest.mark.parametrize(
    ("name", "letters"), [("Linh Tran", "LT"), ("Лев", "Л"), ("  ", ""), ("a b c", "AC")]
)
def test_initials(page: Page, name: str, letters: str) -> None:
    assert run(page, "text.js", f"return m.initials({name!r})") == letters


# --- Colours ------------------------------------------------------------------------------------


def test_ink_reaches_aa_on_every_colour(page: Page) -> None:
    worst = run(
        page,
        "color.js",
        """
        let worst = 21;
        for (let value = 0; value < 0x1000000; value += 4099) {
          const color = "#" + value.toString(16).padStart(6, "0");
          const both = [m.luminance(color), m.luminance(m.inkOn(color))];
          const [light, dark] = both.sort((a, b) => b - a);
          worst = Math.min(worst, (light + 0.05) / (dark + 0.05));
        }
        return worst;
        """,
    )
    assert worst >= 4.5


# --- Words --------------------------------------------------------------------------------------


def test_every_language_says_everything(page: Page) -> None:
    keys = run(
        page,
        "i18n/index.js",
        """
        const forms = ["one", "few", "many", "other"];
        const isPlural = (value) => Object.keys(value).every((key) => forms.includes(key))
          && Object.values(value).every((text) => text.includes("{count}"));
        const flat = (words, prefix = "") => Object.entries(words).flatMap(([key, value]) =>
          typeof value === "string" || isPlural(value)
            ? [[prefix + key, value]]
            : flat(value, `${prefix}${key}.`));
        const fills = (value) =>
          [...new Set(JSON.stringify(value).match(/{\\w+}/g) ?? [])].sort().join();
        const result = {};
        for (const language of m.LANGUAGES) {
          const { words } = await m.loadWords(language);
          result[language] = flat(words).map(([key, value]) => [key, fills(value)]);
        }
        return result;
        """,
    )
    assert set(keys) == {"en", "vi", "ru"}
    assert sorted(keys["vi"]) == sorted(keys["en"])
    assert sorted(keys["ru"]) == sorted(keys["en"])


@pytest.mark.parametrize(
    ("wishes", "language"),
    [
        ([None, ["ru-RU", "en"]], "ru"),
        (["vi-VN", ["ru"]], "vi"),
        (["xx", ["fr", "de"]], "en"),
        (["", ["fr", "vi"]], "vi"),
    ],
)
def test_language_is_the_first_wish_that_we_speak(
    page: Page, wishes: list[Any], language: str
) -> None:
    assert (
        page.evaluate(
            "async (w) => (await import('/chat/widget/i18n/index.js')).chooseLanguage(...w)", wishes
        )
        == language
    )


def test_plurals_follow_the_language(page: Page) -> None:
    texts = run(
        page,
        "i18n/index.js",
        """
        const words = await m.loadWords("ru");
        return [1, 2, 5, 21].map((count) => words.t("left", { count }));
        """,
    )
    assert texts == [
        "Остался 1 символ",
        "Осталось 2 символа",
        "Осталось 5 символов",
        "Остался 21 символ",
    ]


@pytest.mark.parametrize(
    ("status", "code", "asked", "kept"),
    [
        (401, "identity_expired", ["proof", None], None),
        (429, "too_fast", ["proof"], "proof"),
        (503, "store_unavailable", ["proof"], "proof"),
    ],
)
def test_an_identity_is_given_up_only_where_it_is_refused(
    page: Page, status: int, code: str, asked: list[str | None], kept: str | None
) -> None:
    result = run(
        page,
        "session.js",
        f"""
        const {{ Refused }} = await import("/stream/response.js");
        const {{ KeyedStorage }} = await import("/chat/widget/storage.js");
        const asked = [];
        const api = {{
          siteKey: "key",
          async openSession({{ identity }}) {{
            asked.push(identity ?? null);
            if (asked.length > 1) return {{ visitor_token: "t", is_new: false }};
            throw new Refused({{ code: "{code}", message: "", status: {status} }});
          }},
        }};
        const warned = [];
        const session = new m.Session({{
          api,
          storage: new KeyedStorage("key", null),
          onsession() {{}},
          onwarning: (error) => warned.push(error.code),
        }});
        session.identity = "proof";
        await session.open().catch(() => {{}});
        return {{ asked, kept: session.identity, warned }};
        """,
    )
    assert result == {"asked": asked, "kept": kept, "warned": [code] if kept is None else []}
