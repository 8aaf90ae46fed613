import { readFile } from "node:fs/promises";
import type { Page } from "@playwright/test";
import type { Console, User } from "../support/console";
import { accessibilityFindings, expect, open, signIn, test } from "../support/test";

const rows = (page: Page) => page.locator(".activity tbody tr");
const chartTitle = (page: Page) => page.locator("#consumption-title");
const count = (page: Page) => page.locator("#events-title");

/** A user with a few charges of three operations, signed in. */
async function ready(page: Page, console: Console): Promise<{ user: User; key: string }> {
  const user = await console.user(1_000);
  const key = await console.serviceKey();
  await console.charge(key, user, "build", 2, "model.build");
  await console.charge(key, user, "inference", 125.5);
  await console.charge(key, user, "hours", 3, "deployment.hour");
  await signIn(page, user);
  return { user, key };
}

/** A mark that a reload would wipe out. */
async function mark(page: Page): Promise<void> {
  await page.evaluate(() => Object.assign(window, { notReloaded: true }));
}

async function expectNotReloaded(page: Page): Promise<void> {
  expect(await page.evaluate(() => "notReloaded" in window)).toBe(true);
}

test("filters are in the address: controls, links, the back button and a fresh load agree", async ({ page, console }) => {
  await ready(page, console);
  await page.getByRole("navigation", { name: "Main", exact: true }).getByRole("link", { name: "Usage" }).click();
  await expect(chartTitle(page)).toHaveText("You spent 115.6 credits in the last 7 days, most of it on model builds");
  await mark(page);

  await page.locator('select[name="operation"]').selectOption("model.inference");
  await expect(page).toHaveURL(/\/usage\?.*operation=model\.inference/);
  await expect(chartTitle(page)).toContainText("12.55 credits on inference in the last 7 days");
  await expect(count(page)).toHaveText("1 event");
  await page.getByRole("link", { name: "24 h" }).click();
  await expect(page).toHaveURL(/range=24h.*operation=model\.inference/);
  await expect(chartTitle(page)).toContainText("in the last 24 hours");
  await page.getByLabel("Show by").selectOption("15m");
  await expect(page.getByText("Credits per quarter of an hour")).toBeVisible();
  await page.locator('select[name="operation"]').selectOption({ label: "All operations" });
  await expect(page).not.toHaveURL(/operation=/);
  await page.getByLabel("Group").selectOption("none");
  await expect(chartTitle(page)).toContainText("the highest quarter of an hour was");
  await expectNotReloaded(page);

  for (let n = 0; n < 4; n += 1) await page.goBack();
  await expect(page).toHaveURL(/range=7d.*operation=model\.inference/);
  await expect(page.locator('select[name="operation"]')).toHaveValue("model.inference");
  await expect(page.getByLabel("Group")).toHaveValue("operation");
  await expect(chartTitle(page)).toContainText("12.55 credits on inference in the last 7 days");
  await expectNotReloaded(page);

  await open(page, "/usage?range=12m&granularity=month&group_by=none");
  await expect(page.getByLabel("Show by")).toHaveValue("month");
  await expect(page.getByRole("link", { name: "12 m" })).toHaveAttribute("aria-current", "true");
  await expect(chartTitle(page)).toContainText("in the last 12 months; the highest month was");
});

test("days can be chosen, and what cannot be shown is kept and said", async ({ page, console }) => {
  await ready(page, console);
  await open(page, "/usage");
  await page.getByLabel("From", { exact: true }).fill("2026-03-20");
  await page.getByLabel("To", { exact: true }).fill("2026-03-01");
  await page.getByRole("button", { name: "Show days" }).click();
  await expect(page.getByRole("alert")).toHaveText("The first day must not be after the last.");
  await expect(page.getByLabel("From", { exact: true })).toHaveValue("2026-03-20");
  await page.getByLabel("From", { exact: true }).fill("2026-03-01");
  await page.getByLabel("To", { exact: true }).fill("2026-03-20");
  await page.getByRole("button", { name: "Show days" }).click();
  await expect(chartTitle(page)).toHaveText("You spent nothing from 1 March 2026 to 20 March 2026");
  await expect(page.getByText("Nothing was reported here.")).toBeVisible();
});

test("a charge moves chart, table, count and rows of the open page", async ({ page, console }) => {
  const { user, key } = await ready(page, console);
  await open(page, "/usage?range=24h");
  await expect(page.locator(".echart svg")).toBeVisible();
  await page.getByText("Show as table").click();
  await mark(page);
  await console.charge(key, user, "more", 100);
  await expect(count(page)).toHaveText("4 events");
  await expect(rows(page)).toHaveCount(4);
  await expect(rows(page).first()).toContainText("model.inference");
  await expect(chartTitle(page)).toContainText("125.6 credits");
  await expect(page.locator(".numbers tfoot")).toContainText("125.55");

  await page.locator('select[name="operation"]').selectOption("model.build");
  await expect(count(page)).toHaveText("1 event");
  await console.charge(key, user, "filtered-out", 1);
  await console.charge(key, user, "seen", 1, "model.build");
  await expect(count(page)).toHaveText("2 events");
  await expect(chartTitle(page)).toContainText("150 credits on model builds");
  await expectNotReloaded(page);
});

