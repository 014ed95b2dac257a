"""Text tables as HTML: well formed, with names as they are."""

from __future__ import annotations

from html.parser import HTMLParser

from detbench.reports.frames import frames
from tests.metrics.scored import perfect, scored, truth

BOX = (10, 10, 60, 60)


def test_html_is_well_formed_and_shows_names_as_they_are():
    class Texts(HTMLParser):
        def __init__(self):
            super().__init__()
            self.texts, self.tags = [], set()

        def handle_data(self, data):
            self.texts.append(data)

        def handle_starttag(self, tag, attrs):
            self.tags.add(tag)

    ground_truth = truth([(0, 0, BOX)])
    tables = frames([scored(ground_truth, perfect(ground_truth, "me & <you>"))])
    parser = Texts()
    parser.feed(tables._repr_html_())
    assert "me & <you>" in parser.texts
    assert parser.tags == {"h4", "table", "thead", "tbody", "tr", "th", "td"}
