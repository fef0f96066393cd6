"use strict";
{
  const MOST = 1000;
  const body = document.querySelector(".keys tbody"), filter = document.querySelector(".filter");
  const headers = [...document.querySelectorAll(".keys thead th")];
  const lines = [...body.rows].map((row, place) => ({ row, place }));
  const words = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });
  const [input, output, all] = ["input", "output", "button"].map((name) => filter.querySelector(name));
  const searched = [...headers.keys()].filter((column) => "searched" in headers[column].dataset);
  let most = MOST;

  // Only rows in the document cost layout time, so hidden rows are removed from it.
  const show = () => {
    const wanted = input.value.toLowerCase().split(/\s+/);
    const found = lines.filter((line) => {
      line.text ??= searched.map((column) => line.row.cells[column].textContent).join("\n").toLowerCase();
      return wanted.every((word) => line.text.includes(word));
    });
    body.replaceChildren();
    for (const line of found.slice(0, most)) body.append(line.row);
    body.classList.add("drawn");
    const more = found.length > most, numbers = more ? [most, found.length] : [found.length, lines.length];
    output.textContent = (more ? "the first " : "") + numbers.map((one) => one.toLocaleString("en")).join(" of ");
    all.hidden = !more;
  };

  // A number sorts by its full value, everything else as words; an empty cell comes last in both directions.
  const value = (cell) => {
    const whole = cell.querySelector("data")?.value;
    return whole !== undefined ? Number(whole) : cell.textContent || null;
  };
  const kind = (one) => (one === null ? 2 : typeof one === "number" ? 0 : 1);
  const sort = (column, up) => {
    for (const line of lines) line.value = value(line.row.cells[column]);
    lines.sort(({ value: a, place: first }, { value: b, place: second }) => {
      if (kind(a) !== kind(b)) return kind(a) - kind(b);
      const order = kind(a) === 0 ? a - b : kind(a) === 1 ? words.compare(a, b) : 0;
      return (up ? order : -order) || first - second;
    });
    for (const header of headers) header.removeAttribute("aria-sort");
    headers[column].setAttribute("aria-sort", up ? "ascending" : "descending");
    show();
  };
  headers.forEach((header, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...header.childNodes);
    header.append(button);
    button.addEventListener("click", () => sort(column, header.getAttribute("aria-sort") !== "ascending"));
  });

  let pause;
  input.addEventListener("input", () => {
    clearTimeout(pause);
    pause = setTimeout(show, 100);
  });
  all.addEventListener("click", () => {
    most = Infinity;
    show();
  });
  filter.hidden = false;
  show();
}
