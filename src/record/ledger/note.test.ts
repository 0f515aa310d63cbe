import assert from "node:assert/strict";
import { createPrivateKey, createPublicKey, generateKeyPairSync } from "node:crypto";
import { describe, it } from "node:test";
import fc from "fast-check";
import { headText, openHead, parseHead } from "./head.ts";
import { keyIdOf, openNote, signNote, verifierKeyOf } from "./note.ts";

// The example of the Go note package of sumdb, whose format C2SP signed-note describes.
const NAME = "PeterNeumann";
const SEED = Buffer.from("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz", "base64").subarray(1);
const VERIFIER_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
const NOTE = `${TEXT}\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n`;

const pkcs8 = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), SEED]);
const privateKey = createPrivateKey({ key: pkcs8, format: "der", type: "pkcs8" });
const key = { name: NAME, publicKey: createPublicKey(privateKey) };
const stranger = generateKeyPairSync("ed25519");
const [signatureLine = ""] = NOTE.split("\n").slice(-2);

describe("the known signed note", () => {
  it("has the known key", () => {
    assert.equal(verifierKeyOf(key), VERIFIER_KEY);
    assert.equal(keyIdOf(key).toString("hex"), "c74f20a3");
  });

  it("is what we sign, to the byte", () => {
    assert.equal(signNote(TEXT, NAME, privateKey), NOTE);
  });

  it("opens", () => {
    assert.deepEqual(openNote(NOTE, [key]), { kind: "opened", text: TEXT });
  });
});

describe("a note", () => {
  it("with a second signature of a stranger opens", () => {
    const [other] = signNote(TEXT, "stranger", stranger.privateKey).split("\n").slice(-2);
    assert.equal(openNote(`${NOTE}${other}\n`, [key]).kind, "opened");
  });

  it("that only a stranger signed is refused", () => {
    const note = signNote(TEXT, NAME, stranger.privateKey);
    assert.deepEqual(openNote(note, [key]), { kind: "refused", reason: "no known key signed the note" });
  });

  it("with a good and a bad signature of the same key is refused", () => {
    const bad = Buffer.concat([keyIdOf(key), Buffer.alloc(64, 7)]).toString("base64");
    assert.equal(openNote(`${NOTE}— ${NAME} ${bad}\n`, [key]).kind, "refused");
  });

  it("keeps blank lines in its text: the last one divides", () => {
    const note = signNote("a\n\nb\n", NAME, privateKey);
    assert.deepEqual(openNote(note, [key]), { kind: "opened", text: "a\n\nb\n" });
  });

  const malformed: Readonly<Record<string, string>> = {
    "nothing at all": "",
    "no signature": `${TEXT}\n`,
    "no blank line": `${TEXT}${signatureLine}\n`,
    "no text": `\n\n${signatureLine}\n`,
    "no last newline": NOTE.slice(0, -1),
    "something after the signatures": `${NOTE}x`,
    "an empty line after the signatures": `${NOTE}\n`,
    "CR LF": NOTE.replaceAll("\n", "\r\n"),
    "a control character in the text": NOTE.replace("you", "y\u0001ou"),
    "a NUL in the text": NOTE.replace("you", "y\u0000ou"),
    "a lone surrogate in the text": NOTE.replace("you", "\ud800"),
    "a hyphen for the dash": NOTE.replace("—", "-"),
    "two spaces": NOTE.replace("— PeterNeumann ", "— PeterNeumann  "),
    "no name": NOTE.replace("— PeterNeumann", "—"),
    "a plus in the name": NOTE.replace("— PeterNeumann", "— Peter+Neumann"),
    "a no-break space in the name": NOTE.replace("— PeterNeumann", "— Peter\u00a0Neumann"),
    "base64 without its padding": NOTE.replace("AM=", "AM"),
    "base64 with stray bits": NOTE.replace("AM=", "AN="),
    "base64 for URLs": NOTE.replaceAll("/", "_"),
    "a signature of no bytes": `${TEXT}\n— ${NAME} ${keyIdOf(key).toString("base64")}\n`,
    "101 signatures": NOTE + `${signatureLine}\n`.repeat(100),
    "a megabyte more": NOTE.replace("problem is", "x".repeat(1_000_000)),
  };
  for (const [what, note] of Object.entries(malformed))
    it(`with ${what} is refused`, () => assert.equal(openNote(note, [key]).kind, "refused"));

  it("is refused after any flip of a single bit", () => {
    const bytes = Buffer.from(NOTE);
    fc.assert(
      fc.property(fc.nat(bytes.length * 8 - 1), (bit) => {
        const copy = Buffer.from(bytes);
        copy.writeUInt8(copy.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
        return openNote(copy.toString(), [key]).kind === "refused";
      }),
      { numRuns: 500 },
    );
  });

  it("is not signed when no reader would open it", () => {
    for (const text of ["", "\n", "no newline", "a\tb\n", "\ud800\n"])
      assert.throws(() => signNote(text, NAME, privateKey), TypeError);
    for (const name of ["", "a b", "a+b", "a\u0007"]) assert.throws(() => signNote(TEXT, name, privateKey), TypeError);
  });

  it("is not signed by another kind of key", () => {
    const { privateKey: x25519 } = generateKeyPairSync("x25519");
    assert.throws(() => signNote(TEXT, NAME, x25519), TypeError);
  });
});

describe("a checkpoint's text", () => {
  const head = { origin: "example.org/log", size: 1234, root: Buffer.alloc(32, 9) };

  it("reads back as it was written", () => {
    assert.deepEqual(parseHead(headText(head)), head);
  });

  for (const text of [
    headText(head).replace("1234", "01234"),
    headText(head).replace("1234", "+1234"),
    headText(head).replace("1234", "1234 "),
    headText(head).replace("1234", "-1"),
    headText(head).replace("1234", "9007199254740993"),
    headText(head).replace("example.org/log", ""),
    headText({ ...head, root: Buffer.alloc(31) }),
    headText({ ...head, root: Buffer.alloc(33) }),
    headText(head).replace("=", ""),
    `${headText(head)}extension\n`,
    headText(head).slice(0, -1),
    "",
  ])
    it(`is refused as ${JSON.stringify(text)}`, () => assert.equal(parseHead(text), undefined));

  it("must be of the log that signed it, and a checkpoint", () => {
    assert.equal(openHead(signNote(headText(head), NAME, privateKey), key).kind, "refused");
    assert.equal(openHead(NOTE, key).kind, "refused");
    assert.equal(openHead(signNote(headText({ ...head, origin: NAME }), NAME, privateKey), key).kind, "opened");
  });
});
