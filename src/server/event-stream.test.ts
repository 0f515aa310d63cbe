import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createEventStream } from "./event-stream.ts";

/** Reads until the stream ends, or until the text holds what is waited for. */
async function read(answer: Response, until?: string): Promise<string> {
  const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text;
    text += value;
    if (until && text.includes(until)) {
      await reader.cancel();
      return text;
    }
  }
}

const listening = () => new AbortController().signal;

describe("the event stream", () => {
  test("replays what a late listener missed, goes on live, and ends", async () => {
    const events = createEventStream();
    events.publish({ n: 1 });
    events.publish({ n: 2 });
    const answer = events.connect(listening());
    assert.equal(answer.headers.get("content-type"), "text/event-stream");
    events.publish({ n: 3 });
    events.close();
    const data = [...(await read(answer)).matchAll(/id: (\d+)\ndata: (.*)\n\n/g)].map(([, id, text]) => [id, text]);
    assert.deepEqual(data, [
      ["1", '{"n":1}'],
      ["2", '{"n":2}'],
      ["3", '{"n":3}'],
    ]);
  });

  test("keeps the newest 400 events", async () => {
    const events = createEventStream();
    for (let n = 1; n <= 1000; n++) events.publish({ n });
    const answer = events.connect(listening());
    events.close();
    const text = await read(answer);
    assert.equal(text.match(/^data:/gm)?.length, 400);
    assert.match(text, /"n":601}/);
  });

  test("ends for a listener that goes away, and goes on for the others", async () => {
    const events = createEventStream();
    const leaving = new AbortController();
    const [gone, cancelled, staying] = [
      events.connect(leaving.signal),
      events.connect(listening()),
      events.connect(listening()),
    ];
    leaving.abort();
    await cancelled.body?.cancel();
    assert.doesNotMatch(await read(gone), /data/);
    events.publish({ n: 1 });
    assert.match(await read(staying, '"n":1'), /"n":1/);
    events.close();
  });

  test("drops a listener that reads nothing, instead of keeping everything for it", async () => {
    const events = createEventStream();
    const answer = events.connect(listening());
    for (let n = 1; n <= 5000; n++) events.publish({ n });
    const text = await read(answer);
    assert.ok((text.match(/^data:/gm)?.length ?? 0) < 2000);
  });

  test("takes 200 listeners and no more", () => {
    const events = createEventStream();
    for (let n = 0; n < 200; n++) assert.equal(events.connect(listening()).status, 200);
    assert.equal(events.connect(listening()).status, 503);
    events.close();
    assert.equal(events.connect(listening()).status, 200);
    events.close();
  });
});
