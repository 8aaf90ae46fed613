import type { Page } from "@playwright/test";
// Typed as if it were a module with a default export; it is one function.
import jsQR from "jsqr";
import * as OTPAuth from "otpauth";
import type { Console, Login } from "../support/console";
import { accessibilityFindings, expect, open, signIn, test } from "../support/test";

const SECURITY = "/settings/security";
const NEXT_STEP_MS = 30_000;

/** What a phone sees that is held before the page. */
async function scan(page: Page): Promise<string> {
  const side = 400;
  const pixels = await page.locator(".qr").evaluate(async (svg, side) => {
    const copy = svg.cloneNode(true) as SVGElement;
    copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
    copy.setAttribute("width", String(side));
    copy.setAttribute("height", String(side));
    const image = new Image();
    image.src = `data:image/svg+xml,${encodeURIComponent(copy.outerHTML)}`;
    await image.decode();
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = side;
    const context = canvas.getContext("2d")!;
    context.drawImage(image, 0, 0, side, side);
    return Array.from(context.getImageData(0, 0, side, side).data);
  }, side);
  const read = (jsQR as unknown as (data: Uint8ClampedArray, width: number, height: number) => { data: string } | null)(
    Uint8ClampedArray.from(pixels),
    side,
    side,
  );
  return read?.data ?? "nothing that can be read";
}

/** Sets an app up by what it scans; the app, and the recovery codes. */
async function setUp(page: Page): Promise<{ app: OTPAuth.TOTP; codes: string[] }> {
  await open(page, SECURITY);
  await page.getByRole("link", { name: "Set up an authenticator app" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Set up an authenticator app" })).toBeVisible();
  const app = OTPAuth.URI.parse(await scan(page)) as OTPAuth.TOTP;
  const spelled = (await page.locator(".spelled").textContent()) ?? "";
  expect(app.secret.base32).toBe(spelled.replaceAll(" ", ""));
  await page.getByLabel("Code that the app shows").fill(app.generate());
  await page.getByRole("button", { name: "Turn it on" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Your recovery codes" })).toBeVisible();
  return { app, codes: await page.locator(".recovery-codes code").allTextContents() };
}

async function signOut(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Account menu" }).click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page).toHaveURL(/\/sign-in/);
}

/** The first step. */
async function typePassword(page: Page, user: Login): Promise<void> {
  await page.goto("/sign-in");
  await page.getByLabel("E-mail").fill(user.email);
  await page.getByLabel("Password").fill(user.password);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(page).toHaveURL(/\/second-step$/);
}

async function answer(page: Page, code: string): Promise<void> {
  await page.getByLabel("Code").fill(code);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
}

test("an app is set up by its picture, and its codes sign in, each once", async ({ page, console, problems }) => {
  problems.allow(/403 \(/);
  const user = await console.user();
  await signIn(page, user);
  const { app, codes } = await setUp(page);
  expect(app.issuer).toBe("Plexe Console");
  expect(app.label).toBe(user.email);
  expect(new Set(codes).size).toBe(10);
  await page.getByRole("link", { name: "I have kept them" }).click();
  await expect(page.getByText("10 recovery codes are left.")).toBeVisible();

  await signOut(page);
  await typePassword(page, user);
  await answer(page, "000000");
  await expect(page.getByRole("alert")).toContainText("This code is not right");
  await expect(page).toHaveTitle(/^Error: Second step/);
  // The code of now has put the app into force; the next one counts already.
  const code = app.generate({ timestamp: Date.now() + NEXT_STEP_MS });
  await answer(page, code);
  await page.waitForURL("/");

  await signOut(page);
  await typePassword(page, user);
  await answer(page, code);
  await expect(page.getByRole("alert")).toContainText("it was used before");
  await answer(page, codes[0] ?? "");
  await page.waitForURL("/");
  await open(page, SECURITY);
  await expect(page.getByText("9 recovery codes are left.")).toBeVisible();

  await page.getByRole("button", { name: "Make new recovery codes" }).click();
  await expect(page.getByText("Those from before open nothing any more.")).toBeVisible();
  expect(await page.locator(".recovery-codes code").allTextContents()).not.toContain(codes[1]);
  await page.getByRole("link", { name: "I have kept them" }).click();
  await page.getByRole("button", { name: "Turn off the authenticator app" }).click();
  await expect(page.getByText("It is off: signing in takes one step again.")).toBeVisible();
  await signOut(page);
  await signIn(page, user);
});

test("without scripts it goes the same way", async ({ browser, console }) => {
  const context = await browser.newContext({ baseURL: console.url, javaScriptEnabled: false });
  const page = await context.newPage();
  const user = await console.user();
  await page.goto("/sign-in");
  await page.getByLabel("E-mail").fill(user.email);
  await page.getByLabel("Password").fill(user.password);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.goto(SECURITY);
  await page.getByRole("link", { name: "Set up an authenticator app" }).click();
  const spelled = (await page.locator(".spelled").textContent()) ?? "";
  const app = new OTPAuth.TOTP({ secret: OTPAuth.Secret.fromBase32(spelled.replaceAll(" ", "")) });
  await page.getByLabel("Code that the app shows").fill(app.generate());
  await page.getByRole("button", { name: "Turn it on" }).click();
  await expect(page.locator(".recovery-codes li")).toHaveCount(10);
  await context.clearCookies();
  await typePassword(page, user);
  await answer(page, app.generate({ timestamp: Date.now() + NEXT_STEP_MS }));
  await page.waitForURL("/");
  await context.close();
});

for (const theme of ["light", "dark"] as const) {
  for (const width of [360, 1280] as const) {
    test.describe(`${theme}, ${width} wide`, () => {
      test.use({ colorScheme: theme, viewport: { width, height: 900 }, reducedMotion: "reduce" });

      test("every page has nothing that axe finds, and fits", async ({ page, console, problems }) => {
        problems.allow(/403 \(/);
        await looksRight(page, console, `${theme}-${width}`);
      });
    });
  }
}

async function looksRight(page: Page, console: Console, suffix: string): Promise<void> {
  const look = async (name: string) => {
    await page.screenshot({ path: `test-results/pictures/${name}-${suffix}.png`, fullPage: true });
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    expect(overflow, "sideways scrolling").toBeLessThanOrEqual(0);
    expect(await accessibilityFindings(page), name).toEqual([]);
  };
  const user = await console.user();
  await signIn(page, user);
  await open(page, SECURITY);
  await look("second-step-off");
  await page.goto("/settings/security/second-step");
  await look("second-step-set-up");
  await page.getByLabel("Code that the app shows").fill("12345");
  await page.getByRole("button", { name: "Turn it on" }).click();
  await look("second-step-wrong-code");
  await setUp(page);
  await look("second-step-recovery-codes");
  await page.getByRole("link", { name: "I have kept them" }).click();
  await look("second-step-on");
  await signOut(page);
  await typePassword(page, user);
  await look("second-step-asked");
}
