type Listener = () => void;

/** What seeded worlds use of an abort signal: no event is made, and listeners are called in their order. */
class LightSignal {
  aborted = false;
  reason: unknown;
  #listeners: Listener[] = [];

  addEventListener(_abort: "abort", listener: Listener): void {
    if (!this.#listeners.includes(listener)) this.#listeners.push(listener);
  }

  removeEventListener(_abort: "abort", listener: Listener): void {
    const place = this.#listeners.indexOf(listener);
    if (place !== -1) this.#listeners.splice(place, 1);
  }

  end(reason: unknown): void {
    if (this.aborted) return;
    this.aborted = true;
    this.reason = reason;
    for (let next = this.#listeners.shift(); next; next = this.#listeners.shift()) call(next);
  }
}

/** One that throws keeps no other from being called; its error is nobody's to catch. */
function call(listener: Listener): void {
  try {
    listener();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

/** Stands in for the platform's `AbortController`, whose events are a fifth of all that a seeded world calls. */
export class LightAbortController {
  readonly signal = new LightSignal();

  abort(reason: unknown = new DOMException("This operation was aborted", "AbortError")): void {
    this.signal.end(reason);
  }
}
