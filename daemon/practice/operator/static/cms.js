// The signing side of the one CMS profile of config/trust, in a browser: P-256 with SHA-256, one signer, the four signed
// attributes, DER throughout (RFC 5652, RFC 5035, RFC 5754). The private key is imported so that it cannot be taken out again.
"use strict";

const P256 = { name: "ECDSA", namedCurve: "P-256" }, ES256 = { name: "ECDSA", hash: "SHA-256" };

// Trouble is what a person can mend; its text is for them, Japanese first.
export class Trouble extends Error {}

function joined(parts) {
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  parts.reduce((at, p) => (out.set(p, at), at + p.length), 0);
  return out;
}

// tlv writes one DER element.
function tlv(tag, ...parts) {
  const body = joined(parts), length = [];
  for (let n = body.length; n > 0; n >>>= 8) length.unshift(n & 255);
  return joined([[tag], body.length < 128 ? [body.length] : [128 | length.length, ...length], body]);
}

const SEQUENCE = 0x30, SET = 0x31, OCTETS = 4, OID = 6, UTC = 23;
const seq = (...parts) => tlv(SEQUENCE, ...parts), tagged = (n, ...parts) => tlv(0xa0 | n, ...parts);
const one = [2, 1, 1]; // INTEGER 1

function oid(dotted) {
  const [a, b, ...rest] = dotted.split(".").map(Number), out = [40 * a + b];
  for (const arc of rest) {
    const digits = [arc & 127];
    for (let n = arc >>> 7; n > 0; n >>>= 7) digits.unshift(128 | (n & 127));
    out.push(...digits);
  }
  return tlv(OID, out);
}

const data = oid("1.2.840.113549.1.7.1"), signedData = oid("1.2.840.113549.1.7.2");
const sha256 = seq(oid("2.16.840.1.101.3.4.2.1")), ecdsaWithSHA256 = seq(oid("1.2.840.10045.4.3.2"));
const contentType = "1.2.840.113549.1.9.3", messageDigest = "1.2.840.113549.1.9.4", signingTime = "1.2.840.113549.1.9.5",
  signingCertificate = "1.2.840.113549.1.9.16.2.47";

const digest = async (b) => new Uint8Array(await crypto.subtle.digest("SHA-256", b));
export const hex = (b) => Array.from(b, (v) => v.toString(16).padStart(2, "0")).join("");

// fingerprint is SHA-256 of a text, as digests stand in what the protocol signs.
export async function fingerprint(text) {
  const d = await digest(new TextEncoder().encode(text));
  return btoa(String.fromCharCode(...d)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

function before(a, b) {
  for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] !== b[i]) return a[i] - b[i];
  return a.length - b.length;
}

// read splits DER into its elements, each with its tag, its body and itself whole.
function read(der) {
  const out = [];
  for (let at = 0; at < der.length;) {
    let length = der[at + 1], from = at + 2;
    if (length > 128 && length < 132) {
      const digits = der.subarray(from, from += length - 128);
      length = digits.reduce((n, d) => n << 8 | d, 0);
    } else if (length >= 128) throw new RangeError("not DER");
    if (!(from + length <= der.length)) throw new RangeError("not DER");
    out.push({ tag: der[at], body: der.subarray(from, from + length), whole: der.subarray(at, from + length) });
    at = from + length;
  }
  return out;
}

// pem returns the only block of this name in a file's text.
function pem(text, name) {
  const found = [...text.matchAll(new RegExp(`-----BEGIN ${name}-----([A-Za-z0-9+/=\\s]+)-----END ${name}-----`, "g"))];
  if (found.length !== 1) return null;
  return Uint8Array.from(atob(found[0][1].replace(/\s/g, "")), (c) => c.charCodeAt(0));
}

// named reads the common name, or the last part, of a Name.
function named(name) {
  let said = "";
  for (const set of read(name)) {
    const [type, value] = read(read(set.body)[0].body);
    said = new TextDecoder(value.tag === 30 ? "utf-16be" : "utf-8").decode(value.body);
    if (hex(type.body) === "550403") return said; // commonName
  }
  return said;
}

// certificate reads what a signature needs of a certificate (RFC 5280, section 4.1): PEM or DER.
export async function certificate(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  try {
    const der = bytes[0] === SEQUENCE ? bytes : pem(new TextDecoder().decode(bytes), "CERTIFICATE");
    const tbs = read(read(read(der)[0].body)[0].body);
    const [serial, , issuer, , subject, spki] = tbs.slice(tbs[0].tag === 0xa0 ? 1 : 0);
    const key = await crypto.subtle.importKey("spki", spki.whole, P256, true, ["verify"]);
    return { der, serial: serial.whole, issuer: issuer.whole, subject: named(subject.body), key, fingerprint: hex(await digest(der)) };
  } catch {
    throw new Trouble("証明書が読めません。P-256の鍵の証明書1枚（PEMまたはDER）を選んでください。 / The certificate cannot be read: choose a file with one certificate of a P-256 key, PEM or DER.");
  }
}

// privateKey imports a key that can only be used from here on, if it is the certificate's.
export async function privateKey(file, cert) {
  let key;
  const text = await file.text();
  try {
    key = await crypto.subtle.importKey("pkcs8", pem(text, "PRIVATE KEY"), P256, false, ["sign"]);
  } catch {
    throw new Trouble("鍵が読めません。パスフレーズのないP-256の秘密鍵（PEM、PKCS #8）を選んでください。 / The key cannot be read: choose a file with a P-256 private key without a passphrase, PEM, PKCS #8.");
  }
  const probe = crypto.getRandomValues(new Uint8Array(32));
  if (!await crypto.subtle.verify(ES256, cert.key, await crypto.subtle.sign(ES256, key, probe), probe)) {
    throw new Trouble("この鍵は、この証明書のものではありません。 / This key is not that of this certificate.");
  }
  return key;
}

// integer writes a positive INTEGER from its bytes.
function integer(b) {
  const digits = Array.from(b);
  while (digits.length > 1 && digits[0] === 0) digits.shift();
  return tlv(2, digits[0] > 127 ? [0] : [], digits);
}

async function attributes(content, cert, at) {
  const attribute = (name, value) => seq(oid(name), tlv(SET, value));
  const utc = at.toISOString().replace(/^\d\d|[-:T]|\.\d+/g, ""); // YYMMDDhhmmssZ, for the years up to 2049
  const names = seq(seq(tagged(4, cert.issuer)), cert.serial);
  return [
    attribute(contentType, data), attribute(messageDigest, tlv(OCTETS, await digest(content))),
    attribute(signingTime, tlv(UTC, new TextEncoder().encode(utc))),
    attribute(signingCertificate, seq(seq(seq(tlv(OCTETS, await digest(cert.der)), names)))),
  ].sort(before);
}

// sign makes SignedData with its content attached.
export async function sign(content, key, cert, at) {
  const signed = await attributes(content, cert, at);
  const raw = new Uint8Array(await crypto.subtle.sign(ES256, key, tlv(SET, ...signed)));
  const signature = seq(integer(raw.subarray(0, 32)), integer(raw.subarray(32)));
  const signer = seq(one, seq(cert.issuer, cert.serial), sha256, tagged(0, ...signed), ecdsaWithSHA256, tlv(OCTETS, signature));
  return seq(signedData, tagged(0, seq(one, tlv(SET, sha256), seq(data, tagged(0, tlv(OCTETS, content))),
    tagged(0, cert.der), tlv(SET, signer))));
}
