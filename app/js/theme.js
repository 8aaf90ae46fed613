{
  const root = document.documentElement;
  root.dataset.scripts = "";
  addEventListener("change", ({ target }) => {
    if (target.name !== "theme") return;
    if (target.value) root.dataset.theme = target.value;
    else delete root.dataset.theme;
    try {
      if (target.value) localStorage.setItem("theme", target.value);
      else localStorage.removeItem("theme");
    } catch {}
  });
  addEventListener("DOMContentLoaded", () => {
    for (const option of document.getElementsByName("theme")) option.checked = option.value === (root.dataset.theme ?? "");
  });
}
