import type { Page } from "@playwright/test";
import { accessibilityFindings, expect, hydrated, signIn, test } from "../support/test";

/** Pages that anybody may see and that no wasm takes over by itself. */
const PAGES = ["/sign-in", "/pricing", "/docs/billing"] as const;
const WIDTHS = [360, 1280] as const;
const THEMES = ["light", "dark"] as const;
/** Everything that a first visit downloads, headers included. */
const MOST_BYTES = 25 * 1024;

const total = (page: Page) => page.getByTestId("total");

/** Paths of the scripts and the wasm that the page has asked for. */
function programs(page: Page): string[] {
  const paths: string[] = [];
  page.on("request", (request) => {
    const { pathname } = new URL(request.url());
    if (/\.(js|wasm)$/.test(pathname)) paths.push(pathname);
  });
  return paths;
}

for (const path of PAGES) {
  test(`${path} needs no script and loads no wasm, in 25 KB altogether`, async ({ page }) => {
    const loaded = programs(page);
    const sizes: Promise<number>[] = [];
    page.on("requestfinished", (request) => {
      sizes.push(request.sizes().then(({ responseHeadersSize, responseBodySize }) => responseHeadersSize + responseBodySize));
    });
    await page.goto(path, { waitUntil: "networkidle" });
    expect(loaded).toEqual([]);
    const sum = (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
    expect(sum).toBeLessThan(MOST_BYTES);
  });
}

for (const theme of THEMES) {
  for (const width of WIDTHS) {
    test.describe(`${theme}, ${width} wide`, () => {
      test.use({ colorScheme: theme, viewport: { width, height: 900 }, reducedMotion: "reduce" });

      for (const path of [...PAGES, "/pricing?model.build=3&model.inference=x", "/nowhere"]) {
        test(`${path} has nothing that axe finds and does not scroll sideways`, async ({ page, problems }) => {
          problems.allow(/404/);
          await page.goto(path);
          const name = path.replaceAll(/\W+/g, "-").slice(1);
          await looksRight(page, `public-${name}-${theme}-${width}`);
        });
      }
    });
  }
}

test("the calculator gives the same answer without scripts, over the API and taken over by the wasm", async ({ browser, page, console }) => {
  const asked = { "model.build": "2.5", "model.inference": "4.818", "data.storage": "0.00005" };
  const items = Object.entries(asked).map(([operation, quantity]) => ({ operation, quantity }));
  const response = await fetch(`http://127.0.0.1:${console.port}/rate-card/estimate`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ items }),
  });
  const estimate = (await response.json()) as { total: number };
  const expected = estimate.total.toLocaleString("en-US", { maximumFractionDigits: 6 });

  const context = await browser.newContext({ baseURL: console.url, javaScriptEnabled: false });
  const still = await context.newPage();
  await still.goto("/pricing");
  for (const [operation, quantity] of Object.entries(asked)) await still.getByLabel(operation).fill(quantity);
  await still.getByRole("button", { name: "Calculate" }).click();
  await expect(total(still)).toHaveText(expected);
  const deep_link = still.url();
  await context.close();

  await page.goto(deep_link);
  await expect(total(page), "a deep link is answered by the server").toHaveText(expected);
  await page.goto("/pricing");
  for (const [operation, quantity] of Object.entries(asked)) await page.getByLabel(operation).fill(quantity);
  await hydrated(page);
  await expect(total(page)).toHaveText(expected);
});

test("the first edit loads the wasm and keeps what was typed while it loads", async ({ page }) => {
  const loaded = programs(page);
  await page.goto("/pricing?model.build=3", { waitUntil: "networkidle" });
  await expect(total(page)).toHaveText("150");
  await page.getByLabel("model.build").focus();
  expect(loaded, "looking loads nothing").toEqual([]);

  // The wasm waits until everything has been typed.
  let arrive = () => {};
  const typed = new Promise<void>((resolved) => (arrive = resolved));
  await page.route(/\.wasm$/, async (route) => {
    await typed;
    await route.continue();
  });
  const waits = page.waitForRequest(/\.wasm$/);
  await page.getByLabel("model.build").fill("4");
  await waits;
  await page.getByLabel("model.inference").fill("10");
  await expect(total(page)).toHaveText("150");
  arrive();
  await hydrated(page);
  await expect(total(page)).toHaveText("201");
  await expect(page.getByLabel("model.build")).toHaveValue("4");
  expect(loaded.filter((path) => path.endsWith(".wasm"))).toHaveLength(1);

  await page.getByLabel("model.build").fill("four");
  await expect(page.getByText("This must be a number such as 12 or 0.25.")).toBeVisible();
  await expect(total(page)).toHaveText("–");
  await page.getByLabel("model.build").fill("");
  await expect(total(page)).toHaveText("1");
});

