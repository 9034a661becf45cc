"""URLs of the web have one spelling, and none of them leads out of a root in disguise."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listener.settings.roots import above
from listener.sources.http.urls import WrongUrl, join_url, parse_url


@pytest.mark.parametrize(
    ("given_", "spelt"),
    [
        ("HTTPS://Docs.Example.COM:443/A/./b/../%7Ejo?x=%c3%a4#top", "https://docs.example.com/A/~jo?x=%C3%A4"),
        ("http://example.com", "http://example.com/"),
        ("http://example.com:8080?q", "http://example.com:8080/?q"),
        ("http://example.com:80/?", "http://example.com/"),
        ("https://example.com/a b/ü", "https://example.com/a%20b/%C3%BC"),
        ("https://example.com/a%2fb", "https://example.com/a%2Fb"),
        ("https://example.com/100%", "https://example.com/100%25"),
        ("https://example.com/a/%2e%2e/b", "https://example.com/b"),
        ("https://example.com/../../b/..", "https://example.com/"),
        ("https://example.com\\a\\b", "https://example.com/a/b"),
        ("https://münchen.example/", "https://xn--mnchen-3ya.example/"),
        ("https://example.com./", "https://example.com/"),
        ("http://[0:0:0:0:0:0:0:1]:8080/x", "http://[::1]:8080/x"),
        (" https://exa\nmple.com/\t", "https://example.com/"),
        ("https://example.com//a//b", "https://example.com//a//b"),
        ("https://example.com/a?b=c d&e=/../x", "https://example.com/a?b=c%20d&e=/../x"),
    ],
)
def test_a_url_has_one_spelling(given_: str, spelt: str) -> None:
    assert parse_url(given_).text == spelt
    assert parse_url(spelt).text == spelt


@pytest.mark.parametrize(
    "wrong",
    [
        "ftp://example.com/",
        "/srv/docs",
        "https:/example.com/",
        "https://",
        "https:///a",
        "https://user:secret@example.com/",
        "https://user@example.com/",
        "https://example.com:0/",
        "https://example.com:99999/",
        "https://example.com:+1/",
        "https://[::1",
        "https://[nonsense]/",
        "https://exa mple.com/",
        "https://a..b/",
        "https://" + "a" * 300 + "/",
        "https://example.com/docs/..%2fsecret",
        "https://example.com/docs/%2e%2e%5csecret",
        "https://example.com/docs/..%5Csecret",
    ],
)
def test_what_is_none_or_hides_something_is_refused_without_its_secrets(wrong: str) -> None:
    with pytest.raises(WrongUrl) as caught:
        parse_url(wrong)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("reference", "leads_to"),
    [
        ("b.html#x", "https://h.example/a/b.html"),
        ("../c", "https://h.example/c"),
        ("/d/", "https://h.example/d/"),
        ("//other.example/e", "https://other.example/e"),
        ("?page=2", "https://h.example/a/index.html?page=2"),
        ("", "https://h.example/a/index.html"),
        (" f g ", "https://h.example/a/f%20g"),
    ],
)
def test_links_are_joined_with_their_page(reference: str, leads_to: str) -> None:
    assert join_url("https://h.example/a/index.html", reference).text == leads_to


@pytest.mark.parametrize(
    "reference", ["mailto:a@b", "javascript:void(0)", "http://[x", "ftp://h/x", "data:text/html,x"]
)
def test_links_that_lead_to_no_page_are_refused(reference: str) -> None:
    with pytest.raises(WrongUrl):
        join_url("https://h.example/a/index.html", reference)


SIGNS = st.text(st.sampled_from("./%2eE5cfF\\aé?#:@[] \n"), max_size=30)


@given(SIGNS)
def test_no_path_leaves_its_root_and_all_spellings_stay_as_they_are(path: str) -> None:
    try:
        url = parse_url(f"https://h.example/docs/{path}")
    except WrongUrl:
        return
    assert parse_url(url.text) == url
    assert url.host == "h.example"
    assert "#" not in url.text
    assert url.text.isascii()
    if above(["https://h.example/docs"], url.text.partition("?")[0]):
        assert ".." not in url.path.split("/")
