/* Start: every part of the page comes to life; printing and a change of theme draw the curves again in the right colours. */

const explorers = JSON.parse(document.getElementById("data").textContent).map((data, place) => {
  const root = document.querySelector(`[data-part="${place}"]`);
  startTables(root);
  startGallery(root.querySelector(".images"));
  const explorer = new Explorer(root.querySelector(".explorer"), data);
  for (const button of root.querySelectorAll(".pick")) {
    button.addEventListener("click", () => {
      explorer.choose(Number(button.dataset.pick));
      root.querySelector(".explorer").scrollIntoView();
      explorer.control("class").focus({ preventScroll: true });
    });
  }
  return explorer;
});
const drawAll = () => explorers.forEach((explorer) => explorer.draw());
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
matchMedia("print").addEventListener("change", drawAll);
addEventListener("beforeprint", () => { for (const each of document.querySelectorAll("details")) each.open = true; });
for (const link of document.querySelectorAll('a[href^="#"]')) link.addEventListener("click", () => {
  const folded = document.getElementById(link.getAttribute("href").slice(1))?.closest("details");
  if (folded) folded.open = true;
});
