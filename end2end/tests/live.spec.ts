// One stream for all tabs of a browser, and pages that stay true whatever happens to it.

import type { BrowserContext, Page } from "@playwright/test";
import type { Console, User } from "../support/console";
import { expect, open, signIn, test } from "../support/test";

const balance = (page: Page) => page.getByTestId("balance");
const rows = (page: Page) => page.locator(".activity tbody tr");
const chartTitle = (page: Page) => page.locator("#consumption-title");
const standing = (page: Page) => page.locator(".standing");
const isLive = (page: Page) => expect(page.locator(".pill.live")).toBeVisible();
const isCut = (page: Page) => expect(page.locator(".pill.cut")).toContainText("reconnecting");

/** As the top bar writes it: two decimals, rounded down. */
function shown(credits: number): string {
  const cents = Math.floor(credits * 100 + 1e-6) / 100;
  return cents.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
}

/** Addresses that the pages of a context ask for, from now on. */
function asked(context: BrowserContext): string[] {
  const paths: string[] = [];
  context.on("request", (request) => {
    const { pathname, search } = new URL(request.url());
    paths.push(pathname + search);
  });
  return paths;
}

const streams = (paths: string[]) => paths.filter((path) => path.startsWith("/usage/stream"));

/** A page that is loaded to the end: live, and with its chart drawn. */
async function settled(page: Page): Promise<void> {
  await isLive(page);
  await expect(page.locator(".echart svg")).toBeVisible();
}

async function tabs(context: BrowserContext, user: User, count: number): Promise<Page[]> {
  const first = await context.newPage();
  await signIn(first, user);
  await isLive(first);
  const pages = [first];
  while (pages.length < count) {
    const page = await context.newPage();
    await open(page, "/");
    pages.push(page);
  }
  await Promise.all(pages.map(settled));
  return pages;
}

/** Everything on the page that moves. */
async function numbers(page: Page): Promise<string[]> {
  return [...(await page.locator(".figure, #consumption-title, .chart .legend, .standing").allInnerTexts()), ...(await rows(page).allInnerTexts())];
}

async function mark(page: Page): Promise<void> {
  await page.evaluate(() => Object.assign(window, { notReloaded: true }));
}

async function expectNotReloaded(page: Page): Promise<void> {
  expect(await page.evaluate(() => "notReloaded" in window)).toBe(true);
}

/** A user with something spent already, and a key that spends more. */
async function spender(console: Console, credits: number): Promise<{ user: User; key: string }> {
  const user = await console.user(credits);
  const key = await console.serviceKey();
  await console.charge(key, user, "before", 1);
  return { user, key };
}

test("two tabs and two browsers agree after 1 000 events, over one stream each and without polling", async ({ browser, console }) => {
  const { user, key } = await spender(console, 1_000);
  const contexts = [await browser.newContext({ baseURL: console.url }), await browser.newContext({ baseURL: console.url })] as const;
  const paths = contexts.map(asked);
  const pages = [...(await tabs(contexts[0], user, 2)), ...(await tabs(contexts[1], user, 1))];
  expect(paths.map((paths) => streams(paths).length)).toEqual([1, 1]);
  for (const list of paths) list.length = 0;

  const posts = Array.from({ length: 10 }, (_, n) => console.chargeMany(key, user, `fast-${n}`, 100));
  const answers = await Promise.all(posts);
  const last = answers.reduce((one, other) => (one.seq > other.seq ? one : other));
  // A second is what is aimed at, and what it takes on a machine that does nothing else; how long it took is printed.
  const answered = performance.now();
  await Promise.all(pages.map((page) => expect(balance(page)).toHaveText(shown(last.balance))));
  process.stdout.write(`       all pages agreed ${Math.round(performance.now() - answered)} ms after the last answer\n`);

  await expect(chartTitle(pages[0] as Page)).toContainText("100.1 credits");
  const seen = await Promise.all(pages.map(numbers));
  expect(seen[0]?.length).toBeGreaterThan(15);
  expect(seen[1]).toEqual(seen[0]);
  expect(seen[2]).toEqual(seen[0]);
  expect(paths).toEqual([[], []]);
  await Promise.all(contexts.map((context) => context.close()));
});

