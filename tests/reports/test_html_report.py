"""A verdict as a page."""

from html.parser import HTMLParser

import pytest

from tests.reports.verdicts import COUNT, bad, good, hostile
from understudy.reports.html_report import matrix
from understudy.reports.verdict import Cell, State, Verdict

VOID = {"meta", "link", "input"}


class Page(HTMLParser):
    """A page as a browser parses it: its elements with their attributes, and the text in each."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append((self._open[-1], data.strip()))

    def within(self, tag: str) -> list[str]:
        return [text for inside, text in self.texts if inside == tag]

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.mark.parametrize("verdict", [good(), bad(), hostile(), Verdict("", 0)], ids=["good", "bad", "hostile", "empty"])
def test_page_is_self_contained(verdict: Verdict) -> None:
    page = Page(matrix(verdict))
    assert not {"script", "img", "iframe", "object"} & {tag for tag, _ in page.elements}
    for _, attributes in page.elements:
        assert "src" not in attributes
        assert (attributes.get("href") or "#").startswith(("#", "data:"))
    assert "url(" not in matrix(verdict)


@pytest.mark.parametrize(("verdict", "title"), [(good(), "Passed"), (bad(), "2 violations of 3 rules")])
def test_headline_shows_the_result(verdict: Verdict, title: str) -> None:
    assert Page(matrix(verdict)).within("h1") == [title]


def test_violations_show_rule_expectation_and_requests() -> None:
    page = Page(matrix(bad()))
    assert page.within("h3") == ["1. union", "2. shape"]
    assert page.within("dd") == ["5 rows", "7 rows", "pages", "5 rows", "7 rows"]
    first, second = page.within("pre")
    assert first.endswith("""-d '{"limit": 1}'""")
    assert second.startswith("curl -s http://pets.example/api/pets/count")
    assert "POST /pets/filter, owners.name.any_, 4 times" in page.within("p")
    assert "3 known deviations seen" in page.within("h2")


def test_each_cell_has_a_symbol_and_a_state() -> None:
    verdict = good()
    verdict.cells[Cell(COUNT, "owners.name", "any_")] = State.FAILED
    page = Page(matrix(verdict))
    assert [attributes["title"] for attributes in page.all("td") if "title" in attributes] == [
        "POST /pets/filter: owners.name.any_: passed",
        "POST /pets/count: owners.name.any_: failed",
        "POST /pets/filter: owners.name.like_: not reachable with this data",
        "POST /pets/filter: pets.born.before_: covered: requested, but not checked by a rule of its own",
    ]
    legend, totals, cells = 4, 4, 4
    signs = [text for text in page.within("b") + page.within("span") if text in set("✓✕-○")]
    assert len(signs) == legend + totals + cells
    assert [text for text in page.within("th") if text in {"owners", "pets"}] == ["owners", "pets"]


def test_failed_cell_links_to_its_violation() -> None:
    page = Page(matrix(bad()))
    assert [(link["href"], link["class"]) for link in page.all("a")] == [
        ("#violation-1", "sign failed"),
        ("#violation-1", "sign failed"),
    ]
    assert [attributes["id"] for attributes in page.all("article")] == ["violation-1", "violation-2"]


def test_table_headers_have_scopes() -> None:
    headers = Page(matrix(bad())).all("th")
    assert headers
    assert {attributes.get("scope") for attributes in headers} == {"row", "col"}


def test_text_of_a_server_is_escaped() -> None:
    text = matrix(hostile())
    text.encode("utf-8")
    assert '<script>alert("1")</script>]]>&amp;\\x00\\x1b[2J\\ud800\\ufffe\\u202e' in Page(text).within("dd")
    assert len(text) < 40_000
