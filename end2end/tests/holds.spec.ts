import type { Page } from "@playwright/test";
import type { Console, User } from "../support/console";
import { accessibilityFindings, expect, open, signIn, test } from "../support/test";

const holds = (page: Page) => page.locator(".holds tbody tr");
const books = (page: Page) => page.locator(".books tbody tr");

/** A user with 300 credits, 100 of them from signing up, signed in, and a service that may do everything and let others owe up to 500 credits. */
async function ready(page: Page, console: Console): Promise<{ user: User; key: string }> {
  const user = await console.user(200);
  const key = await console.serviceKey("--scopes", "charge,hold,correct", "--debt-limit", "500");
  await signIn(page, user);
  return { user, key };
}

/** No sideways scrolling, and nothing that axe finds in either theme. */
async function assertSound(page: Page, name: string, width: number): Promise<void> {
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect(overflow, "sideways scrolling").toBeLessThanOrEqual(0);
  for (const colorScheme of ["dark", "light"] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await page.screenshot({ path: `test-results/pictures/${name}-${colorScheme}-${width}.png`, fullPage: true });
    expect(await accessibilityFindings(page), colorScheme).toEqual([]);
  }
}

for (const width of [360, 1280]) {
  test(`a hold is in flight, is settled and corrected before the reader's eyes: ${width} wide`, async ({ page, console }) => {
    await page.setViewportSize({ width, height: 900 });
    await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
    const { user, key } = await ready(page, console);
    await open(page, "/credits");
    await expect(page.locator("#holds-title")).toHaveCount(0);
    await page.evaluate(() => Object.assign(window, { notReloaded: true }));

    const hold = await console.post<{ hold_id: string }>(key, "/usage/holds", {
      ...console.event(user, "job-1", 3, "model.build"),
      expires_in_s: 3_600,
    });
    await expect(page.locator("#holds-title")).toHaveText("In flight: 150 credits");
    await expect(holds(page)).toHaveCount(1);
    await expect(holds(page).first()).toContainText("3 iterations");
    // The sign-up credits burn first, and the rest comes from what was granted.
    await expect(books(page).nth(1)).toContainText("Held for model.build");
    await expect(books(page).first()).toContainText("rest of № 3");
    await expect(page.locator(".grants")).toContainText("100 credits of it are in flight.");
    await expect(page.locator(".grants")).toContainText("50 credits of it are in flight.");
    await assertSound(page, "holds", width);

    const settled = await console.post<{ event_id: string }>(key, `/usage/holds/${hold.hold_id}/settle`, { quantity: 2 });
    await expect(page.locator("#holds-title")).toHaveCount(0);
    await expect(books(page).first()).toContainText("Given back, rest of №");
    await expect(page.locator(".books")).toContainText("Settled: model.build");
    expect(await page.evaluate(() => "notReloaded" in window)).toBe(true);

    const correction = { id: "c-1", quantity: 1, reason: "One iteration was counted twice" };
    await console.post(key, `/usage/events/${user.user_id}/job-1/corrections`, correction);
    await expect(books(page).first()).toContainText("Corrected: model.build (One iteration was counted twice)");
    await books(page).first().getByRole("link").click();
    await expect(page).toHaveURL(new RegExp(`/receipts/${settled.event_id}$`));
    await expect(page.getByRole("heading", { level: 1 })).toHaveText("1 iteration of model.build cost 50 credits");
    await expect(page.locator(".receipt")).toContainText("at first 2 iterations of model.build cost 100 credits.");
    await expect(page.locator(".receipt")).toContainText("Corrected to 1 iteration: 50 credits came back");
    await expect(page.locator(".receipt")).toContainText("150 credits were held for 3 iterations");
    await assertSound(page, "corrected-receipt", width);
  });

  test(`what is owed is said where it matters, and a grant repays it: ${width} wide`, async ({ page, console }) => {
    await page.setViewportSize({ width, height: 900 });
    await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
    const { user, key } = await ready(page, console);
    await open(page, "/");
    await console.post(key, "/usage/events", { ...console.event(user, "big", 8, "model.build"), on_insufficient: "debt" });
    await expect(page.locator(".standing")).toContainText("You owe 100 credits.");
    await expect(page.locator(".events tbody tr").first()).toContainText("8 iterations");
    await assertSound(page, "owing-overview", width);
    await open(page, "/credits");
    await expect(page.locator("p.banner")).toContainText("You owe 100 credits.");
    await assertSound(page, "owing-credits", width);
    await console.grant(user.email, 130);
    await expect(page.locator("p.banner")).toHaveCount(0);
    await expect(books(page).first()).toContainText("Repaid what was owed, with №");
    await expect(books(page).first()).toContainText("−100");
    await page.getByRole("button", { name: "Verify my ledger" }).click();
    await expect(page.locator(".verdict")).toContainText("entries are in order", { timeout: 60_000 });
  });
}

test("a hold that reaches its deadline leaves the open page", async ({ page, console }) => {
  test.setTimeout(90_000);
  const { user, key } = await ready(page, console);
  await open(page, "/credits");
  await console.post(key, "/usage/holds", { ...console.event(user, "short", 1, "model.build"), expires_in_s: 2 });
  await expect(holds(page)).toHaveCount(1);
  await expect(page.locator("#holds-title")).toHaveCount(0, { timeout: 60_000 });
  await expect(books(page).first()).toContainText("Given back at the deadline: model.build");
});
