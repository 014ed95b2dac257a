"use strict";
/* Tables: sorted by the button in a heading, filtered by a text field. */

function sortBy(heading) {
  const headings = [...heading.parentElement.children], column = headings.indexOf(heading);
  const isText = heading.querySelector(".sort").dataset.sort === "text";
  const order = heading.getAttribute("aria-sort");
  const isUnsorted = !order || order === "none";
  const ascending = order === "descending" || (isUnsorted && isText);
  const value = (row) => row.children[column].dataset.v ?? "";
  const compare = isText
    ? (a, b) => value(a).localeCompare(value(b), undefined, { numeric: true })
    : (a, b) => Number(value(a)) - Number(value(b));

  /* Rows without a value come last in both orders. */
  const body = heading.closest("table").tBodies[0], rows = [...body.rows];
  const present = rows.filter((row) => value(row) !== "");
  const absent = rows.filter((row) => value(row) === "");
  present.sort((a, b) => (ascending ? 1 : -1) * compare(a, b));
  body.append(...present, ...absent);
  for (const other of headings) {
    if (other.querySelector(".sort")) other.setAttribute("aria-sort", "none");
  }
  heading.setAttribute("aria-sort", ascending ? "ascending" : "descending");
}

function startFilter(field, count) {
  const rows = [...document.getElementById(field.dataset.filter).tBodies[0].rows];
  const plural = (n) => `${n.toLocaleString("en")} ${n === 1 ? "class" : "classes"}`;
  field.addEventListener("input", () => {
    const text = field.value.trim().toLocaleLowerCase();
    let shown = 0;
    for (const row of rows) {
      row.hidden = !row.dataset.class.toLocaleLowerCase().includes(text);
      shown += !row.hidden;
    }
    const all = plural(rows.length);
    count.textContent = shown === rows.length ? all : `${shown.toLocaleString("en")} of ${all}`;
  });
}

function startTables(root) {
  for (const button of root.querySelectorAll(".sort")) {
    button.closest("th").setAttribute("aria-sort", "none");
    button.addEventListener("click", () => sortBy(button.closest("th")));
  }
  for (const field of root.querySelectorAll("[data-filter]")) {
    startFilter(field, root.querySelector(`[data-count="${field.dataset.filter}"]`));
  }
  for (const choice of root.querySelectorAll("[data-measure-choice]")) {
    const table = document.getElementById(choice.dataset.measureChoice);
    const cells = table.querySelectorAll("[data-of]");
    choice.addEventListener("change", () => {
      for (const cell of cells) cell.hidden = cell.dataset.of !== choice.value;
    });
  }
}
