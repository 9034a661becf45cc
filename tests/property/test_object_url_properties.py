"""Keys of objects and their URIs: each key has one, and comes back; none means something else in a URL or a path."""

from __future__ import annotations

import posixpath
from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from listener.errors import RequestError
from listener.sources.objects.object_urls import object_uri, place_of, problem_of, wish_of
from listener.sources.objects.root_prefixes import RootPrefix

PIECES = st.sampled_from(
    ["a", "b.md", "/", "//", ".", "..", "%", "%2F", "%2e", "#", "?", "*", "[a]", " ", "ü", "\n", "\0"]
)
KEYS = st.one_of(
    st.lists(PIECES, min_size=1, max_size=8).map("".join), st.text("ab/.%#?*[] ü漢🙂\n\x00\x7f", min_size=1)
)


@given(KEYS)
@example("a//b")
@example("a/")
@example("/a")
@example("./a/../b")
@example("a%2Fb")
def test_a_key_comes_back_from_its_uri(key: str) -> None:
    uri = object_uri("s3", "bucket", key)
    place = place_of(uri)
    assert (place.bucket, place.key) == ("bucket", key)


@given(KEYS, KEYS)
@example("a/b", "a%2Fb")
@example("a//b", "a/b")
@example("a/", "a")
def test_different_keys_have_different_uris(one: str, other: str) -> None:
    assert (object_uri("s3", "bucket", one) == object_uri("s3", "bucket", other)) is (one == other)


@given(KEYS)
def test_a_uri_is_plain_and_nobody_who_tidies_urls_changes_it(key: str) -> None:
    uri = object_uri("s3", "bucket", key)
    assert uri.isascii()
    assert uri.isprintable()
    assert not set(uri) & set(' #?*[]"<>\\^`{|}')
    parts = urlsplit(uri)
    assert (parts.scheme, parts.netloc, parts.query, parts.fragment) == ("s3", "bucket", "", "")
    assert posixpath.normpath(parts.path) == parts.path
    assert urljoin(uri.replace("s3:", "http:"), parts.path) == uri.replace("s3:", "http:")


@given(KEYS)
def test_a_key_that_can_be_asked_for_is_a_source_that_names_it_alone(key: str) -> None:
    uri = object_uri("s3", "bucket", key)
    if problem_of(key):
        with pytest.raises(RequestError, match="invalid_source"):
            wish_of(uri)
        return
    wish = wish_of(uri)
    assert (wish.bucket, wish.key, wish.glob) == ("bucket", key, "")


@given(KEYS, KEYS)
def test_a_root_holds_what_begins_with_it_and_a_slash(folder: str, name: str) -> None:
    folder = folder.strip("/")
    if problem_of(folder) or not folder:
        return
    root = RootPrefix.of(object_uri("s3", "bucket", folder), "s3")
    assert RootPrefix.of(root.uri, "s3") == root
    assert root.holds("bucket", f"{folder}/{name}")
    assert not root.holds("other", f"{folder}/{name}")
    assert root.holds("bucket", name) is (name == folder or name.startswith(f"{folder}/"))
