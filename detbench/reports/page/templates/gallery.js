/* Gallery: cards that fit the chosen kind, class and detector, of whom alone the boxes are then shown. */

function startGallery(root) {
  const cards = [...root.querySelectorAll(".card")], controls = [...root.querySelectorAll("[data-pictures]")];
  if (!cards.length) return;
  const output = root.querySelector("[data-shown]");
  const values = { kind: (card) => card.dataset.kinds.split("|"), class: (card) => card.dataset.classes.split(" "), detector: (card) => card.dataset.detectors.split(" ") };
  const fits = (card, { dataset: { pictures }, value }) => value === "" || values[pictures](card).includes(value);
  const only = root.querySelector('[data-pictures="detector"]');
  const update = () => {
    let count = 0;
    for (const card of cards) {
      card.hidden = !controls.every((control) => fits(card, control));
      count += !card.hidden;
    }
    for (const box of root.querySelectorAll(".card g[data-d]")) box.classList.toggle("off", Boolean(only?.value) && box.dataset.d !== only.value);
    output.textContent = `${count} of ${cards.length} images`;
  };
  for (const control of controls) control.addEventListener("change", update);
  update();
}
