import assert from "node:assert/strict";
import { existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import axe from "axe-core";
import { type Browser, chromium, type Page } from "playwright-core";
import { dataFolder, startDemo } from "./demo-process.ts";

const CHROMIUM = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
/** Where screenshots go; the one in docs/images was taken by this test. */
const SHOTS = process.env["ROLLBOOK_SCREENSHOTS"];
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
interface AxeResult {
  readonly violations: readonly {
    readonly id: string;
    readonly help: string;
    readonly nodes: readonly { html: string }[];
  }[];
}

/** The page's own policy forbids inline scripts, so axe comes in through the debugger, as a person's tools would. */
async function violationsOn(page: Page): Promise<readonly string[]> {
  const result = (await page.evaluate(`${axe.source};axe.run(document)`)) as AxeResult;
  return result.violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html).join(" ")}`);
}

async function shoot(page: Page, name: string): Promise<void> {
  if (SHOTS === undefined) return;
  const path = join(SHOTS, name);
  mkdirSync(dirname(path), { recursive: true });
  await page.screenshot({ path, fullPage: true });
}

describe("the page", { skip: existsSync(CHROMIUM) ? false : "no browser: name one with CHROMIUM" }, () => {
  let browser: Browser;
  before(async () => {
    browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
  });
  after(() => browser?.close());

  test("shows a rollback while it happens and when it has ended, to everyone", async (t) => {
    const demo = startDemo(["--data", dataFolder(t), "--seed", "1"]);
    t.after(async () => {
      demo.process.kill("SIGTERM");
      await demo.ended;
    });
    const url = (await demo.said(/Rollbook: (\S+)/))[1]!;
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, colorScheme: "light" });
    const complaints: string[] = [];
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on("requestfailed", (request) => {
      if (!request.url().endsWith("/v1/events")) complaints.push(`${request.url()} failed`);
    });

    await demo.said(/watching stable alone/);
    await page.goto(url);
    await page.waitForSelector("text=Watching a candidate", { timeout: 40_000 });
    await page.locator("#findings tr").nth(2).waitFor({ timeout: 20_000 });
    assert.deepEqual(await violationsOn(page), [], "while it happens");
    await shoot(page, "watching.png");

    await page.waitForSelector("text=Rolled back, and proved fixed", { timeout: 60_000 });
    assert.equal(await page.locator("#state").getAttribute("data-state"), "good");
    assert.equal(await page.locator("#components tr").count(), 5);
    assert.equal(await page.locator("#fixed tr").count(), 2);
    assert.match((await page.locator("#traffic-words").textContent()) ?? "", /all of it stable/);
    assert.match((await page.locator("#ledger").textContent()) ?? "", /verified/);
    const chart = (await page.locator("#chart").textContent()) ?? "";
    assert.match(chart, /Rollbook acts at 1,000 : 1/);
    assert.match(chart, /time since the first request/);
    assert.match(chart, /10 %.*back/s);
    assert.ok((await page.locator("#timeline li").count()) < 25, "the timeline is not flooded");

    for (const colorScheme of ["light", "dark"] as const) {
      for (const width of [1280, 380]) {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize({ width, height: 900 });
        await page.waitForTimeout(400);
        assert.deepEqual(await violationsOn(page), [], `${colorScheme}, ${width} px`);
        const wide = await page.evaluate("document.documentElement.scrollWidth");
        assert.ok(Number(wide) <= width, `${wide} px do not fit ${width} px`);
        await shoot(page, colorScheme === "light" && width === 1280 ? "rollback.png" : `${colorScheme}-${width}.png`);
      }
    }

    await page.setViewportSize({ width: 1280, height: 900 });
    await page.reload();
    await page.waitForSelector("text=Rolled back, and proved fixed", { timeout: 10_000 });
    assert.deepEqual(complaints, []);

    demo.process.kill("SIGTERM");
    await demo.ended;
    await page.waitForSelector("text=offline: Rollbook does not answer", { timeout: 10_000 });
  });
});
