// Reads the page again while it is looked at, and puts the new figures in place of the old ones. Without it the page
// is the same, and is reloaded by hand.
(() => {
  "use strict";
  const button = document.getElementById("live");
  if (!document.querySelector("[data-live]")) return;
  const PERIOD = 5000, WAITING = 700;
  let on = localStorage.getItem("dcp-live") !== "off", timer = 0;
  const show = () => {
    button.hidden = false;
    button.setAttribute("aria-pressed", String(on));
    button.querySelector(".word").textContent = on ? button.dataset.on : button.dataset.off;
  };
  const later = () => {
    clearTimeout(timer);
    const waits = document.querySelector("[data-waits]");
    if (on || waits) timer = setTimeout(read, waits ? WAITING : PERIOD);
  };
  const held = (part) => part.contains(document.activeElement) || part.querySelector("details[open], :checked") ||
    (getSelection().rangeCount && !getSelection().isCollapsed && part.contains(getSelection().anchorNode));
  async function read() {
    if (!document.hidden) {
      try {
        const answer = await fetch(location.href, { headers: { "X-Live": "1" }, redirect: "error" });
        if (answer.ok) {
          const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
          document.querySelectorAll("[data-live]").forEach((part) => {
            const other = fresh.querySelector(`[data-live="${part.dataset.live}"]`);
            if (other && !held(part) && other.innerHTML !== part.innerHTML) part.replaceChildren(...other.childNodes);
          });
        }
      } catch { /* the server is away: what stands here stays, and it is asked again */ }
    }
    later();
  }
  button.addEventListener("click", () => {
    on = !on;
    localStorage.setItem("dcp-live", on ? "on" : "off");
    show();
    if (on) read(); else later();
  });
  document.addEventListener("visibilitychange", () => { if (!document.hidden && on) read(); });
  show();
  later();
})();
