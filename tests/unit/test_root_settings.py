"""Roots as INGEST_ROOTS says them: folders and prefixes of URLs."""

from pathlib import Path

import pytest

from listener import settings
from listener.errors import OperatorError
from listener.settings.roots import above, folders_among, normal, parse_roots, urls_among


@pytest.mark.parametrize(
    ("value", "roots"),
    [
        ("/srv/docs", ("/srv/docs",)),
        ("/srv/docs\n  s3://Bucket/Docs/ \n\n", ("/srv/docs", "s3://bucket/Docs/")),
        ('["/srv/a:b", "HTTPS://Docs.Example.com/Guide/"]', ("/srv/a:b", "https://docs.example.com/Guide/")),
        ("file:///srv/a%20b", ("/srv/a b",)),
        ("https:", ("https:",)),
        ("https://docs.example.com", ("https://docs.example.com",)),
        ("", ()),
    ],
)
def test_roots_are_read_line_by_line_or_as_a_list(value: str, roots: tuple[str, ...]) -> None:
    assert parse_roots(value) == roots


@pytest.mark.parametrize(
    "value",
    [
        "docs",
        "srv/docs",
        "https://u:QXZJKV@example.com/",
        "s3://bucket/a/../b/",
        '["/srv"',
        '{"a": 1}',
        "[1]",
        "c:\\docs",
    ],
)
def test_what_is_no_root_is_refused_without_its_secrets(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INGEST_ROOTS", value)
    with pytest.raises(OperatorError) as refused:
        settings.load()
    assert refused.value.code == "wrong_setting"
    assert "INGEST_ROOTS" in refused.value.message
    assert "QXZJKV" not in str(refused.value)
    assert "Value error" not in refused.value.message


def test_of_several_roots_the_message_names_the_one_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INGEST_ROOTS", "/srv/docs\nsrv/mail\ns3://bucket/")
    with pytest.raises(OperatorError) as refused:
        settings.load()
    assert ": srv/mail is not a root:" in refused.value.message


def test_a_misspelt_variable_is_found_and_others_are_left_alone() -> None:
    names = ["INGEST_ROOT", "INGEST_EMBEDER", "INGEST_OUR_OWN", "INGEST_SCHEMA", "OPENAI_API_KEY", "PATH"]
    assert settings.misspelt(names) == [("INGEST_EMBEDER", "INGEST_EMBEDDER"), ("INGEST_ROOT", "INGEST_ROOTS")]


def test_both_variables_name_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INGEST_ROOTS", "/srv/docs\ns3://bucket/docs/\nhttps:")
    monkeypatch.setenv("INGEST_FILE_ROOTS", "/srv/mail:/srv/more")
    loaded = settings.load()
    assert loaded.folders == (Path("/srv/docs"), Path("/srv/mail"), Path("/srv/more"))
    assert loaded.url_roots("s3") == ("s3://bucket/docs/",)
    assert loaded.url_roots("https") == ("https:",)


@pytest.mark.parametrize(
    ("url", "root"),
    [
        ("s3://bucket/docs/a.md", "s3://bucket/docs/"),
        ("s3://bucket/docs", "s3://bucket/docs/"),
        ("s3://bucket/docsb/a.md", None),
        ("https://example.com/a", "https:"),
        ("http://example.com/a", None),
    ],
)
def test_a_url_lies_below_a_root_by_whole_names(url: str, root: str | None) -> None:
    roots = ("/srv/docs", "s3://bucket/docs/", "https:")
    assert above(urls_among(roots, url.partition(":")[0]), url) == root
    assert folders_among(roots) == (Path("/srv/docs"),)


@pytest.mark.parametrize(
    "root", ["https://u:s3cret#w@host/docs/", "s3://key:s3cret@bucket/", "u:s3cret@host", "https://h/a/../b?sig=s3cret"]
)
def test_what_may_be_a_secret_in_a_root_is_in_no_error(root: str) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the words are looked at
        normal(root)
    assert "s3cret" not in str(refused.value)
