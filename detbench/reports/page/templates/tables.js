"use strict";
/* Tables: sorted by a heading's button, filtered by a field. */

function sortBy(heading) {
  const table = heading.closest("table"), body = table.tBodies[0];
  const column = [...heading.parentElement.children].indexOf(heading);
  const kind = heading.querySelector(".sort").dataset.sort;
  const before = heading.getAttribute("aria-sort");
  const rising = before === "descending" || ((!before || before === "none") && kind === "text");
  const value = (row) => row.children[column].dataset.v ?? "";
  const compare = kind === "text"
    ? (a, b) => value(a).localeCompare(value(b), undefined, { numeric: true })
    : (a, b) => Number(value(a)) - Number(value(b));
  const rows = [...body.rows];
  const absent = rows.filter((row) => value(row) === ""), known = rows.filter((row) => value(row) !== "");
  known.sort((a, b) => (rising ? 1 : -1) * compare(a, b));
  body.append(...known, ...absent);
  for (const other of heading.parentElement.children) {
    if (other.querySelector(".sort")) other.setAttribute("aria-sort", "none");
  }
  heading.setAttribute("aria-sort", rising ? "ascending" : "descending");
}

function startTables(root) {
  for (const button of root.querySelectorAll(".sort")) {
    button.closest("th").setAttribute("aria-sort", "none");
    button.addEventListener("click", () => sortBy(button.closest("th")));
  }
  for (const field of root.querySelectorAll("[data-filter]")) {
    const rows = [...document.getElementById(field.dataset.filter).tBodies[0].rows];
    const count = root.querySelector(`[data-count="${field.dataset.filter}"]`);
    const plural = (number) => `${number.toLocaleString("en")} ${number === 1 ? "class" : "classes"}`;
    field.addEventListener("input", () => {
      const wanted = field.value.trim().toLocaleLowerCase();
      let shown = 0;
      for (const row of rows) {
        row.hidden = !row.dataset.class.toLocaleLowerCase().includes(wanted);
        shown += !row.hidden;
      }
      count.textContent = shown === rows.length ? plural(shown) : `${shown.toLocaleString("en")} of ${plural(rows.length)}`;
    });
  }
  for (const choice of root.querySelectorAll("[data-measure-choice]")) {
    const cells = document.getElementById(choice.dataset.measureChoice).querySelectorAll("[data-of]");
    choice.addEventListener("change", () => {
      for (const cell of cells) cell.hidden = cell.dataset.of !== choice.value;
    });
  }
}
