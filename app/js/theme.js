{
  const root = document.documentElement;
  addEventListener("change", ({ target }) => {
    if (target.name !== "theme") return;
    if (target.value) root.dataset.theme = target.value;
    else delete root.dataset.theme;
    try {
      if (target.value) localStorage.setItem("theme", target.value);
      else localStorage.removeItem("theme");
    } catch {}
  });
  // A form that leaves the page is sent once; back on the page its button can be pressed again.
  addEventListener("submit", (event) => {
    setTimeout(() => {
      if (event.defaultPrevented || !event.submitter) return;
      event.submitter.disabled = true;
      event.submitter.setAttribute("aria-busy", "true");
    });
  });
  addEventListener("pageshow", () => {
    for (const button of document.querySelectorAll("button[aria-busy]")) {
      button.disabled = false;
      button.removeAttribute("aria-busy");
    }
  });
  addEventListener("DOMContentLoaded", () => {
    for (const option of document.getElementsByName("theme")) option.checked = option.value === (root.dataset.theme ?? "");
  });
}
