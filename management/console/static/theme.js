// Runs before the page is painted: a theme that was chosen is there from the first moment.
(() => {
  "use strict";
  try {
    const chosen = localStorage.getItem("portcall-theme");
    if (chosen === "light" || chosen === "dark") {
      document.documentElement.dataset.theme = chosen;
    }
  } catch {
    // Storage is switched off: the system's theme it is.
  }
})();
