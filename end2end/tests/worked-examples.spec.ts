// The examples worked out by hand (../examples), played on a real server: what the pages show must be as written there.
//
// A few can't be played in real time (`not_in_browser` says why). server/tests/it/worked_examples plays all of them by a clock
// that it moves, and puts their books to the code that verifies them here.

import type { Page } from "@playwright/test";
import { Console } from "../support/console";
import { type Example, examples, Played, Stage, type Step } from "../support/examples";
import { test as base, expect, open } from "../support/test";

const test = base.extend<object, { console: Console; stage: Stage }>({
  console: [
    async ({}, use) => {
      const console = await Console.start({ CONSOLE_SIGN_UP_CREDITS: "0" });
      await use(console);
      await console.remove();
    },
    { scope: "worker" },
  ],
  stage: [async ({ console }, use) => use(await Stage.of(console)), { scope: "worker" }],
});

// What fails is told with its numbers; recording every page would take most of the time.
test.use({ trace: "off" });

const inRealTime = examples.filter((example) => example.not_in_browser === undefined);
const waits = (example: Example) => example.steps.some((step) => step.pass_s !== undefined);
/** Those that wait for time to pass wait together. */
const waited = new Map<Example, Played>();

test.beforeAll(async ({ stage }) => {
  const played = await Promise.all(inRealTime.filter(waits).map((example) => Played.on(stage, example)));
  for (const one of played) waited.set(one.example, one);
});

for (const example of inRealTime) {
  test(example.what, async ({ page, stage }) => {
    const played = waited.get(example) ?? (await Played.on(stage, example));
    const { email, password } = played.user;
    await page.request.post("/sign-in", { form: { email, password } });
    await overview(page, example);
    await credits(page, example);
    for (const [place, step] of example.steps.entries()) {
      const id = step.charge ?? step.settle;
      const event = step.missing === undefined && id !== undefined ? played.events.get(id) : undefined;
      if (event !== undefined) await receipt(page, event, step, example, place);
    }
  });
}

/** Available, in flight and owed, to the last millionth. */
async function overview(page: Page, example: Example): Promise<void> {
  await open(page, "/");
  const figure = page.locator(".cards .hero .figure");
  const exact = async (name: string) => {
    const lot = page.locator(".cards .hero .legend span", { hasText: name });
    return (await lot.count()) === 0 ? "0" : plain(await lot.getAttribute("title"));
  };
  await expect(figure).toBeVisible();
  const stands = [plain(await figure.getAttribute("title")), await exact("In flight"), await exact("Owed")];
  expect(stands, "available, in flight, owed").toEqual(example.steps.at(-1)?.stands);
}

/** What each grant has left, the books, and the books again as this browser recomputes them. */
async function credits(page: Page, example: Example): Promise<void> {
  await page.getByRole("navigation", { name: "Main", exact: true }).getByRole("link", { name: "Credits", exact: true }).click();
  await page.getByRole("button", { name: "Verify my ledger" }).click();
  const grants = await page.locator(".grants tbody tr").evaluateAll((rows) =>
    rows.map((row) => [row.querySelector(".what")?.textContent ?? "", row.querySelector(".cost")?.textContent ?? ""] as const),
  );
  const left = Object.fromEntries(grants.map(([name, left]) => [nameOf(name), plain(left)]));
  expect(left, "what grants have left").toEqual(example.left);

  const rows = await page.locator(".books tbody tr").evaluateAll((rows) =>
    rows.map((row) => [".what", ".quantity", ".cost"].map((part) => row.querySelector(part)?.textContent ?? "")),
  );
  const booked = rows.reverse().map(([what, grant, amount]) => ({ what, grant: nameOf(grant ?? ""), amount: amount?.replaceAll(",", "") }));
  if (example.books) expect(booked, "books").toEqual(example.books.map(entry));
  const whole = `All ${booked.length} entries are in order, recomputed`;
  await expect(page.locator(".verdict.good, .verdict.bad")).toContainText(booked.length === 1 ? /All 1 entr/ : whole);
}

/** An entry as the page shows it. */
function entry(line: string) {
  const [movement = "", amount = "", grant = ""] = line.split(" ");
  const known = MOVEMENTS[movement];
  if (known === undefined) throw new Error(`no movement ${movement}`);
  const [what, sign] = known;
  const free = movement === "charge" && amount === "0";
  return { what: expect.stringMatching(what), grant, amount: free ? "free" : `${amount === "0" ? "" : sign}${amount}` };
}

/** What stands on the page for each movement, and the sign of what it does to the balance. */
const MOVEMENTS: Record<string, [RegExp, string]> = {
  issue: [/^Granted/, "+"],
  charge: [/^[a-z.-]+$|^rest of №/, "−"],
  expire: [/^Ran out/, "−"],
  void: [/^Taken back/, "−"],
  hold: [/^Held for |^rest of №/, "−"],
  settle: [/^Settled: |^rest of №/, ""],
  release: [/^Given back/, "+"],
  owe: [/^Owed/, ""],
  repay: [/^Repaid what was owed/, "−"],
  correct: [/^Corrected: |^rest of №/, "+"],
  forgive: [/^No longer owed: /, ""],
};

