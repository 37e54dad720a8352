// The practice panel's script: it shows what the server draws, posts the acts, and fits the kiosk's frame.
"use strict";
(() => {
  const plain = { createHTML: (s) => s }; // the server's templates escape; this page takes HTML from nowhere else
  const policy = window.trustedTypes ? trustedTypes.createPolicy("honnin", plain) : plain;
  const panel = document.getElementById("panel"), said = document.getElementById("said");
  const kiosk = document.getElementById("kiosk"), holder = document.getElementById("holder");

  function fit() {
    const [w, h] = document.getElementById("size").value.split("x").map(Number);
    const scale = Math.min(holder.clientWidth / w, holder.clientHeight / h, 1);
    kiosk.style.width = `${w}px`;
    kiosk.style.height = `${h}px`;
    kiosk.style.transform = `scale(${scale})`;
  }

  function listen() {
    const stream = new EventSource("/panel/events");
    let drawn = "";
    stream.addEventListener("panel", (e) => {
      document.body.classList.remove("lost");
      if (e.data === drawn) return; // a button must not be replaced under a finger for nothing
      drawn = e.data;
      const scrolled = panel.scrollTop, more = panel.querySelector("details")?.open ?? false;
      const box = document.createElement("template");
      box.innerHTML = policy.createHTML(e.data);
      panel.replaceChildren(box.content);
      panel.querySelector("details")?.toggleAttribute("open", more);
      panel.scrollTop = scrolled;
    });
    stream.onerror = () => {
      document.body.classList.add("lost");
      if (stream.readyState === EventSource.CLOSED) setTimeout(comeBack, 2000);
    };
  }

  function comeBack() {
    fetch("/static/panel.css", { cache: "no-store" }).then(() => location.reload(), () => setTimeout(comeBack, 2000));
  }

  document.addEventListener("submit", async (e) => {
    e.preventDefault();
    said.textContent = "";
    const body = new URLSearchParams(new FormData(e.target, e.submitter));
    try {
      const answer = await fetch(e.target.getAttribute("action"), { method: "POST", body, credentials: "same-origin" });
      if (!answer.ok) said.textContent = await answer.text();
    } catch { said.textContent = "…"; }
  });
  document.getElementById("size").addEventListener("change", fit);
  new ResizeObserver(fit).observe(holder);
  fit();
  listen();
})();
