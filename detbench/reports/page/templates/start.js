/* Start: sets up every comparison of the page. Curves are plotted again for printing and when the
   color scheme changes, in its colors. */

function startComparison(data, place) {
  const root = document.querySelector(`[data-comparison="${place}"]`);
  startTables(root);
  startGallery(root.querySelector(".images"));
  const explorer = new Explorer(root.querySelector(".explorer"), data);
  for (const button of root.querySelectorAll(".pick")) {
    button.addEventListener("click", () => {
      explorer.selectClass(Number(button.dataset.pick));
      root.querySelector(".explorer").scrollIntoView();
      explorer.control("class").focus({ preventScroll: true });
    });
  }
  return explorer;
}

const explorers = JSON.parse(document.getElementById("data").textContent).map(startComparison);
const drawAll = () => explorers.forEach((explorer) => explorer.draw());
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
matchMedia("print").addEventListener("change", drawAll);
addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details")) details.open = true;
});
/* A link into folded content unfolds it. */
for (const link of document.querySelectorAll('a[href^="#"]')) {
  link.addEventListener("click", () => {
    const target = document.getElementById(link.getAttribute("href").slice(1));
    const folded = target?.closest("details");
    if (folded) folded.open = true;
  });
}