async function receipt(page: Page, event: string, step: Step, example: Example, place: number): Promise<void> {
  await follow(page, `/receipts/${event}`);
  await expect(page.locator(`form[action="/receipts/${event}"]`)).toBeAttached();
  const arithmetic = lines(page, "How the price came about");
  const told = await arithmetic.evaluateAll((rows) =>
    rows.map((row) => {
      const note = row.querySelector(".note")?.textContent ?? "";
      const all = row.querySelector("dd")?.textContent ?? "";
      return { name: row.querySelector("dt")?.textContent ?? "", value: all.slice(0, all.length - note.length).trim(), note };
    }),
  );
  expect(price(told), "price").toEqual(step.price);
  expect(told.at(-1)).toMatchObject({ name: "Charged", value: expect.stringMatching(/ credits$/) });
  expect(plain(told.at(-1)?.value), "charged").toEqual(step.costs);

  const card = page.locator("section.card", { has: page.getByRole("heading", { name: "What paid for it" }) });
  const paid = await card.locator(".paid li").evaluateAll((rows) =>
    rows.map((row) => [row.querySelector("b")?.textContent ?? "", row.querySelector(".cost")?.textContent ?? ""] as const),
  );
  const parts = paid.map(([name, amount]) => `${nameOf(name)} ${plain(amount)}`);
  const owed = /(\d[\d.,]*) credits? could not be paid then/.exec((await card.textContent()) ?? "");
  if (owed) parts.push(`owed ${plain(owed[1])}`);
  expect(parts.join(" + "), "paid").toEqual(step.paid);
  const balance = await card.locator(".balance b").allTextContents();
  expect(balance.map(plain), "balance before and after").toEqual([example.steps[place - 1]?.stands[0] ?? "0", step.stands[0]]);

  const corrections = example.steps.filter((other) => other.correct !== undefined && other.correct === (step.charge ?? step.settle));
  const figure = (await page.locator(".receipt .figure").textContent()) ?? "";
  const costs = corrections.at(-1)?.costs ?? step.costs;
  expect(figure.startsWith("free") ? "0" : plain(figure), "costs in the end").toEqual(costs);
  for (const correction of corrections) await corrected(page, correction);
  const held = example.steps.find((other) => other.hold !== undefined && other.hold === step.settle);
  if (held) await expect(card).toContainText(new RegExp(`Before, ${held.costs} credits? were held for `));
}

/** Goes to a page as by a link, so that the program in the browser makes it. */
async function follow(page: Page, path: string): Promise<void> {
  await page.evaluate((path) => {
    const link = Object.assign(document.createElement("a"), { href: path });
    document.body.append(link);
    link.click();
    link.remove();
  }, path);
}

/** A correction's own card: what it costs from then on, and where the rest went. */
async function corrected(page: Page, step: Step): Promise<void> {
  const title = step.quantity === "0" ? /^Taken back whole: / : new RegExp(`^Corrected to ${step.quantity?.replace(".", "\\.")} `);
  const told = lines(page, title);
  await expect(told.filter({ hasText: "Costs now" }).locator("dd")).toContainText(`${step.costs} credit`);
  const went = await told.evaluateAll((rows) =>
    rows.map((row) => ({ name: row.querySelector("dt")?.textContent ?? "", value: row.querySelector("dd")?.textContent ?? "" })),
  );
  const back = went.flatMap(({ name, value }) => (name === "Came back" || name === "No longer owed" ? [plain(value)] : []));
  expect(back, "given back").toEqual(step.back ? step.back.split(" + ").map((part) => part.split(" ")[1]) : []);
}

/** The lines of the card with this title. */
function lines(page: Page, title: string | RegExp) {
  return page.locator("section.card", { has: page.getByRole("heading", { name: title }) }).locator(".lines > div");
}

/** `after 8: 2 × 1 + 3 × 0.5 → 3.500001, at least 5`, from the lines of a receipt. */
function price(lines: { name: string; value: string; note: string }[]): string {
  const value = (name: string) => lines.find((line) => line.name === name)?.value;
  const slices = lines.filter((line) => line.name.includes(" × ")).map(({ name, note }) => {
    const size = /^packages of ([\d.,]+) /.exec(note);
    return size ? name.replace(" × ", ` packages of ${plain(size[1])} × `) : name;
  });
  const before = value("Used before");
  const rounding = /(?:→ )?([^→]+)$/.exec(value("Rounding") ?? "");
  const rounded = rounding && rounding[1] !== "nothing to round" ? ` → ${rounding[1]}` : "";
  const least = value("At least");
  return `${before ? `after ${plain(before)}: ` : ""}${slices.join(" + ")}${rounded}${least ? `, at least ${plain(least)}` : ""}`;
}

/** `1,000.5 credits` as `1000.5`. */
function plain(text: string | null | undefined): string {
  return /^[\d.,]*/.exec(text ?? "")?.[0].replaceAll(",", "") ?? "";
}

/** The grant of `Promotion: a`. */
function nameOf(text: string): string {
  return text.trim().split(": ")[1] ?? "";
}
