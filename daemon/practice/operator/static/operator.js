// The operators' page: what is new appears by itself, and a state is signed here, by the person's own key.
import { Trouble, certificate, fingerprint, privateKey, sign } from "/static/cms.js";

const plain = { createHTML: (s) => s }; // the server's templates escape; this page takes HTML from nowhere else
const policy = window.trustedTypes ? trustedTypes.createPolicy("honnin", plain) : plain;
const $ = (id) => document.getElementById(id);
const every = 2000; // ms between two looks at what is new

// renew takes over a fragment's parts that are other than before. What has the focus keeps it, or its successor of the same name does.
function renew(live, html) {
  const box = document.createElement("template");
  box.innerHTML = policy.createHTML(html);
  const had = document.activeElement?.id, old = new Map([...live.children].map((e) => [e.id, e]));
  const next = [...box.content.children].map((e) => (old.get(e.id)?.outerHTML === e.outerHTML ? old.get(e.id) : e));
  if (next.length === live.children.length && next.every((e, i) => e === live.children[i])) return;
  live.replaceChildren(...next);
  if (had && document.activeElement?.id !== had) $(had)?.focus({ preventScroll: true });
}

async function look() {
  const live = $("live");
  try {
    const answer = await fetch(live.dataset.from, { cache: "no-store" });
    if (!answer.ok) throw new Error(answer.statusText);
    renew(live, await answer.text());
    document.body.classList.remove("lost");
    allow();
  } catch {
    document.body.classList.add("lost");
  }
  setTimeout(look, every);
}

// What may be chosen is what the incident's state allows. The centre and the terminal judge by themselves.
function allow() {
  const form = $("act"), state = document.querySelector("[data-state]")?.dataset.state;
  if (!form) return;
  const ack = form.elements.state[0];
  ack.disabled = state !== "open";
  if (ack.disabled && ack.checked) form.elements.state[1].checked = true;
  const closing = form.elements.state.value === "closed";
  $("why").hidden = !closing;
  form.elements.cause.required = closing;
}

const size = (s) => new TextEncoder().encode(s).length;

function counted() {
  const n = size($("act").elements.cause.value.trim());
  $("count").textContent = `${n} / 256`;
  $("count").classList.toggle("over", n > 256);
}

function say(where, text) {
  $("said").textContent = $("done").textContent = "";
  $(where).textContent = text;
}

let held = null; // what is about to be signed with: forgotten when anything changes

function forget() {
  held = null;
  $("review").hidden = true;
}

// state is what a person says of the incident that this page shows. It names the very event that is shown: of one that is not
// the terminal's, the terminal believes nothing.
async function state(form, at) {
  const text = $("event").textContent, event = JSON.parse(text), source = `urn:honnin:terminal:${$("shown-terminal").textContent}`;
  if (event.id !== $("shown-id").textContent || event.source !== source || event.data.code !== $("shown-code").textContent) {
    throw new Trouble("このページの表示は、端末が知らせた文と食い違っています。署名しません。 / What this page shows is not what the terminal told: nothing is signed.");
  }
  const s = { format: "honnin-incident-state/1", incident: event.id, source, event: await fingerprint(text), state: form.elements.state.value };
  if (s.state === "closed") {
    s.cause = form.elements.cause.value.trim();
    if (size(s.cause) > 256 || s.cause === "" || !s.cause.isWellFormed()) throw new Trouble("原因を1文で書いてください（256バイトまで）。 / Write the cause in one sentence, at most 256 bytes.");
  }
  return { ...s, at: at.toISOString().replace(/\.\d+/, "") };
}

async function review(form) {
  const [cert] = form.elements.certificate.files, [key] = form.elements.key.files;
  if (!cert || !key) throw new Trouble("鍵と証明書のファイルを選んでください。 / Choose the files of your key and certificate.");
  const mine = await certificate(cert), at = new Date();
  held = { cert: mine, key: await privateKey(key, mine), at };
  const who = document.querySelector(`#persons [data-certificate="${mine.fingerprint}"]`);
  $("signer").textContent = who ? `${who.textContent} — ${mine.subject}` : mine.subject;
  $("fingerprint").textContent = mine.fingerprint;
  $("stranger").hidden = Boolean(who);
  $("signing").textContent = JSON.stringify(await state(form, at), null, 1);
  $("review").hidden = false;
  $("send").focus();
}

async function send() {
  const { key, cert, at } = held, shown = new TextEncoder().encode($("signing").textContent);
  const body = await sign(shown, key, cert, at); // what is signed is what is shown
  const answer = await fetch("/states", { method: "POST", body, headers: { "Content-Type": "application/pkcs7-mime; smime-type=signed-data" } });
  const text = await answer.text();
  if (!answer.ok) throw new Trouble(text);
  say("done", text);
  $("act").reset();
  counted();
  forget();
}

async function tried(act) {
  say("said", "");
  try {
    await act();
  } catch (e) {
    forget();
    say("said", e instanceof Trouble ? e.message : "送れませんでした。もう一度お試しください。 / It could not be sent. Try again.");
  }
}

const form = $("act");
if (form) {
  form.addEventListener("submit", (e) => {
    e.preventDefault();
    tried(() => (e.submitter === $("send") ? send() : review(form)));
  });
  form.addEventListener("input", () => {
    forget();
    counted();
    allow();
  });
  window.addEventListener("pagehide", forget);
  form.hidden = false;
  allow();
  counted();
}
setTimeout(look, every);
