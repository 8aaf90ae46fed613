import type { Page } from "@playwright/test";
import type { Charged, Console, User } from "../support/console";
import { expect, open, signIn, test } from "../support/test";

const balance = (page: Page) => page.getByTestId("balance");
const rows = (page: Page) => page.locator(".activity tbody tr");
const chartTitle = (page: Page) => page.locator("#consumption-title");

/** As the top bar writes it: two decimals, rounded down. */
function shown(credits: number): string {
  const cents = Math.floor(credits * 100 + 1e-6) / 100;
  return cents.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
}

async function signedIn(page: Page, console: Console, credits: number): Promise<{ user: User; key: string }> {
  const user = await console.user(credits);
  await signIn(page, user);
  return { user, key: await console.serviceKey() };
}

/** A mark that a reload would wipe out. */
async function mark(page: Page): Promise<void> {
  await page.evaluate(() => Object.assign(window, { notReloaded: true }));
}

async function expectNotReloaded(page: Page): Promise<void> {
  expect(await page.evaluate(() => "notReloaded" in window)).toBe(true);
}

test("a charge moves the balance, the latest activity and the chart of the open page", async ({ page, console }) => {
  const { user, key } = await signedIn(page, console, 1_000);
  await expect(page.getByRole("heading", { name: "Nothing has been charged yet" })).toBeVisible();
  await mark(page);

  const first = await console.charge(key, user, "first", 2_500);
  expect(first.credits).toBe(250);
  await expect(balance(page)).toHaveText(shown(first.balance));
  await expect(rows(page)).toHaveCount(1);
  await expect(rows(page).first()).toContainText("model.inference");
  await expect(chartTitle(page)).toContainText("250 credits");
  await expect(page.locator(".echart svg")).toBeVisible();

  const second = await console.charge(key, user, "second", 3, "model.build");
  await expect(balance(page)).toHaveText(shown(second.balance));
  await expect(rows(page)).toHaveCount(2);
  await expect(rows(page).first()).toContainText("model.build");
  await expect(chartTitle(page)).toContainText("400 credits");
  await expect(page.locator(".chart .legend")).toContainText("model.build 150");
  await expectNotReloaded(page);
});

test("a retry of the same event changes nothing on the page", async ({ page, console }) => {
  const { user, key } = await signedIn(page, console, 100);
  const first = await console.charge(key, user, "once", 10);
  await expect(rows(page)).toHaveCount(1);
  const again = await console.charge(key, user, "once", 10);
  expect(again).toEqual({ ...first, replayed: true });
  const next = await console.charge(key, user, "twice", 10);
  await expect(rows(page)).toHaveCount(2);
  await expect(balance(page)).toHaveText(shown(next.balance));
});

test("a grant on the command line reaches the open page", async ({ page, console }) => {
  const { user } = await signedIn(page, console, 10);
  const before = await balance(page).textContent();
  await mark(page);
  await console.grant(user.email, 500);
  const after = Number(before?.replaceAll(",", "")) + 500;
  await expect(balance(page)).toHaveText(shown(after));
  await expectNotReloaded(page);
});

test("a cut stream says so, and when it resumes nothing is missing", async ({ page, console, problems }) => {
  problems.allow(/net::ERR_/);
  const { user, key } = await signedIn(page, console, 1_000);
  await console.charge(key, user, "before", 10);
  await expect(rows(page)).toHaveCount(1);
  await expect(page.locator(".pill.live")).toBeVisible();
  await mark(page);

  await console.stop();
  await expect(page.locator(".pill.cut")).toContainText("reconnecting");
  await console.serve();
  let last: Charged | undefined;
  for (const id of ["while-away-1", "while-away-2", "while-away-3"]) last = await console.charge(key, user, id, 20);

  await expect(page.locator(".pill.live")).toBeVisible({ timeout: 40_000 });
  await expect(rows(page)).toHaveCount(4);
  await expect(balance(page)).toHaveText(shown(last?.balance ?? Number.NaN));
  await expectNotReloaded(page);
});

test("at zero the page says what is refused", async ({ page, console }) => {
  const user = await console.user();
  const key = await console.serviceKey();
  const have = (await console.charge(key, user, "measure", 0)).balance;
  await console.grant(user.email, 1);
  await signIn(page, user);
  const spent = await console.charge(key, user, "all", (have + 1) * 10);
  expect(spent.balance).toBe(0);
  await expect(balance(page)).toHaveText("0.00");
  await expect(page.getByText("There are no credits left.")).toBeVisible();
});

test("the range is in the address: links, the back button and a fresh load agree", async ({ page, console }) => {
  const { user, key } = await signedIn(page, console, 100);
  await console.charge(key, user, "one", 5);
  await expect(chartTitle(page)).toContainText("the last 7 days");
  await page.getByRole("link", { name: "24 h" }).click();
  await expect(page).toHaveURL(/\?range=24h$/);
  await expect(chartTitle(page)).toContainText("the last 24 hours");
  await page.goBack();
  await expect(chartTitle(page)).toContainText("the last 7 days");
  await open(page, "/?range=30d");
  await expect(chartTitle(page)).toContainText("the last 30 days");
});

test("without scripts the page is whole: balance, activity and the numbers of the chart", async ({ browser, console }) => {
  const user = await console.user(100);
  const { balance: left } = await console.charge(await console.serviceKey(), user, "one", 25);
  const context = await browser.newContext({ baseURL: console.url, javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto("/sign-in");
  await page.getByLabel("E-mail").fill(user.email);
  await page.getByLabel("Password").fill(user.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(balance(page)).toHaveText(shown(left));
  await expect(rows(page)).toHaveCount(1);
  await page.getByText("Show as table").click();
  await expect(page.locator(".numbers tfoot")).toContainText("2.5");
  await context.close();
});