test("without scripts everything works with the buttons", async ({ browser, console }) => {
  const user = await console.user(100);
  await console.charge(await console.serviceKey(), user, "one", 25);
  const context = await browser.newContext({ baseURL: console.url, javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto("/sign-in?next=/usage");
  await page.getByLabel("E-mail").fill(user.email);
  await page.getByLabel("Password").fill(user.password);
  await page.locator('form button[type="submit"]').first().click();
  await expect(chartTitle(page)).toContainText("2.5 credits in the last 7 days");
  await page.locator('select[name="operation"]').selectOption("model.build");
  await page.getByRole("button", { name: "Apply" }).click();
  await expect(chartTitle(page)).toHaveText("You spent nothing on model builds in the last 7 days");
  await page.locator('select[name="operation"]').selectOption("");
  await page.getByRole("button", { name: "Apply" }).click();
  await rows(page).first().getByRole("link").click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("25,000 tokens of model.inference cost 2.5 credits");
  await page.getByLabel("What is wrong with this charge?").fill("That was not me.");
  await page.getByRole("button", { name: "Send report" }).click();
  await expect(page.locator(".report")).toContainText("That was not me.");
  await context.close();
});

test("a row leads to its receipt, and a report reaches the operator", async ({ page, console }) => {
  const { user } = await ready(page, console);
  await open(page, "/usage");
  await rows(page).filter({ hasText: "model.build" }).getByRole("link").click();
  await expect(page).toHaveURL(/\/receipts\/evt_/);
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("2 iterations of model.build cost 100 credits");
  await page.getByLabel("What is wrong with this charge?").fill("Only one iteration\nwas asked for.");
  await page.getByRole("button", { name: "Send report" }).click();
  await expect(page.locator(".report")).toContainText("was asked for.");
  await expect(page.getByRole("heading", { name: "Reported" })).toBeVisible();
  const { reports } = await console.command<{ reports: { email: string; text: string; event_id: string }[] }>("reports");
  const report = reports.find(({ email }) => email === user.email);
  expect(report?.text).toBe("Only one iteration\nwas asked for.");
  expect(page.url()).toContain(report?.event_id);
  await page.goto("/");
  await rows(page).first().getByRole("link").click();
  await expect(page).toHaveURL(/\/receipts\/evt_/);
  await page.goBack();
  await expect(rows(page)).toHaveCount(3);
});

test("a refused report is shown again as it was typed, and the page still wakes up", async ({ page, console, problems }) => {
  problems.allow(/422/);
  await ready(page, console);
  await rows(page).first().getByRole("link").click();
  const text = page.getByLabel("What is wrong with this charge?");
  await text.evaluate((area: HTMLTextAreaElement) => {
    area.removeAttribute("maxlength");
    area.value = "x".repeat(2_001);
  });
  await page.getByRole("button", { name: "Send report" }).click();
  await expect(page.getByRole("alert")).toContainText("2000 characters");
  await expect(page.locator("body[data-hydrated]")).toBeAttached();
  await expect(text).toHaveValue("x".repeat(2_001));
  expect(await accessibilityFindings(page)).toEqual([]);
});

test("a receipt that is not there is an honest 404", async ({ page, console, problems }) => {
  problems.allow(/404/);
  await ready(page, console);
  const answer = await page.goto("/receipts/evt_01900000000070008000000000000001f");
  expect(answer?.status()).toBe(404);
  await expect(page.getByRole("heading", { name: "There is no such receipt" })).toBeVisible();
});

test("the file has the rows of the list", async ({ page, console }) => {
  await ready(page, console);
  await open(page, "/usage?range=24h&operation=model.build");
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "Download CSV" }).click()]);
  expect(download.suggestedFilename()).toBe("usage.csv");
  const lines = (await readFile(await download.path(), "utf8")).trimEnd().split("\r\n");
  expect(lines).toHaveLength(2);
  expect(lines[1]).toContain(",model.build,2,,100,");
  await expect(rows(page)).toHaveCount(1);
  await expect(rows(page).first()).toContainText("2 iterations");
});

for (const theme of ["light", "dark"] as const) {
  for (const width of [360, 1280]) {
    test(`usage and receipt have nothing that axe finds and do not scroll sideways: ${theme}, ${width} wide`, async ({ page, console }) => {
      await page.emulateMedia({ colorScheme: theme, reducedMotion: "reduce" });
      await page.setViewportSize({ width, height: 900 });
      await ready(page, console);
      await open(page, "/usage");
      await expect(page.locator(".echart svg")).toBeVisible();
      await looksRight(page, `usage-${theme}-${width}`);
      await rows(page).first().getByRole("link").click();
      await expect(page.getByRole("heading", { name: "How the price came about" })).toBeVisible();
      await looksRight(page, `receipt-${theme}-${width}`);
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
