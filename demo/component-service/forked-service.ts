import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";

/** A child program that has said that it is ready. */
export interface ForkedService {
  readonly process: ChildProcess;
  /** `http://127.0.0.1:PORT` */
  readonly base: string;
  /** Ends it at once, as a crash would, and waits until it is gone. */
  kill(): Promise<void>;
}

const READY_WITHIN = 20_000;

/** Starts a service of the demonstration and waits for its `{ ready: true, port }`. Rejects with what it said when it ends before that. */
export async function forkService(file: URL, args: readonly string[], token = ""): Promise<ForkedService> {
  const child = fork(file, args, {
    // A parent that is being tested or inspected has arguments that are not the child's.
    execArgv: [],
    env: { ...process.env, ROLLBOOK_TOKEN: token },
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  let said = "";
  child.stderr?.on("data", (text: Buffer) => {
    said = (said + text.toString("utf8")).slice(-4_000);
  });
  const port = await new Promise<number>((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      reject(new Error(`the service was not ready within ${READY_WITHIN} ms: ${said}`));
    }, READY_WITHIN);
    child.on("message", (message) => {
      if (typeof message !== "object" || !("ready" in message) || !("port" in message)) return;
      clearTimeout(timer);
      resolve(Number(message.port));
    });
    child.once("exit", (code) => {
      clearTimeout(timer);
      reject(new Error(`the service ended with ${code}: ${said}`));
    });
  });
  return {
    process: child,
    base: `http://127.0.0.1:${port}`,
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, "exit");
      child.kill("SIGKILL");
      await gone;
    },
  };
}
