/* Gallery: cards that fit the chosen kind, class and detector, of whom alone the boxes are then shown; some first, all if asked. */

const SHOWN_FIRST = 24;

function startGallery(root) {
  const cards = [...root.querySelectorAll(".card")], controls = [...root.querySelectorAll("[data-pictures]")];
  if (!cards.length) return;
  const output = root.querySelector("[data-shown]"), more = root.querySelector("[data-more]");
  const only = root.querySelector('[data-pictures="detector"]');
  const values = { kind: (card) => card.dataset.kinds.split("|"), class: (card) => card.dataset.classes.split(" "), detector: (card) => card.dataset.detectors.split(" ") };
  const fits = (card, { dataset: { pictures }, value }) => value === "" || values[pictures](card).includes(value);
  const update = (most) => {
    const fitting = cards.filter((card) => controls.every((control) => fits(card, control)));
    const shown = new Set(fitting.slice(0, most));
    for (const card of cards) card.hidden = !shown.has(card);
    for (const box of root.querySelectorAll(".card g[data-d]")) box.classList.toggle("off", Boolean(only?.value) && box.dataset.d !== only.value);
    output.textContent = `${fitting.length} of ${cards.length} images`;
    more.hidden = shown.size === fitting.length;
    more.textContent = `Show ${fitting.length - shown.size} more`;
  };
  for (const control of controls) control.addEventListener("change", () => update(SHOWN_FIRST));
  more.addEventListener("click", () => {
    const next = cards.filter((card) => controls.every((control) => fits(card, control)))[SHOWN_FIRST];
    update(Infinity);
    next.tabIndex = -1;
    next.focus();
  });
  const choose = (wanted) => {
    for (const control of controls) control.value = wanted[control.dataset.pictures] ?? "";
    update(SHOWN_FIRST);
  };
  for (const link of document.querySelectorAll(`a[data-show-kind][href="#${root.id}"]`)) link.addEventListener("click", () => choose({ kind: link.dataset.showKind }));
  for (const card of cards) for (const link of document.querySelectorAll(`a[href="#${card.id}"]`)) link.addEventListener("click", () => {
    choose({});
    update(Infinity);
  });
  update(SHOWN_FIRST);
}