test("when the tab that holds the stream closes another one takes over and misses nothing", async ({ browser, console }) => {
  const { user, key } = await spender(console, 1_000);
  const context = await browser.newContext({ baseURL: console.url });
  const paths = asked(context);
  const [first, second, third] = (await tabs(context, user, 3)) as [Page, Page, Page];
  const before = await console.charge(key, user, "held-by-first", 10);
  await Promise.all([second, third].map((page) => expect(balance(page)).toHaveText(shown(before.balance))));
  await Promise.all([first.close(), console.chargeMany(key, user, "between", 50)]);
  const after = await console.charge(key, user, "held-by-another", 10);
  for (const page of [second, third]) {
    await expect(balance(page)).toHaveText(shown(after.balance));
    await expect(rows(page).first()).toContainText(shown(after.balance));
    await isLive(page);
  }
  expect(streams(paths)).toHaveLength(2);
  // After what it has seen itself: the first may have handed on some of it while it closed.
  const resumed = Number(streams(paths)[1]?.replace("/usage/stream?after=", ""));
  expect(resumed).toBeGreaterThanOrEqual(before.seq);
  expect(resumed).toBeLessThan(after.seq);
  await context.close();
});

test("a tab that holds the stream but is frozen loses it to one that is looked at", async ({ browser, console }) => {
  const { user, key } = await spender(console, 1_000);
  const context = await browser.newContext({ baseURL: console.url });
  await context.clock.install();
  const paths = asked(context);
  const [first, second] = (await tabs(context, user, 2)) as [Page, Page];
  // What a frozen page looks like from outside: it says nothing, and still has the lock.
  await first.evaluate(() => {
    const say = BroadcastChannel.prototype.postMessage;
    BroadcastChannel.prototype.postMessage = () => {};
    Object.assign(window, { thaw: () => (BroadcastChannel.prototype.postMessage = say) });
  });
  const meanwhile = await console.charge(key, user, "meanwhile", 10);
  expect(streams(paths)).toHaveLength(1);
  for (let tick = 0; tick < 4; tick += 1) await second.clock.runFor(5_000);
  await expect(balance(second)).toHaveText(shown(meanwhile.balance));
  expect(streams(paths)).toHaveLength(2);

  await first.evaluate(() => (window as unknown as { thaw: () => void }).thaw());
  const after = await console.charge(key, user, "after", 10);
  await expect(balance(first)).toHaveText(shown(after.balance));
  await expect(balance(second)).toHaveText(shown(after.balance));
  expect(streams(paths)).toHaveLength(2);
  await context.close();
});

for (const missed of [300, 1_500]) {
  test(`a minute without network and ${missed} events is caught up with in every tab`, async ({ browser, console }) => {
    const { user, key } = await spender(console, 1_000);
    const context = await browser.newContext({ baseURL: console.url });
    await context.clock.install();
    const paths = asked(context);
    const pages = await tabs(context, user, 2);
    await Promise.all(pages.map(mark));
    await context.setOffline(true);
    await Promise.all(pages.map(isCut));
    const sent = streams(paths).length;
    let last = await console.charge(key, user, "alone", 1);
    for (let n = 0; n < missed / 300; n += 1) last = await console.chargeMany(key, user, `missed-${n}`, 300);
    for (let second = 0; second < 60; second += 10) await context.clock.runFor(10_000);
    await Promise.all(pages.map(isCut));
    expect(streams(paths)).toHaveLength(sent);

    await context.setOffline(false);
    for (const page of pages) {
      await isLive(page);
      await expect(balance(page)).toHaveText(shown(last.balance));
      await expect(chartTitle(page)).toContainText(`${((missed + 2) / 10).toFixed(1)} credits`);
      await expect(rows(page)).toHaveCount(10);
      await expect(rows(page).first()).toContainText(shown(last.balance));
      await expectNotReloaded(page);
    }
    expect(streams(paths)).toHaveLength(sent + 1);
    await context.close();
  });
}

