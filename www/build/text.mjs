// Bytes as text that a page may carry anywhere: 91 of the printable ASCII characters, so that no
// character set, no parser and no saving browser changes them. Two characters hold 13 bits, sometimes
// 14 (the idea of basE91): a fifth more than the bytes, where base64 takes a third more.
// www/src/assets.ts reads it.

/** Not among them: what ends an element, begins a character reference, is trimmed, or escapes. */
const LEFT_OUT = " &<\\";
const ALPHABET = Array.from({ length: 0x7f - 0x20 }, (_, i) => String.fromCharCode(0x20 + i))
  .filter((character) => !LEFT_OUT.includes(character))
  .join("");
const BASE = ALPHABET.length;
/** Pairs of characters beyond those that 13 bits need: values up to here take 14. */
const SPARE = BASE * BASE - (1 << 13) - 1;

const pair = (value) => ALPHABET[value % BASE] + ALPHABET[Math.floor(value / BASE)];

/** `bytes` as text. */
export function asText(bytes) {
  const parts = [];
  let held = 0;
  let bits = 0;
  for (const byte of bytes) {
    held |= byte << bits;
    bits += 8;
    if (bits <= 13) continue;
    const short = held & 0x1fff;
    const taken = short > SPARE ? 13 : 14;
    parts.push(pair(taken === 13 ? short : held & 0x3fff));
    held >>= taken;
    bits -= taken;
  }
  if (bits > 7 || held >= BASE) parts.push(pair(held));
  else if (bits > 0) parts.push(ALPHABET[held]);
  return parts.join("");
}

/** The bytes that `text` holds. */
export function fromText(text) {
  const bytes = [];
  let held = 0;
  let bits = 0;
  const give = () => {
    bytes.push(held & 0xff);
    held >>= 8;
    bits -= 8;
  };
  const value = (at) => ALPHABET.indexOf(text[at]);
  for (let at = 0; at + 1 < text.length; at += 2) {
    const both = value(at) + BASE * value(at + 1);
    held |= both << bits;
    bits += (both & 0x1fff) > SPARE ? 13 : 14;
    while (bits > 7) give();
  }
  if (text.length % 2 === 1) {
    held |= value(text.length - 1) << bits;
    give();
  }
  return Buffer.from(bytes);
}