test("the theme is switched and remembered without wasm, and is the same inside", async ({ page, console }) => {
  const loaded = programs(page);
  await page.emulateMedia({ colorScheme: "light" });
  await page.goto("/docs/billing");
  await expect(page.getByRole("radio", { name: "System" })).toBeChecked();
  await page.getByRole("radio", { name: "Dark" }).check({ force: true });
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  await page.goto("/pricing");
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  await expect(page.getByRole("radio", { name: "Dark" })).toBeChecked();
  expect(loaded).toEqual([]);
  await signIn(page, await console.user());
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  await page.goto("/pricing");
  await page.getByRole("radio", { name: "System" }).check({ force: true });
  await expect(page.locator("html")).not.toHaveAttribute("data-theme");
});

test("somebody signed in reads the public pages as well, without wasm, and finds the way back", async ({ page, console }) => {
  await signIn(page, await console.user());
  const loaded = programs(page);
  for (const path of ["/pricing", "/docs/billing"]) {
    await page.goto(path, { waitUntil: "networkidle" });
    await expect(page.getByRole("link", { name: "Sign in" })).toHaveCount(0);
  }
  expect(loaded).toEqual([]);
  await page.getByRole("link", { name: "Overview" }).click();
  await hydrated(page);
  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Pricing" }).first().click();
  await expect(page).toHaveURL(/\/pricing$/);
  await expect(page.getByRole("heading", { level: 1, name: "Pricing" })).toBeVisible();
});

test("the contents lead to each part, and parts can be linked to", async ({ page }) => {
  await page.goto("/docs/billing");
  const links = page.getByRole("navigation", { name: "On this page" }).getByRole("link");
  const count = await links.count();
  expect(count).toBeGreaterThan(5);
  for (let n = 0; n < count; n += 1) {
    const name = (await links.nth(n).textContent()) ?? "";
    await links.nth(n).click();
    await expect(page.getByRole("heading", { level: 2, name })).toBeInViewport();
  }
});

test("search engines may read the pages for everybody and no others, and the icon is there", async ({ page }) => {
  const robots = await page.request.get("/robots.txt");
  expect(await robots.text()).toBe("User-agent: *\nAllow: /pricing$\nAllow: /docs/billing$\nAllow: /favicon.svg$\nAllow: /pkg/\nDisallow: /\n");
  const icon = await page.request.get("/favicon.svg");
  expect(icon.headers()["content-type"]).toBe("image/svg+xml");
});

// The last ones: from here on this server announces a card.
test.describe("a rate card that is to come", () => {
  test.beforeAll(async ({ console }) => {
    await console.importRateCard(`
      effective_from = "2099-12-01T00:00:00Z"
      [[price]]
      operation = "model.build"
      unit = "iteration"
      credits_per_unit = "60"
      [[price]]
      operation = "model.inference"
      unit = "1 000 tokens"
      graduated = [
        { up_to = "5000", credits_per_unit = "0.1" },
        { credits_per_unit = "0.08" },
      ]
      minimum = "0.001"
    `);
  });

  for (const theme of THEMES) {
    for (const width of WIDTHS) {
      test.describe(`${theme}, ${width} wide`, () => {
        test.use({ colorScheme: theme, viewport: { width, height: 900 }, reducedMotion: "reduce" });

        test("is announced with what it changes", async ({ page }) => {
          await page.goto("/pricing");
          const change = "model.build 50 credits per iteration 60 credits per iteration";
          await expect(page.getByRole("row", { name: change })).toBeVisible();
          await expect(page.getByText("up to 5,000,000 tokens: 0.1 credits per 1 000 tokens; above that: 0.08")).toBeVisible();
          await expect(page.getByText("1 December 2099, 00:00 UTC")).toBeVisible();
          await looksRight(page, `public-next-${theme}-${width}`);
        });
      });
    }
  }
});

/** Keeps a picture, and asks axe and the page's own width. */
async function looksRight(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: `test-results/pictures/${name}.png`, fullPage: true });
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect(overflow, "sideways scrolling").toBeLessThanOrEqual(0);
  expect(await accessibilityFindings(page)).toEqual([]);
}
