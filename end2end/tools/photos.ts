// Photographs every page of a console with a year of sample data, at both widths and in both themes.

import { type Page, expect, test as base } from "@playwright/test";
import { Console, type Login } from "../support/console";
import { hydrated, signIn } from "../support/test";

const WIDTHS = [360, 1280];
const THEMES = ["light", "dark"] as const;
const PUBLIC = ["/sign-in", "/sign-up", "/forgot-password", "/verify-email", "/reset-password", "/pricing", "/docs/billing", "/docs", "/nowhere"];
const PRIVATE = ["/", "/?range=30d", "/usage", "/usage?range=12m", "/credits", "/settings/account", "/settings/security", "/settings/security/log", "/settings/account/data", "/settings/api-keys"];

type Sample = { console: Console; owner: Login; receipts: string[] };

const test = base.extend<object, { sample: Sample }>({
  sample: [
    async ({}, use) => {
      const { console, owner } = await Console.demo();
      await use({ console, owner, receipts: await receipts(console, owner.email) });
      await console.remove();
    },
    // A year of data takes a while.
    { scope: "worker", timeout: 120_000 },
  ],
  baseURL: async ({ sample }, use) => use(sample.console.url),
});

for (const theme of THEMES) {
  for (const width of WIDTHS) {
    test.describe(`${theme}, ${width} wide`, () => {
      test.use({ colorScheme: theme, viewport: { width, height: 900 }, reducedMotion: "reduce" });

      test("what anybody sees", async ({ page }) => {
        for (const path of PUBLIC) await photograph(page, path, `${theme}-${width}`);
      });

      test("what the owner of the sample account sees", async ({ page, sample }) => {
        await signIn(page, sample.owner);
        for (const path of [...PRIVATE, ...sample.receipts]) await photograph(page, path, `${theme}-${width}`);
      });
    });
  }
}

/** The newest event, and the dearest kind. */
async function receipts(console: Console, email: string): Promise<string[]> {
  const key = await console.command<{ key: string }>("api-key", "create", "--email", email, "--name", "photos", "--permission", "read_only");
  const newest = async (query: string) => {
    const answer = await fetch(`${console.url}/usage/events?limit=1${query}`, { headers: { "x-api-key": key.key } });
    const { events } = (await answer.json()) as { events: { event_id: string }[] };
    return events.map(({ event_id }) => `/receipts/${event_id}`);
  };
  return [...(await newest("")), ...(await newest("&operation=model.build"))];
}

/** A page that does not exist yet is left out; the page for such pages is asked for by a name of its own. */
async function photograph(page: Page, path: string, style: string): Promise<void> {
  const answer = await page.goto(path);
  if (answer?.status() === 404 && path !== "/nowhere") return;
  if ((await page.locator('script[type="module"]').count()) > 0) await hydrated(page);
  const chart = page.locator(".echart");
  if ((await chart.count()) > 0) await expect(chart.locator("svg").first()).toBeVisible();
  const name = path.replace(/^\/$/, "overview").replace(/evt_\w+/, "").replace(/\W+/g, "-").replace(/^-|-$/g, "");
  const viewport = page.viewportSize() ?? { width: 1280, height: 900 };
  // As tall as the page, so that what keeps to the window's edge stands at the page's.
  await page.setViewportSize({ ...viewport, height: await page.evaluate(() => document.documentElement.scrollHeight) });
  await page.screenshot({ path: `test-results/photos/${name}-${style}.png` });
  await page.setViewportSize(viewport);
}
