/* Gallery: shows the cards that match the selected mistake, class and detector.
   With a detector selected, only its boxes are shown. Further cards appear on request. */

const INITIAL_CARDS = 24;

function startGallery(root) {
  const cards = [...root.querySelectorAll(".card")];
  const controls = [...root.querySelectorAll("[data-examples]")];
  if (!cards.length) return;
  const output = root.querySelector("[data-shown]"), more = root.querySelector("[data-more]");
  const detector = root.querySelector('[data-examples="detector"]');
  const values = {
    kind: (card) => card.dataset.kinds.split("|"),
    class: (card) => card.dataset.classes.split(" "),
    detector: (card) => card.dataset.detectors.split(" "),
  };

  const matches = (card) => controls.every(
    ({ dataset, value }) => value === "" || values[dataset.examples](card).includes(value),
  );
  const update = (limit) => {
    const matching = cards.filter(matches);
    const shown = new Set(matching.slice(0, limit));
    for (const card of cards) card.hidden = !shown.has(card);
    for (const box of root.querySelectorAll(".card g[data-d]")) {
      const isOther = Boolean(detector?.value) && box.dataset.d !== detector.value;
      box.classList.toggle("off", isOther);
    }
    output.textContent = `${matching.length} of ${cards.length} images`;
    more.hidden = shown.size === matching.length;
    more.textContent = `Show ${matching.length - shown.size} more`;
  };
  const select = (choices) => {
    for (const control of controls) control.value = choices[control.dataset.examples] ?? "";
  };

  for (const control of controls) control.addEventListener("change", () => update(INITIAL_CARDS));
  more.addEventListener("click", () => {
    const next = cards.filter(matches)[INITIAL_CARDS];
    update(Infinity);
    next.tabIndex = -1;
    next.focus();
  });
  /* A link from the error analysis selects the kind of mistake that it names. */
  for (const link of document.querySelectorAll(`a[data-show-kind][href="#${root.id}"]`)) {
    link.addEventListener("click", () => {
      select({ kind: link.dataset.showKind });
      update(INITIAL_CARDS);
    });
  }
  /* A link to a card shows all cards first. */
  for (const card of cards) {
    for (const link of document.querySelectorAll(`a[href="#${card.id}"]`)) {
      link.addEventListener("click", () => {
        select({});
        update(Infinity);
      });
    }
  }
  update(INITIAL_CARDS);
}
