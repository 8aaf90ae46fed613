// `test` with a server, and with pages that may neither complain nor talk to strangers.

import AxeBuilder from "@axe-core/playwright";
import { type Page, test as base, expect } from "@playwright/test";
import { Console, type Login } from "./console";

/** What a page did that it should not have; a test that provokes something says so with `allow`. */
export class Problems {
  private readonly seen: string[] = [];
  private readonly allowed: RegExp[] = [];

  constructor(private readonly origin: string) {}

  /** Listens to a page from its first request on. */
  watch(page: Page): void {
    page.on("console", (message) => {
      if (message.type() === "error") this.seen.push(`console: ${message.text()} (${message.location().url})`);
    });
    page.on("pageerror", (error) => this.seen.push(`uncaught: ${error.message}`));
    page.on("request", (request) => {
      const url = new URL(request.url());
      const inside = url.origin === this.origin || url.protocol === "data:" || url.protocol === "blob:";
      if (!inside) this.seen.push(`request to ${url.origin}`);
    });
  }

  allow(pattern: RegExp): void {
    this.allowed.push(pattern);
  }

  found(): string[] {
    return this.seen.filter((problem) => !this.allowed.some((pattern) => pattern.test(problem)));
  }
}

export const test = base.extend<{ problems: Problems }, { console: Console }>({
  console: [
    async ({}, use) => {
      const console = await Console.start();
      await use(console);
      await console.remove();
    },
    { scope: "worker" },
  ],
  baseURL: async ({ console }, use) => use(console.url),
  problems: async ({ console }, use) => {
    const problems = new Problems(console.url);
    await use(problems);
    expect(problems.found()).toEqual([]);
  },
  page: async ({ page, problems }, use) => {
    problems.watch(page);
    await use(page);
  },
});

export { expect };

/** Opens a page and waits until the wasm has taken it over. */
export async function open(page: Page, path: string): Promise<void> {
  await page.goto(path);
  await hydrated(page);
}

export async function hydrated(page: Page): Promise<void> {
  await expect(page.locator("body[data-hydrated]")).toBeAttached();
}

/** Through the form, as a person does. */
export async function signIn(page: Page, user: Login): Promise<void> {
  await page.goto("/sign-in");
  await page.locator('input[name="email"]').fill(user.email);
  await page.locator('input[name="password"]').fill(user.password);
  await page.locator('form button[type="submit"]').first().click();
  await page.waitForURL((url) => url.pathname === "/");
  await hydrated(page);
}

/** Axe's findings as lines that name rule and element; none is what we want. */
export async function accessibilityFindings(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  return violations.flatMap(({ id, help, nodes }) => nodes.map((node) => `${id}: ${help} — ${node.target.join(" ")} ${node.failureSummary ?? ""}`));
}