for (const hours of [-1, 1]) {
  test(`a clock that is off by ${hours} h changes nothing`, async ({ browser, console }) => {
    const { user, key } = await spender(console, 1_000);
    const [right, wrong] = [await browser.newContext({ baseURL: console.url }), await browser.newContext({ baseURL: console.url })];
    await wrong.clock.install({ time: Date.now() + hours * 3_600_000 });
    const paths = asked(wrong);
    const [one] = (await tabs(right, user, 1)) as [Page];
    const [other] = (await tabs(wrong, user, 1)) as [Page];
    await open(one, "/?range=24h");
    await open(other, "/?range=24h");
    await Promise.all([one, other].map(settled));
    paths.length = 0;
    const began = Math.floor(Date.now() / 900_000);
    const last = await console.chargeMany(key, user, "now", 20);
    // Long enough for everything that looks at the clock by itself.
    await wrong.clock.runFor(20_000);
    for (const page of [one, other]) await expect(balance(page)).toHaveText(shown(last.balance));
    expect(await numbers(other)).toEqual(await numbers(one));
    // At each quarter of an hour a page reads again, by any clock.
    const isNewQuarter = Math.floor((Date.now() + 20_000) / 900_000) > began;
    expect(paths.filter((path) => !(isNewQuarter && path.startsWith("/api/app/api/overview/overview")))).toEqual([]);
    await Promise.all([right.close(), wrong.close()]);
  });
}

test("signing out in one tab leads the others to the form", async ({ browser, console }) => {
  const { user } = await spender(console, 10);
  const context = await browser.newContext({ baseURL: console.url });
  const pages = (await tabs(context, user, 3)) as [Page, Page, Page];
  const leaver = pages[1];
  await leaver.getByRole("button", { name: "Account menu" }).click();
  await leaver.getByRole("button", { name: "Sign out" }).click();
  await leaver.waitForURL(/\/sign-in/);
  for (const page of [pages[0], pages[2]]) await page.waitForURL(/\/sign-in/);
  await context.close();
});

test("signing in as somebody else in one tab turns the others to the new account", async ({ browser, console }) => {
  const [ada, bob] = [await spender(console, 10), await spender(console, 5_000)];
  const context = await browser.newContext({ baseURL: console.url });
  const [first, second] = (await tabs(context, ada.user, 2)) as [Page, Page];
  // The form is not shown to somebody signed in; a browser that kept it open could still send it.
  const form = { email: bob.user.email, password: bob.user.password };
  await context.request.post("/sign-in", { form, headers: { origin: console.url } });
  const last = await console.charge(bob.key, bob.user, "bobs", 7);
  for (const page of [first, second]) {
    await expect(balance(page)).toHaveText(shown(last.balance));
    await expect(rows(page)).toHaveCount(2);
  }
  await context.close();
});

test("a page that was kept for the way back catches up, and does not outlive its session", async ({ page, context, console, problems }) => {
  problems.allow(/401/);
  const { user, key } = await spender(console, 1_000);
  await signIn(page, user);
  await settled(page);
  const pass = (name: string) => page.evaluate((name) => window.dispatchEvent(new PageTransitionEvent(name, { persisted: true })), name);
  await pass("pagehide");
  const last = await console.chargeMany(key, user, "hidden", 30);
  await pass("pageshow");
  await expect(balance(page)).toHaveText(shown(last.balance));
  await expect(rows(page).first()).toContainText(shown(last.balance));
  await pass("pagehide");
  await context.clearCookies();
  await pass("pageshow");
  await page.waitForURL(/\/sign-in/);
});

test("a browser without locks has a stream in each tab", async ({ browser, console }) => {
  const { user, key } = await spender(console, 1_000);
  const context = await browser.newContext({ baseURL: console.url });
  await context.addInitScript(() => Object.defineProperty(navigator, "locks", { value: undefined }));
  const paths = asked(context);
  const pages = await tabs(context, user, 2);
  expect(streams(paths)).toHaveLength(2);
  const last = await console.charge(key, user, "both", 10);
  for (const page of pages) await expect(balance(page)).toHaveText(shown(last.balance));
  await context.close();
});

