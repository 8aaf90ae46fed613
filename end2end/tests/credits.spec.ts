import type { Page } from "@playwright/test";
import type { Console, User } from "../support/console";
import { accessibilityFindings, expect, open, signIn, test } from "../support/test";

const FILE = "**/credits/entries.ndjson";

const entries = (page: Page) => page.locator(".books tbody tr");
const grants = (page: Page) => page.locator(".grants tbody tr");
const verdict = (page: Page) => page.locator(".verdict");

/** A user with free credits that run out, a promotion that never does, a plan that comes later, and two charges; signed in. */
async function ready(page: Page, console: Console, events = 0): Promise<{ user: User; key: string }> {
  const user = await console.user(1_000 + events);
  const give = (credits: number, ...more: string[]) =>
    console.command("grant", "--email", user.email, "--credits", String(credits), "--reason", "browser test", ...more);
  await give(20, "--kind", "free", "--expires-at", inDays(12));
  await give(250, "--kind", "plan", "--effective-at", inDays(20), "--expires-at", inDays(50));
  const key = await console.serviceKey();
  await console.charge(key, user, "build", 2, "model.build");
  await console.charge(key, user, "inference", 125.5);
  await signIn(page, user);
  return { user, key };
}

function inDays(days: number): string {
  return new Date(Date.now() + days * 86_400_000).toISOString();
}

async function verified(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Verify my ledger" }).click();
  await expect(verdict(page)).toHaveClass(/good|bad/, { timeout: 60_000 });
}

test("the page says what burns next, and a charge moves it", async ({ page, console }) => {
  const { user, key } = await ready(page, console);
  await page.getByRole("navigation", { name: "Main", exact: true }).getByRole("link", { name: "Credits", exact: true }).click();
  await expect(page).toHaveURL(/\/credits$/);
  await expect(page).toHaveTitle("Credits · Plexe Console");
  await expect(page.locator("#lots-title")).toHaveText(/^7\.45 credits run out on \d+ \w+ \d+, unless they are spent first$/);
  await expect(page.locator(".timeline li")).toHaveCount(3);
  await expect(grants(page).first()).toContainText("Burns next: it runs out before what follows.");
  await expect(grants(page).first().locator(".cost")).toHaveText("7.45");
  await expect(grants(page).last()).toContainText("All of it was spent.");
  const rows = await entries(page).count();
  await expect(page.locator("#books-title")).toHaveText(`Your books: ${rows} entries`);

  await page.evaluate(() => Object.assign(window, { notReloaded: true }));
  await console.charge(key, user, "live", 10);
  await expect(entries(page)).toHaveCount(rows + 1);
  await expect(entries(page).first()).toContainText("model.inference");
  await expect(entries(page).first()).toContainText("−1");
  await expect(grants(page).first().locator(".cost")).toHaveText("6.45");
  await expect(page.locator("#lots-title")).toContainText("6.45 credits run out");
  await console.grant(user.email, 5);
  await expect(entries(page).first()).toContainText("Granted");
  await expect(grants(page).nth(2)).toContainText("Burns last.");
  expect(await page.evaluate(() => "notReloaded" in window)).toBe(true);
  await entries(page).nth(1).getByRole("link").click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("10,000 tokens of model.inference cost 1 credit");
});

test("the browser recomputes the books, and finds what was changed on the way", async ({ page, console }) => {
  // PLEXE_BROWSER_EVENTS=100000 measures large books; the time is in the verdict, which is printed then.
  const events = Number(process.env.PLEXE_BROWSER_EVENTS ?? 2_700);
  test.setTimeout(60_000 + events * 2);
  const { user, key } = await ready(page, console, events);
  for (let done = 0; done < events; done += 900) await console.chargeMany(key, user, `many-${done}`, Math.min(900, events - done));
  await open(page, "/credits");
  await verified(page);
  await expect(verdict(page)).toContainText(/^All [\d,]+ entries are in order, recomputed in \d+\.\d\d s\./);
  if (process.env.PLEXE_BROWSER_EVENTS) process.stdout.write(`${await verdict(page).innerText()}\n`);

  await page.route(FILE, async (route) => {
    const answer = await route.fetch();
    const lines = (await answer.text()).split("\n");
    const line = JSON.parse(lines[1_233] ?? "");
    lines[1_233] = JSON.stringify({ ...line, event: { ...line.event, quantity: 2 } });
    await route.fulfill({ response: answer, body: lines.join("\n") });
  });
  await verified(page);
  await expect(verdict(page)).toHaveText("Mismatch at entry 1234: the hash is not that of its content after the entry before.");
  await expect(page.getByRole("link", { name: "See entry 1,234" })).toHaveAttribute("href", "/credits?before=1235");

  await page.unroute(FILE);
  await page.route(FILE, async (route) => {
    const answer = await route.fetch();
    const lines = (await answer.text()).split("\n");
    await route.fulfill({ response: answer, body: lines.slice(0, 2_000).join("\n") + "\n" });
  });
  await verified(page);
  await expect(verdict(page)).toHaveText("Mismatch at entry 2001: is missing, and so is what follows.");
  await page.getByRole("link", { name: "See entry 2,001" }).click();
  await expect(entries(page).first()).toContainText("№ 2001");
});

test("a verification that is cut off says so and can be tried again", async ({ page, console, problems }) => {
  problems.allow(/Failed to load resource/);
  await ready(page, console);
  await open(page, "/credits");
  await page.route(FILE, (route) => route.abort());
  await verified(page);
  await expect(verdict(page)).toHaveText("The entries could not be read to their end. Please try again.");
  await page.unroute(FILE);
  await page.getByRole("button", { name: "Verify my ledger" }).click();
  await expect(verdict(page)).toContainText("entries are in order");
});

test("older entries are a page away, and the way back works", async ({ page, console }) => {
  const { user, key } = await ready(page, console);
  await console.chargeMany(key, user, "many", 40);
  await open(page, "/credits");
  await expect(entries(page)).toHaveCount(25);
  const newest = await entries(page).first().innerText();
  await page.getByRole("link", { name: "Older" }).click();
  await expect(page).toHaveURL(/\/credits\?before=\d+$/);
  await expect(entries(page).first()).not.toHaveText(newest);
  await page.goBack();
  await expect(entries(page).first()).toContainText("model.inference");
  await expect(page.getByRole("link", { name: "Newest" })).toHaveCount(0);
});

for (const theme of ["light", "dark"] as const) {
  for (const width of [360, 1280]) {
    test(`credits have nothing that axe finds and do not scroll sideways: ${theme}, ${width} wide`, async ({ page, console }) => {
      await page.emulateMedia({ colorScheme: theme, reducedMotion: "reduce" });
      await page.setViewportSize({ width, height: 900 });
      await ready(page, console);
      await open(page, "/credits");
      await verified(page);
      await page.screenshot({ path: `test-results/pictures/credits-${theme}-${width}.png`, fullPage: true });
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      expect(overflow, "sideways scrolling").toBeLessThanOrEqual(0);
      expect(await accessibilityFindings(page)).toEqual([]);
    });
  }
}
