/** The data of each server-sent event, as it arrives (WHATWG HTML §9.2). Ends with the stream, throws when it breaks. */
export async function* readEvents(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  const data: string[] = [];
  for await (const chunk of body) {
    rest += decoder.decode(chunk, { stream: true });
    if (rest.length > MOST_CHARACTERS) throw new RangeError("an event of the stream is too long");
    const lines = rest.split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop()!;
    for (const line of lines) {
      if (line === "" && data.length > 0) yield data.splice(0).join("\n");
      else if (line.startsWith("data:")) data.push(line.slice(line[5] === " " ? 6 : 5));
    }
  }
}

const MOST_CHARACTERS = 1_000_000;
