// Keys that are bounded: limits, their bar and what is refused, rotation, and what the pages advise.

import type { Locator, Page } from "@playwright/test";
import type { Console } from "../support/console";
import { accessibilityFindings, expect, open, signIn, test } from "../support/test";

const KEYS = "/settings/api-keys";

const keys = (page: Page): Locator => page.locator(".keys tbody tr");
const secret = (page: Page): Locator => page.locator("#created .copy-line code");

async function make(page: Page, name: string, limit: string, period = "month", mode = "hard"): Promise<string> {
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByLabel("Spend limit").fill(limit);
  await page.getByLabel("For each").selectOption(period);
  await page.getByLabel("Beyond it").selectOption(mode);
  await page.getByRole("radio", { name: /^Read and write/ }).check();
  await page.getByRole("button", { name: "Make key" }).click();
  await expect(page.locator("#created-title")).toContainText(name);
  return (await secret(page).textContent()) ?? "";
}

type Refusal = { error: { code: string; details: { missing: number; actions: { action: string; href?: string }[] } } };

/** A prediction (0.1 credits) that a service charges to a key. */
async function spend(console: Console, service: string, key: string, id: string, quantity: number): Promise<Response> {
  return await fetch(`${console.url}/usage/events`, {
    method: "POST",
    headers: { authorization: `Bearer ${service}`, "content-type": "application/json" },
    body: JSON.stringify({ id, source: "keys", api_key: key, operation: "model.prediction", quantity }),
  });
}

test("a key with a limit: spent, seen on the page, refused with 402, raised where the refusal leads, and spent again", async ({ page, console }) => {
  const user = await console.user(100);
  const service = await console.serviceKey();
  await signIn(page, user);
  await open(page, KEYS);
  const key = await make(page, "ci", "1");
  await expect(page.getByLabel("Spend limit")).toHaveValue("");
  await expect(keys(page).first()).toContainText("0 of 1 a month");
  expect((await spend(console, service, key, `${user.user_id}-a`, 7)).status).toBe(200);
  await page.reload();
  await expect(keys(page).first()).toContainText("0.7 of 1 a month");
  await expect(keys(page).first().getByRole("progressbar")).toHaveAttribute("value", "70");
  expect((await spend(console, service, key, `${user.user_id}-b`, 3)).status).toBe(200);
  const refused = await spend(console, service, key, `${user.user_id}-c`, 4);
  expect(refused.status).toBe(402);
  const { error } = (await refused.json()) as Refusal;
  expect(error.code).toBe("spend_limit_reached");
  expect(error.details.missing).toBe(0.4);
  await page.reload();
  await expect(keys(page).first()).toContainText("Limit reached");

  const raise = error.details.actions.find(({ action }) => action === "raise_limit");
  await open(page, raise?.href ?? "");
  await keys(page).first().getByRole("link", { name: "Manage ci" }).click();
  await expect(page.getByText("1 of 1 a month")).toBeVisible();
  await expect(page.getByLabel("Spend limit")).toHaveValue("1");
  await page.getByLabel("Spend limit").fill("1.4");
  await page.getByRole("button", { name: "Save changes" }).click();
  await expect(page.getByText("Your changes are saved.")).toBeVisible();
  await expect(page.getByText("1 of 1.4 a month")).toBeVisible();
  expect((await spend(console, service, key, `${user.user_id}-c`, 4)).status).toBe(200);
});

test("a limit that notifies says so and refuses nothing", async ({ page, console }) => {
  const user = await console.user(100);
  const service = await console.serviceKey();
  await signIn(page, user);
  await open(page, KEYS);
  const key = await make(page, "batch", "0.5", "day", "notify");
  expect((await spend(console, service, key, `${user.user_id}-n`, 8)).status).toBe(200);
  await page.reload();
  await expect(keys(page).first()).toContainText("Above its limit");
  await expect(keys(page).first()).toContainText("0.8 of 0.5 a day");
});

