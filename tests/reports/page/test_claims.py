"""The page's sentences and tables on differences say no more than the statistics."""

import re
from dataclasses import replace

from detbench.bench.runs import read_run, write_run
from detbench.metrics.scoring.evaluate import evaluate
from detbench.metrics.uncertainty.difference import differences
from detbench.reports.frames import frames
from detbench.reports.page.page import build_page
from tests.metrics.scored import detections, truth
from tests.reports.page.sample_pages import read, record, small_page


def replace_name(evaluation, name):
    """Return an evaluation whose detector has another name."""
    return replace(evaluation, detections=replace(evaluation.detections, name=name))


def plain(text):
    """Return a text without the marks that isolate names."""
    return re.sub("[\u2068\u2069]", "", text)


class TestClaims:
    def claims(self, page):
        paragraphs = [*page.all("p", **{"class": "lead"}), *page.all("p", **{"class": "claim"})]
        return [plain(paragraph.words) for paragraph in paragraphs]

    def test_the_lead_and_its_size(self, page, runs):
        scores = {
            record(folder)["name"]: record(folder)["evaluations"][0]["summary"]["AP"]
            for folder in runs
        }
        (best, first), (second, next_best), _ = sorted(scores.items(), key=lambda pair: -pair[1])
        points = (first - next_best) * 100
        claims = self.claims(page)
        assert claims[0] == (
            f"{best} has the highest AP, {first:.4f}: "
            f"{points:.1f} points more than {second} with {next_best:.4f}."
        )
        ranking = frames([read_run(folder) for folder in runs]).ranking
        change = differences(*(read_run(folder).evaluation() for folder in (runs[1], runs[0])))[0]
        low, high = change.interval.low * 100, change.interval.high * 100
        assert claims[1] == (
            "The difference in AP between fine and fair is statistically significant: "
            f"{points:+.1f} points (95% CI {low:+.1f} to {high:+.1f}, p = {ranking.p[0, 1]:.3f})."
        )
        assert claims[2].startswith("fine has the highest AP in 3 of 4 classes, significantly in 1")
        assert claims[3].startswith("fair is the fastest: one image, end to end, takes 15")
        assert claims[3].endswith("fine takes 2.00 times as long.")

    def test_equal_detectors_never_differ_significantly(self, runs):
        equal = read_run(runs[0]), replace(read_run(runs[0]), folder=runs[1])
        claims = self.claims(read(build_page(frames(equal))))
        assert claims[0] == "fine and fine #2 share the highest AP, " + claims[0].split(", ")[1]
        assert claims[1] == "fine and fine #2 have the same score on every resample of the images."

    def test_equal_detectors_share_the_lead_and_a_single_one_has_no_rival(self):
        names = ("cat", "dog", "cow")
        claims = self.claims(read(small_page(names, names=("a", "b"))))
        assert claims[0] == "a and b share the highest mAP, 1.0000."
        assert self.claims(read(small_page(names))) == [
            "finder reaches mAP 1.0000.",
            "Speed was not measured.",
        ]

    def test_nothing_to_find(self):
        assert self.claims(read(small_page(("cat",), objects=0)))[0].startswith(
            "No class has an object that counts"
        )


class TestPairs:
    def test_the_table_of_pairs_holds_the_differences(self, page, runs):
        pairs = frames([read_run(folder) for folder in runs]).pairs
        rows = [
            row for row in page.one("table", data_table="pairs").all("tr") if list(row.all("td"))
        ]
        assert len(rows) == len(pairs) == 3
        for row, pair in zip(rows, pairs.itertuples(), strict=True):
            assert row.one("th").attributes["data-v"] == pair.better
            cells = list(row.all("td"))
            assert cells[0].attributes["data-v"] == pair.worse
            assert float(cells[1].attributes["data-v"]) == pair.difference * 100
            low, high = pair.difference_low * 100, pair.difference_high * 100
            assert cells[2].words == f"{low:+.2f} to {high:+.2f}".replace("-", "−")
            assert float(cells[3].attributes["data-v"]) == pair.p
            assert cells[4].words == ("significant" if pair.significant else "not significant")

    def test_classes_are_compared_with_the_best(self, page, runs):
        table = frames([read_run(folder) for folder in runs]).class_pairs
        shown = page.one("table", data_table="class-pairs")
        for place, name in enumerate(("fair", "poor")):
            for pair in table[table["detector"] == name].itertuples(name=None):
                cell = list(shown.one("tr", data_class=pair[4]).all("td"))[place]
                assert float(cell.attributes["data-v"]) == pair[5] * 100
                assert ("best" in cell.attributes["class"]) == pair[-1]
        assert table["significant"].any()

    def test_ranks_stand_beside_the_names(self, page):
        rows = {
            row.attributes["data-run"]: next(iter(row.all("td"))).words
            for row in page.one("table", data_table="summary").all("tr")
            if "data-run" in row.attributes
        }
        assert rows == {"fine": "1", "fair": "2", "poor": "3"}

    def test_without_intervals_there_are_no_pairs(self):
        page = read(small_page(("a", "b"), names=("one", "two")))
        assert not list(page.all("table", data_table="pairs"))
        assert not list(page.all("table", data_table="class-pairs"))

    def test_a_run_without_intervals_is_named(self, runs, tmp_path):
        bare = write_run(
            tmp_path / "bare", replace_name(read_run(runs[0]).evaluation(), "bare"), options={}
        )
        page = read(build_page(frames([read_run(runs[0]), read_run(bare)])))
        first, *_ = [plain(claim.words) for claim in page.all("p", **{"class": "claim"})]
        assert first == "Differences were not tested: bare was recorded without intervals."

    def test_a_single_image(self):
        box = (10, 10, 60, 60)
        ground_truth = truth([(0, 0, box)], ["a"], 1)
        evaluations = [
            evaluate(ground_truth, detections(ground_truth, [(0, 0, 0.9, box)], name), "voc2007")
            for name in ("one", "two")
        ]
        section = read(build_page(frames(evaluations))).one("section", id="p0-result")
        assert "Differences cannot be tested on a single image." in section.words
