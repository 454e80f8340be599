"""Words in any form, marked or not, misspelt or not."""

import concurrent.futures

import pytest

from knowledge.tokenizer import (
    compounds,
    content_words,
    document_vector,
    forms,
    normalized,
    presence,
    question_vector,
    spellings,
    terms,
)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Giao hàng Đà Nẵng", "giao hang da nang"),
        ("Giao hàng", "giao hang"),  # the same in decomposed form
        ("Ещё чай", "еще чай"),  # й is a letter, not an и with a mark
        ("CAFÉ", "cafe"),
    ],
)
def test_folding(text: str, plain: str) -> None:
    assert normalized(text) == plain


def test_decomposed_text_has_the_same_words() -> None:
    assert terms("Giao hàng") == terms("Giao hàng")


def test_marked_word_is_indexed_in_both_forms() -> None:
    assert forms("hàng") == ("hang", "hàng")


@pytest.mark.parametrize(
    ("one", "other"), [("доставка", "доставку"), ("cancel", "cancelling"), ("hàng", "hang")]
)
def test_inflections_share_a_form(one: str, other: str) -> None:
    assert set(forms(one)) & set(forms(other))


def test_words_that_say_nothing_are_left_out() -> None:
    assert content_words("How do I track my parcel? Làm sao để theo dõi") == [
        "track",
        "parcel",
        "để",
        "theo",
        "dõi",
    ]


def test_misspelt_word_is_present_in_part() -> None:
    text = terms("change my subscription")
    assert presence("subscription", text) == 1
    assert 0.4 < presence("subscripton", text) < 1
    assert presence("wifi", text) == 0


def test_term_numbers_are_the_same_in_every_process() -> None:
    assert question_vector("tea") == ([2391201714], [1.0])


def test_more_of_a_word_weighs_more_but_never_without_end() -> None:
    once, often = (max(document_vector(text)[1]) for text in ("ship", "ship " * 50))
    assert once < often < 2.2


def test_stemming_in_many_threads_gives_the_same() -> None:
    words = [f"доставк{ending}" for ending in ("а", "и", "у", "ой", "ам", "ами", "ах")] * 30
    alone = [forms.__wrapped__(word) for word in words]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert list(pool.map(forms.__wrapped__, words)) == alone


@pytest.mark.parametrize(
    ("written", "asked"),
    [("Free Wi-Fi", "wifi"), ("Free wifi", "wi-fi"), ("E-mail", "email"), ("O’Neill", "oneill")],
)
def test_a_compound_is_present_with_and_without_its_sign(written: str, asked: str) -> None:
    there, spelt = terms(written), spellings(asked)
    for word in content_words(asked):
        assert max(presence(each, there) for each in spelt(word)) == 1
    assert set(terms(asked)) & {"wifi", "email", "oneill"} <= set(there)


def test_what_english_shortens_is_no_compound() -> None:
    assert compounds("What's open, don't they’ll, e-mail's") == ["email"]
