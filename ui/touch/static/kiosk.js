// The kiosk's script: it puts the pictures that the server draws on the screen and posts what a finger did.
// It holds two things of its own: the digits of a PIN, or of a code of staff, until they are sent, and the second count.
"use strict";
(() => {
  const plain = { createHTML: (s) => s }; // the server's templates escape; this page takes HTML from nowhere else
  const policy = window.trustedTypes ? trustedTypes.createPolicy("honnin", plain) : plain;
  const stage = document.getElementById("stage");
  const RETRY_MS = 2000, TOUCH_MS = 5000, LANGUAGE_MS = 60000, PIN_LENGTH = 4;
  let digits = [], desk = {}, ticking = 0, forgetting = 0, lastTouch = 0;

  const picture = () => document.getElementById("picture");
  const post = (url, body, type) => fetch(url, {
    method: "POST", body, credentials: "same-origin", cache: "no-store", headers: type ? { "Content-Type": type } : {},
  });

  // --- pictures

  const same = (a, b) => a && ["screen", "picture"].every((k) => a.dataset[k] === b.dataset[k]) && a.lang === b.lang;

  function draw(html) {
    const box = document.createElement("template");
    box.innerHTML = policy.createHTML(html);
    const next = box.content.getElementById("picture"), now = picture();
    if (same(now, next)) {
      // Only progress moved: nothing else is touched, so digits and focus stay.
      for (const part of next.querySelectorAll("[data-live]")) {
        now.querySelector(`[data-live="${part.dataset.live}"]`).replaceWith(part);
      }
      now.dataset.tick = next.dataset.tick;
    } else {
      digits = [];
      desk = {};
      stage.replaceChildren(next);
      next.querySelector("h1").focus();
    }
    settle();
  }

  function settle() {
    document.documentElement.lang = picture().lang;
    document.title = picture().querySelector("h1").textContent;
    clearInterval(ticking);
    clearTimeout(forgetting);
    const left = picture().querySelector("[data-countdown]");
    if (left) ticking = setInterval(() => countDown(left), 1000);
    // Someone chose a language on the first screen and went away.
    if (picture().dataset.screen === "welcome" && picture().lang !== picture().dataset.first) {
      forgetting = setTimeout(() => post("/kiosk/local", new URLSearchParams({ language: picture().dataset.first })), LANGUAGE_MS);
    }
  }

  function countDown(el) {
    const n = Math.max(0, Number(el.dataset.countdown) - 1);
    el.dataset.countdown = n;
    el.textContent = el.dataset.pattern.replace("#", n);
  }

  // --- the stream

  function listen() {
    const stream = new EventSource(document.body.dataset.events);
    stream.addEventListener("picture", (e) => {
      draw(e.data);
      document.body.classList.remove("lost");
    });
    stream.onerror = () => {
      document.body.classList.add("lost");
      if (stream.readyState === EventSource.CLOSED) setTimeout(comeBack, RETRY_MS);
    };
  }

  // The server does not know this page any more (it was started anew): load again once it answers at all.
  function comeBack() {
    fetch("/static/kiosk.css", { cache: "no-store" })
      .then(() => location.reload(), () => setTimeout(comeBack, RETRY_MS));
  }

  // --- fingers

  async function send(request, pressed) {
    const buttons = [...picture().querySelectorAll("button:not(:disabled)")];
    buttons.forEach((b) => { b.disabled = true; }); // one finger for one picture
    pressed?.classList.add("pressed");
    let ok = false;
    try { ok = (await request()).ok; } catch { /* the stream's own error shows that the server is gone */ }
    if (ok) return;
    buttons.forEach((b) => { b.disabled = false; });
    pressed?.classList.remove("pressed");
  }

  function touched() {
    const p = picture();
    if (p.dataset.visit === "0" || Date.now() - lastTouch < TOUCH_MS) return;
    lastTouch = Date.now();
    post("/kiosk/finger", new URLSearchParams({ visit: p.dataset.visit, picture: p.dataset.picture, action: "touched" })).catch(() => {});
  }

  // --- two fields at a counter: the number of a member of staff, shown, and a code, of which only the length is

  function pick(field) {
    for (const f of picture().querySelectorAll("[data-field]")) {
      f.classList.toggle("here", f === field);
      f.setAttribute("aria-pressed", f === field);
    }
  }

  function type(field, k) {
    const is = desk[field.dataset.field] ??= [];
    if (k === "clear") is.length = 0;
    else if (k === "erase") is.pop();
    else if (is.length < Number(field.dataset.max)) is.push(k.charCodeAt(0));
    const code = field.dataset.field === "code";
    field.querySelector("[data-value]").textContent = code ? "●".repeat(is.length) : String.fromCharCode(...is);
    const whole = [...picture().querySelectorAll("[data-field]")]
      .every((f) => (desk[f.dataset.field] ?? []).length >= Number(f.dataset.least ?? 1));
    picture().querySelectorAll("[data-word]").forEach((b) => { b.disabled = !whole; });
    touched();
  }

  function sendWord(button) {
    if (!desk.code || !desk.staff) return; // sent, and not taken: it is to be typed again
    const body = Uint8Array.from(desk.code), url = `${button.dataset.word}/${String.fromCharCode(...desk.staff)}`;
    desk.code.fill(0);
    desk = {};
    picture().querySelectorAll("[data-value]").forEach((v) => { v.textContent = ""; });
    send(() => post(url, body, "application/octet-stream"), button).finally(() => body.fill(0));
  }

  function key(k) {
    const field = picture().querySelector("[data-field].here");
    if (field) return type(field, k);
    if (k === "clear") digits = [];
    else if (k === "erase") digits.pop();
    else if (digits.length < PIN_LENGTH) digits.push(k.charCodeAt(0));
    const dots = picture().querySelector("[data-pin-dots]");
    [...dots.children].forEach((d, i) => d.classList.toggle("on", i < digits.length));
    dots.setAttribute("aria-label", dots.dataset.entered.replace("#", digits.length));
    picture().querySelector("[data-send]").disabled = digits.length !== PIN_LENGTH;
    touched();
  }

  function sendPIN(button) {
    const body = Uint8Array.from(digits);
    digits = [];
    send(() => post(button.dataset.send, body, "application/octet-stream"), button).finally(() => body.fill(0));
  }

  function step(button) {
    const box = button.closest(".stepper"), field = box.querySelector("[name=copies]"), max = Number(box.dataset.max);
    const n = Math.min(max, Math.max(1, Number(field.value) + Number(button.dataset.step)));
    field.value = n;
    const shown = box.querySelector("[data-copies]"), total = picture().querySelector("[data-total]");
    shown.textContent = shown.dataset.pattern.replace("#", n);
    const fee = n * Number(box.dataset.fee);
    if (fee > 0) total.textContent = total.dataset.pattern.replace("#", fee.toLocaleString("en-US"));
    box.querySelector("[data-step='-1']").disabled = n === 1;
    box.querySelector("[data-step='1']").disabled = n === max;
    touched();
  }

  document.addEventListener("submit", (e) => {
    e.preventDefault();
    const body = new URLSearchParams(new FormData(e.target, e.submitter));
    if (e.target.classList.contains("local")) body.set("picture", picture().dataset.picture);
    send(() => post(e.target.getAttribute("action"), body), e.submitter); // .action is the field of that name
  });
  document.addEventListener("click", (e) => {
    const b = e.target.closest("button");
    if (!b || b.disabled) return;
    if (b.dataset.key) key(b.dataset.key);
    else if (b.dataset.send) sendPIN(b);
    else if (b.dataset.field) pick(b);
    else if (b.dataset.word) sendWord(b);
    else if (b.dataset.step) step(b);
  });
  document.addEventListener("change", touched);
  document.addEventListener("keydown", (e) => {
    if (!document.querySelector("[data-send], [data-word]")) return;
    if (/^[0-9]$/.test(e.key)) key(e.key);
    if (e.key === "Backspace") key("erase");
  });
  document.addEventListener("contextmenu", (e) => e.preventDefault());

  if ("shut" in document.body.dataset) setTimeout(comeBack, RETRY_MS);
  else { settle(); listen(); }
})();
