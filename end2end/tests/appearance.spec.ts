import type { Page } from "@playwright/test";
import { accessibilityFindings, expect, open, signIn, test } from "../support/test";

const WIDTHS = [360, 1280] as const;
const THEMES = ["light", "dark"] as const;

for (const theme of THEMES) {
  for (const width of WIDTHS) {
    test.describe(`${theme}, ${width} wide`, () => {
      test.use({ colorScheme: theme, viewport: { width, height: 900 }, reducedMotion: "reduce" });

      test("sign-in has nothing that axe finds and does not scroll sideways", async ({ page }) => {
        await page.goto("/sign-in");
        await looksRight(page, `sign-in-${theme}-${width}`);
      });

      test("an empty overview has nothing that axe finds and does not scroll sideways", async ({ page, console }) => {
        await signIn(page, await console.user());
        await expect(page.getByRole("heading", { name: "Nothing has been charged yet" })).toBeVisible();
        await looksRight(page, `overview-empty-${theme}-${width}`);
      });

      test("the overview has nothing that axe finds and does not scroll sideways", async ({ page, console }) => {
        const user = await console.user(1_500);
        const key = await console.serviceKey();
        await console.charge(key, user, "build", 3, "model.build");
        for (let n = 0; n < 6; n += 1) await console.charge(key, user, `inference-${n}`, 40 + n * 17.125);
        await console.charge(key, user, "hours", 12, "deployment.hour");
        await signIn(page, user);
        await expect(page.locator(".echart svg")).toBeVisible();
        await looksRight(page, `overview-${theme}-${width}`);
        await page.getByText("Show as table").click();
        await looksRight(page, `overview-table-${theme}-${width}`);
      });
    });
  }
}

test("nothing jumps while the overview wakes up", async ({ page, console }) => {
  const user = await console.user(100);
  await console.charge(await console.serviceKey(), user, "one", 5);
  await signIn(page, user);
  await page.addInitScript(() => {
    Object.assign(window, { shift: 0 });
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries() as (PerformanceEntry & { value: number; hadRecentInput: boolean })[]) {
        if (!entry.hadRecentInput) (window as unknown as { shift: number }).shift += entry.value;
      }
    }).observe({ type: "layout-shift", buffered: true });
  });
  await open(page, "/");
  await expect(page.locator(".echart svg")).toBeVisible();
  expect(await page.evaluate(() => (window as unknown as { shift: number }).shift)).toBeLessThan(0.02);
});

/** Keeps a picture, and asks axe and the page's own width. */
async function looksRight(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: `test-results/pictures/${name}.png`, fullPage: true });
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect(overflow, "sideways scrolling").toBeLessThanOrEqual(0);
  expect(await accessibilityFindings(page)).toEqual([]);
}
