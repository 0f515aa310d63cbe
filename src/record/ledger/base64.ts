/** Reads standard base64 with padding in its one canonical form; Node's own reader takes almost anything. */
export function fromBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, "base64");
  return bytes.toString("base64") === text ? bytes : undefined;
}
