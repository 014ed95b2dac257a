"""The page in headless Chromium, offline: an empty console, and use by pointer and keyboard."""

import shutil

import pytest

playwright = pytest.importorskip(
    "playwright.sync_api", reason="needs playwright: pip install 'detbench[dev]'"
)
CHROMIUM = next(
    (
        path
        for name in ("chromium", "chromium-browser", "google-chrome")
        if (path := shutil.which(name))
    ),
    None,
)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium on the PATH"),
]
INITIAL_CARDS = 24


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as started:
        running = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture
def opened(browser, page_file):
    """Open the page; at the end, the console must be empty and only the page have been loaded."""
    contexts, messages, urls = [], [], []

    def open_page(**options):
        context = browser.new_context(
            offline=True, **{"viewport": {"width": 1200, "height": 900}} | options
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: messages.append(message.text))
        page.on("pageerror", lambda error: messages.append(str(error)))
        page.on("request", lambda request: urls.append(request.url))
        page.goto(page_file.as_uri())
        return page

    yield open_page
    assert messages == []
    assert {url for url in urls if not url.startswith("data:")} == {page_file.as_uri()}
    for context in contexts:
        context.close()


def pixels(page, kind="pr"):
    """Return the pixels of a plot."""
    return page.locator(f'[data-explorer="{kind}"] canvas').evaluate("canvas => canvas.toDataURL()")


def outputs(page, kind="pr"):
    return page.locator(f'[data-explorer="{kind}"] [data-out]').all_inner_texts()


def column(page, table, place):
    return page.locator(
        f'[data-table="{table}"] tbody tr:visible > :nth-child({place})'
    ).evaluate_all("cells => cells.map(c => c.dataset.v)")


def test_the_curve_follows_class_iou_and_detectors(opened):
    page = opened()
    seen = {pixels(page)}
    for control, value in (("class", "2"), ("iou", "8"), ("measure", "p")):
        page.locator(f'[data-control="{control}"]').select_option(value)
        seen.add(pixels(page) + pixels(page, "score"))
    page.locator('[data-control="detector"]').first.uncheck()
    seen.add(pixels(page) + pixels(page, "score"))
    assert len(seen) == 5
    assert page.locator('[data-explorer="pr"] [data-row]:visible').count() == 2
    assert "triangle" in page.locator('[data-explorer="pr"] [data-about]').inner_text()


def test_the_readout_follows_the_pointer(opened):
    page = opened()
    plot = page.locator('[data-explorer="pr"] .u-over')
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    readouts = []
    for share in (0.2, 0.6):
        page.mouse.move(box["x"] + share * box["width"], box["y"] + 40)
        page.wait_for_function(
            "share => {"
            "  const output = document.querySelector('[data-probed]');"
            "  return Math.abs(Number(output.textContent) - share) < 0.02;"
            "}",
            arg=share,
        )
        readouts.append(outputs(page))
    assert readouts[0] != readouts[1]
    recalls = [float(text) for text in readouts[0][3::4]]
    assert all(0.2 - 0.01 <= recall < 0.4 for recall in recalls)


def test_the_readout_is_a_point_of_the_curve(opened, runs):
    from detbench.bench.runs import read_run

    page = opened()
    page.locator('[data-control="class"]').select_option(label="circle")
    page.locator('[data-explorer="pr"] [data-probe]').fill("0.5")
    shown = [float(text) for text in outputs(page)[:4]]
    precision, recall, score = read_run(runs[0]).evaluation().curve("circle", 0.5)
    at = (abs(score - shown[1]) < 6e-4).nonzero()[0]
    assert any(abs(precision[n] - shown[2]) < 6e-4 and abs(recall[n] - shown[3]) < 6e-4 for n in at)


def test_the_thick_line_is_the_interpolated_precision(opened, runs):
    """At every corner of every class, at two IoU thresholds.

    Among them are corners at which recall stays the same while precision falls.
    """
    from detbench.bench.runs import read_run

    page = opened()
    evaluations = [read_run(run).evaluation() for run in runs]
    for iou in (0.5, 0.75):
        page.locator('[data-control="iou"]').select_option(label=f"{iou:.2f}")
        for name in evaluations[0].ground_truth.class_names:
            page.locator('[data-control="class"]').select_option(label=name)
            recalls, *lines = page.evaluate(
                "explorers[0].plots.pr.data.map(column => [...column].map(v => v ?? null))"
            )
            for evaluation, line in zip(evaluations, lines[1::2], strict=True):
                precision, recall, _ = evaluation.curve(name, iou)
                corners = [
                    (at, height)
                    for at, height in zip(recalls, line, strict=True)
                    if height is not None
                ]
                assert len(corners) > 3
                for at, height in corners:
                    assert height == pytest.approx(precision[recall >= at - 6e-5].max(), abs=6e-5)


def test_keyboard_alone(opened):
    page = opened()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    slider = page.locator('[data-explorer="score"] [data-probe]')
    slider.focus()
    before = outputs(page, "score")
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    assert outputs(page, "score") != before
    assert "precision" in slider.get_attribute("aria-valuetext")
    page.locator('[data-table="classes"] .sort').first.focus()
    page.keyboard.press("Enter")
    assert column(page, "classes", 1) == ["circle", "square", "triangle", "word"]
    page.keyboard.press("Space")
    assert column(page, "classes", 1) == ["word", "triangle", "square", "circle"]
    page.locator('[data-table="classes"] .pick').first.focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.dataset.control") == "class"
    assert page.locator('[data-control="class"] option:checked').inner_text() == "word"


