/** What moves the cursor, talks to the terminal or turns the order of letters, but for line ends and tabs. */
const UNSAFE = /(?!\r\n)[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;
const KEPT = new Set(["\n", "\t"]);

/** Our own colours, and nothing that hides text. */
const COLOUR = new RegExp(`(${String.fromCharCode(27)}\\[(?:[0-2]|3[0-7])m)`, "u");

/**
 * A text as it may be printed: labels and reasons come from targets, and are not to be believed. What is unsafe is escaped
 * as JSON escapes it, so that JSON stays the same. With `colour`, plain colours are left.
 */
export function safeText(text: string, colour: boolean): string {
  if (!colour) return escaped(text);
  return text
    .split(COLOUR)
    .map((part, index) => (index % 2 === 1 ? part : escaped(part)))
    .join("");
}

function escaped(text: string): string {
  return text.replace(UNSAFE, (found) =>
    KEPT.has(found) ? found : `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