test("a key is rotated: the new secret once, both work, and one limit for both", async ({ page, console }) => {
  const user = await console.user(100);
  const service = await console.serviceKey();
  await signIn(page, user);
  await open(page, KEYS);
  const old = await make(page, "worker", "1");
  await keys(page).first().getByRole("link", { name: "Manage worker" }).click();
  await page.getByLabel("The old secret still works for").selectOption({ label: "1 hour" });
  await page.getByRole("button", { name: "Rotate key" }).click();
  await expect(page.locator("#created-title")).toContainText("worker");
  const fresh = (await secret(page).textContent()) ?? "";
  expect(fresh).toMatch(/^plx_sk_[A-Za-z0-9]{40}$/);
  expect(fresh).not.toBe(old);
  expect(page.url()).not.toContain(fresh);
  expect((await spend(console, service, old, `${user.user_id}-o`, 6)).status).toBe(200);
  expect((await spend(console, service, fresh, `${user.user_id}-f`, 5)).status).toBe(402);
  expect((await spend(console, service, fresh, `${user.user_id}-f`, 4)).status).toBe(200);
  await open(page, KEYS);
  expect(await page.content()).not.toContain(fresh);
  await expect(keys(page)).toHaveCount(2);
  await expect(keys(page).filter({ hasText: "Rotated" })).toHaveCount(1);
  await keys(page).filter({ hasText: "Rotated" }).getByRole("link", { name: "Manage worker" }).click();
  await expect(page.getByRole("heading", { name: "Name, expiry and limit" })).toBeVisible();
  await expect(page.getByRole("button", { name: "Rotate key" })).toHaveCount(0);
});

test("the page advises an expiry and a limit, and stops when they are there", async ({ page, console, problems }) => {
  problems.allow(/422/);
  await signIn(page, await console.user());
  await open(page, KEYS);
  await make(page, "bare", "");
  await expect(keys(page).first()).toContainText("no expiry · no spend limit");
  await keys(page).first().getByRole("link", { name: "Manage bare" }).click();
  await page.getByLabel("Expires after").fill("0");
  await page.getByLabel("Spend limit").fill("none");
  await page.getByRole("button", { name: "Save changes" }).click();
  await expect(page.locator("#limit-error")).toContainText("Spend limit must be an amount of credits");
  await expect(page.getByLabel("Spend limit")).toHaveValue("none");
  await page.getByLabel("Spend limit").fill("5");
  await page.getByRole("button", { name: "Save changes" }).click();
  await expect(page.locator("#expiration_days-error")).toContainText("Expiry must be 1 to 3650.");
  await page.getByLabel("Expires after").fill("90");
  await page.getByRole("button", { name: "Save changes" }).click();
  await expect(page.getByText("Your changes are saved.")).toBeVisible();
  await open(page, KEYS);
  await expect(keys(page).first()).toContainText("0 of 5 a month");
  await expect(keys(page).first()).not.toContainText("no expiry");
});

test("a key of nobody, or of somebody else, has no page", async ({ page, console, problems }) => {
  problems.allow(/404/);
  const other = await console.user();
  await signIn(page, other);
  await open(page, KEYS);
  await make(page, "theirs", "");
  const theirs = await keys(page).first().getByRole("link", { name: "Manage theirs" }).getAttribute("href");
  await page.context().clearCookies();
  await signIn(page, await console.user());
  for (const path of [theirs ?? "", `${KEYS}/key_000000000000`, `${KEYS}/%3Cscript%3E`]) {
    expect((await page.goto(path))?.status()).toBe(404);
    await expect(page.getByRole("heading", { name: "There is no such key" })).toBeVisible();
  }
});

for (const theme of ["light", "dark"] as const) {
  for (const width of [360, 1280] as const) {
    test.describe(`${theme}, ${width} wide`, () => {
      test.use({ colorScheme: theme, viewport: { width, height: 900 }, reducedMotion: "reduce" });

      test("bounded keys have nothing that axe finds and do not scroll sideways", async ({ page, console, problems }) => {
        problems.allow(/422/);
        const user = await console.user(100);
        const service = await console.serviceKey();
        await signIn(page, user);
        await open(page, KEYS);
        const full = await make(page, "full", "1");
        const above = await make(page, "nightly job that reports to the controlling department", "0.5", "week", "notify");
        const half = await make(page, "half", "1250.5", "day");
        for (const [key, quantity] of [[full, 10], [above, 8], [half, 5]] as const) {
          expect((await spend(console, service, key, `${user.user_id}-${theme}-${width}-${quantity}`, quantity)).status).toBe(200);
        }
        await open(page, KEYS);
        await looksRight(page, `limits-${theme}-${width}`);
        await keys(page).first().getByRole("link", { name: /^Manage/ }).click();
        await expect(page.getByRole("heading", { name: "Rotate" })).toBeVisible();
        await looksRight(page, `key-${theme}-${width}`);
        await page.getByLabel("Spend limit").fill("much");
        await page.getByRole("button", { name: "Save changes" }).click();
        await expect(page.locator("#limit-error")).toBeVisible();
        await looksRight(page, `key-refused-${theme}-${width}`);
      });
    });
  }
}

/** Keeps a picture, and asks axe and the page's own width. */
async function looksRight(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: `test-results/pictures/${name}.png`, fullPage: true });
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect(overflow, "sideways scrolling").toBeLessThanOrEqual(0);
  expect(await accessibilityFindings(page)).toEqual([]);
}