def test_a_table_is_sorted_and_marked_as_sorted(opened):
    page = opened()
    heading = page.locator('[data-table="classes"] thead th').nth(2)
    heading.locator("button").click()
    values = [float(text) for text in column(page, "classes", 3)]
    assert values == sorted(values, reverse=True)
    assert heading.get_attribute("aria-sort") == "descending"
    heading.locator("button").click()
    assert [float(text) for text in column(page, "classes", 3)] == sorted(values)
    assert page.locator('[data-table="classes"] [aria-sort="ascending"]').count() == 1


def test_a_table_is_filtered_and_shows_another_measure(opened):
    page = opened()
    page.get_by_placeholder("class name").fill("CIR")
    assert column(page, "classes", 1) == ["circle"]
    assert page.locator("[data-count]").inner_text() == "1 of 4 classes"
    before = page.locator('[data-table="classes"] tbody td:visible').all_inner_texts()
    page.get_by_label("Measure").select_option("AP75")
    assert page.locator('[data-table="classes"] tbody td:visible').all_inner_texts() != before


def test_the_gallery_is_filtered(opened):
    page = opened()
    cards = page.locator(".images .card:visible")
    everything = page.locator(".images .card").count()
    assert cards.count() == min(INITIAL_CARDS, everything)
    page.get_by_role("button", name="Show").click()
    assert cards.count() == everything
    page.locator('[data-examples="kind"]').select_option("misplaced")
    assert 0 < cards.count() < everything
    assert all(
        "misplaced" in kinds
        for kinds in cards.evaluate_all("cards => cards.map(c => c.dataset.kinds)")
    )
    page.locator('[data-examples="kind"]').select_option("")
    page.locator('[data-examples="detector"]').select_option(label="fine")
    assert set(
        cards.locator("g[data-d]:visible").evaluate_all("boxes => boxes.map(b => b.dataset.d)")
    ) == {"0"}
    page.locator('[data-examples="class"]').select_option(label="word")
    assert all(
        "3" in classes.split()
        for classes in cards.evaluate_all("cards => cards.map(c => c.dataset.classes)")
    )


def test_a_kind_of_error_links_to_its_example_images(opened):
    page = opened()
    page.click("#p0-errors a[data-show-kind=missed]")
    assert page.input_value("[data-examples=kind]") == "missed"
    assert all(
        "missed" in kinds
        for kinds in page.eval_on_selector_all(
            ".images .card:not([hidden])", "cards => cards.map(c => c.dataset.kinds)"
        )
    )
    link = page.locator("[data-table=label-errors] a").last
    assert not page.locator(link.get_attribute("href")).is_visible()
    link.click()
    assert page.locator(link.get_attribute("href")).is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1200])
def test_nothing_is_wider_than_the_screen(opened, scheme, width):
    page = opened(color_scheme=scheme, viewport={"width": width, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") == width


def _luminance(color):
    parts = [int(part) / 255 for part in color.removeprefix("rgb(").rstrip(")").split(",")]
    return sum(
        w * (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4)
        for w, c in zip((0.2126, 0.7152, 0.0722), parts, strict=True)
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_and_marks_stand_out(opened, scheme):
    """Contrast as WCAG 2.2 defines it: 4.5 for text, 3 for marks."""
    page = opened(color_scheme=scheme)
    background = _luminance(
        page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    )
    min_contrast = {
        "h1": 4.5,
        ".lead": 4.5,
        ".note": 4.5,
        ".heading": 4.5,
        "thead th": 4.5,
        "a": 4.5,
        ".pick": 4.5,
        ".mark": 3,
    }
    for selector, contrast in min_contrast.items():
        for color in set(
            page.locator(selector).evaluate_all("all => all.map(e => getComputedStyle(e).color)")
        ):
            light, dark = sorted((background, _luminance(color)), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= contrast, (selector, color)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_shaded_numbers_stand_out(opened, scheme):
    page = opened(color_scheme=scheme)
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    cells = page.locator(".confusion td[title]").evaluate_all(
        """cells => {
            const canvas = document.createElement("canvas");
            const context = canvas.getContext("2d", { willReadFrequently: true });
            const blended = (...colors) => {
                for (const color of colors) {
                    context.fillStyle = color;
                    context.fillRect(0, 0, 1, 1);
                }
                const [red, green, blue] = context.getImageData(0, 0, 1, 1).data;
                return `rgb(${red},${green},${blue})`;
            };
            const background = getComputedStyle(document.documentElement).backgroundColor;
            return cells.map((cell) => {
                const style = getComputedStyle(cell);
                return [blended(background, style.backgroundColor), blended(style.color)];
            });
        }"""
    )
    assert len(set(map(tuple, cells))) > 3
    for pair in set(map(tuple, cells)):
        dark, light = sorted(map(_luminance, pair))
        assert (light + 0.05) / (dark + 0.05) >= 4.5, pair


def test_it_prints_on_white_with_everything_open(opened):
    page = opened(color_scheme="dark")
    page.emulate_media(media="print")
    root = page.locator("html")
    assert root.evaluate("root => getComputedStyle(root).backgroundColor") == "rgb(255, 255, 255)"
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not([open])").count() == 0
    assert page.locator(".controls:visible").count() == 0
    assert len(page.pdf()) > 10_000
