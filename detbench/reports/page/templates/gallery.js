/* Gallery: cards that fit the chosen kind, class and detector. */

function startGallery(root) {
  const cards = [...root.querySelectorAll(".card")], controls = [...root.querySelectorAll("[data-pictures]")];
  if (!cards.length) return;
  const output = root.querySelector("[data-shown]");
  const fits = (card, { dataset: { pictures }, value }) => value === ""
    || (pictures === "kind" ? card.dataset.kind === value : card.dataset[pictures === "class" ? "classes" : "detectors"].split(" ").includes(value));
  const update = () => {
    let count = 0;
    for (const card of cards) {
      card.hidden = !controls.every((control) => fits(card, control));
      count += !card.hidden;
    }
    output.textContent = `${count} of ${cards.length} images`;
  };
  for (const control of controls) control.addEventListener("change", update);
  update();
}
