/** Another process holds the newer fence: this one must not touch anything any more. */
export class FencedError extends Error {
  constructor(resource: string) {
    super(`another controller acts on ${resource}`);
    this.name = "FencedError";
  }
}