test("spent to zero the page says so and what to do, and a grant on the command line unblocks it", async ({ page, console }) => {
  const { user, key } = await spender(console, 100);
  await signIn(page, user);
  await settled(page);
  await mark(page);
  const have = (await console.charge(key, user, "measure", 0)).balance;
  await console.charge(key, user, "all", Number((have * 10).toFixed(5)));
  await expect(standing(page)).toHaveText(/There are no credits left\. .*refused.*Ask whoever runs this console/);
  await expect(standing(page)).toHaveClass(/bad/);
  await expect(console.charge(key, user, "too-much", 10)).rejects.toThrow(/402.*insufficient_credits/);
  await console.grant(user.email, 5_000);
  await expect(standing(page)).not.toHaveClass(/bad/);
  await expect(balance(page)).toHaveText("5,000.00");
  const after = await console.charge(key, user, "too-much", 10);
  await expect(balance(page)).toHaveText(shown(after.balance));
  await expectNotReloaded(page);
});

test("low, expiring and suspended are said while they hold, without a reload", async ({ page, console }) => {
  const user = await console.user();
  const key = await console.serviceKey();
  await console.charge(key, user, "before", 1);
  await signIn(page, user);
  await settled(page);
  await mark(page);
  const soon = new Date(Date.now() + 3 * 86_400_000).toISOString();
  await console.command("grant", "--email", user.email, "--credits", "40", "--kind", "promo", "--reason", "test", "--expires-at", soon);
  await expect(standing(page)).toHaveText(/^40 credits expire on \w{3} \d+ \w{3}\. 39\.\d+ credits will be left unused at the pace so far\.$/);
  await expect(standing(page)).toHaveClass(/warn/);
  await console.charge(key, user, "most", 1_350);
  await expect(standing(page)).toHaveText(/Credits are running low\. They last for (less than an|about \d+) hours? at the pace so far\./);
  await console.command("user", "suspend", "--email", user.email);
  await expect(standing(page)).toContainText("This account is suspended.");
  await console.command("user", "activate", "--email", user.email);
  await expect(standing(page)).toContainText("Credits are running low.");
  await console.grant(user.email, 100_000);
  await expect(standing(page)).not.toHaveClass(/warn|bad/);
  await expectNotReloaded(page);
});

for (const viewport of [
  { width: 1280, height: 720 },
  { width: 1280, height: 1600 },
  { width: 360, height: 1600 },
]) {
  test(`nothing jumps at ${viewport.width} × ${viewport.height}: neither while it loads nor with 50 live events, a block and a grant`, async ({ page, console }) => {
    const { user, key } = await spender(console, 1_000);
    await page.setViewportSize(viewport);
    await page.addInitScript(() => {
      const shifts: { value: number; what: string }[] = [];
      Object.assign(window, { shifts });
      type Shift = PerformanceEntry & { value: number; sources: { node: Node | null }[] };
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries() as Shift[]) {
          const name = (node: Node | null) => (node instanceof Element ? `${node.tagName}.${node.getAttribute("class")}` : (node?.textContent ?? "?"));
          shifts.push({ value: entry.value, what: entry.sources.map(({ node }) => name(node)).join(", ") });
        }
      }).observe({ type: "layout-shift", buffered: true });
    });
    await signIn(page, user);
    await settled(page);
    let last = await console.charge(key, user, "first", 1);
    for (let n = 0; n < 50; n += 1) {
      last = await console.charge(key, user, `one-${n}`, (n * 37) % 101, n % 3 ? "model.inference" : "data.storage");
      if (n % 5 === 0) await expect(balance(page)).toHaveText(shown(last.balance));
    }
    await console.charge(key, user, "all", Number((last.balance * 10).toFixed(5)));
    await expect(standing(page)).toHaveClass(/bad/);
    await console.grant(user.email, 1_000);
    await expect(standing(page)).not.toHaveClass(/bad/);
    const shifts = await page.evaluate(() => (window as unknown as { shifts: { value: number; what: string }[] }).shifts);
    const sum = shifts.reduce((sum, { value }) => sum + value, 0);
    expect(sum, JSON.stringify(shifts)).toBeLessThan(0.02);
  });
}

test("with reduced motion a row arrives without moving", async ({ page, console }) => {
  const { user, key } = await spender(console, 100);
  await page.emulateMedia({ reducedMotion: "reduce" });
  await signIn(page, user);
  await settled(page);
  await console.charge(key, user, "quiet", 1);
  await expect(rows(page).first()).toHaveClass(/new/);
  const moving = await page.evaluate(() => document.getAnimations().filter((one) => one.playState === "running").length);
  expect(moving).toBe(0);
});
