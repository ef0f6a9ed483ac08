// Shows the headings that hold every word that is typed. Without it the index is the whole list.
(() => {
  const field = document.getElementById("search");
  const said = document.getElementById("found");
  const groups = [...document.querySelectorAll("[data-guide]")];
  const plain = (text) => text.toLowerCase().normalize("NFKD").replace(/\p{M}/gu, "").replace(/₂/g, "2");
  const look = () => {
    const words = plain(field.value).split(/\s+/).filter(Boolean);
    let count = 0;
    for (const group of groups) {
      const title = plain(group.dataset.guide);
      const whole = words.every((word) => title.includes(word));
      let shown = 0;
      for (const entry of group.querySelectorAll("[data-heading]")) {
        const text = title + " " + plain(entry.textContent);
        entry.hidden = !(whole || words.every((word) => text.includes(word)));
        shown += entry.hidden ? 0 : 1;
      }
      group.hidden = !(whole || shown);
      count += shown + (whole ? 1 : 0);
    }
    said.textContent = words.length ? (count ? `${count} found` : "Nothing found; try fewer letters.") : "";
  };
  field.addEventListener("input", look);
  field.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      field.value = "";
      look();
    }
    if (event.key === "Enter") {
      const first = document.querySelector("[data-guide]:not([hidden]) [data-heading]:not([hidden]) a")
        ?? document.querySelector("[data-guide]:not([hidden]) a");
      if (first) first.click();
    }
  });
  field.closest("[hidden]").hidden = false;
  look();
})();
