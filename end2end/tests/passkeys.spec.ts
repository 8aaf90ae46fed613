import type { CDPSession, Page } from "@playwright/test";
import type { Console, Login } from "../support/console";
import { accessibilityFindings, expect, hydrated, open, signIn, test } from "../support/test";

const SECURITY = "/settings/security";

/** A device with a fingerprint reader, as Chromium plays one. */
class Device {
  private constructor(
    private readonly browser: CDPSession,
    private readonly id: string,
  ) {}

  static async of(page: Page): Promise<Device> {
    const browser = await page.context().newCDPSession(page);
    await browser.send("WebAuthn.enable");
    const { authenticatorId } = await browser.send("WebAuthn.addVirtualAuthenticator", {
      options: {
        protocol: "ctap2",
        transport: "internal",
        hasResidentKey: true,
        hasUserVerification: true,
        isUserVerified: true,
        automaticPresenceSimulation: true,
      },
    });
    return new Device(browser, authenticatorId);
  }

  /** Whether the finger is the right one. */
  async recognises(isUserVerified: boolean): Promise<void> {
    await this.browser.send("WebAuthn.setUserVerified", { authenticatorId: this.id, isUserVerified });
  }

  async count(): Promise<number> {
    return (await this.credentials()).length;
  }

  /** What a copy of the device does that was made before its last use. */
  async countsBack(): Promise<void> {
    const [credential] = await this.credentials();
    if (!credential) throw new Error("the device has no passkey");
    await this.browser.send("WebAuthn.removeCredential", { authenticatorId: this.id, credentialId: credential.credentialId });
    await this.browser.send("WebAuthn.addCredential", { authenticatorId: this.id, credential: { ...credential, signCount: 0 } });
  }

  private async credentials() {
    return (await this.browser.send("WebAuthn.getCredentials", { authenticatorId: this.id })).credentials;
  }
}

async function add(page: Page, name: string): Promise<void> {
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByRole("button", { name: "Add a passkey" }).click();
}

async function signOut(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Account menu" }).click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page).toHaveURL(/\/sign-in/);
}

/** Signed in, with a passkey on a device of their own. */
async function registered(page: Page, console: Console): Promise<{ user: Login; device: Device }> {
  const user = await console.user();
  const device = await Device.of(page);
  await signIn(page, user);
  await open(page, SECURITY);
  await add(page, "Phone");
  await expect(page.getByText("Your passkey is registered")).toBeVisible();
  await hydrated(page);
  return { user, device };
}

const row = (page: Page, text: string) => page.locator(".ways-in li", { hasText: text });

test("a passkey is registered, signs in with nothing typed, is renamed and removed", async ({ page, console, problems }) => {
  problems.allow(/401 \(/);
  const { user, device } = await registered(page, console);
  expect(await device.count()).toBe(1);
  await expect(row(page, "Phone")).toContainText("not used yet");

  await signOut(page);
  await page.goto("/sign-in?next=/usage");
  await page.getByRole("button", { name: "Use a passkey" }).click();
  await page.waitForURL("/usage");
  await hydrated(page);
  await page.getByRole("button", { name: "Account menu" }).click();
  await expect(page.locator("#account")).toContainText(user.email);

  await open(page, SECURITY);
  await expect(row(page, "Phone")).toContainText("last used");
  await row(page, "Phone").getByText("Rename", { exact: true }).first().click();
  await page.getByLabel("New name").fill("Grandmother's tablet");
  await page.getByRole("button", { name: "Rename Phone" }).click();
  await expect(row(page, "Grandmother's tablet")).toBeVisible();
  await page.getByRole("button", { name: "Remove Grandmother's tablet" }).click();
  await expect(page.getByText("The passkey is removed")).toBeVisible();
  await hydrated(page);

  await signOut(page);
  await page.getByRole("button", { name: "Use a passkey" }).click();
  await expect(page.getByRole("alert")).toContainText("This passkey is not known here.");
});

test("one device is registered once, and says so", async ({ page, console }) => {
  const { device } = await registered(page, console);
  await add(page, "The same");
  await expect(page.getByRole("alert")).toHaveText("This device has a passkey for this account already.");
  expect(await device.count()).toBe(1);
  await expect(page.getByRole("button", { name: "Add a passkey" })).toBeEnabled();
});

test("a device that does not recognise its owner signs nothing, and a copy of it is refused", async ({ page, console, problems }) => {
  problems.allow(/403 \(/);
  const { user, device } = await registered(page, console);
  await signOut(page);
  await device.recognises(false);
  const button = page.getByRole("button", { name: "Use a passkey" });
  await button.click();
  await expect(page.getByRole("alert")).toHaveText("Nothing was signed: it was cancelled, or took too long.");
  await device.recognises(true);
  await button.click();
  await page.waitForURL("/");
  await hydrated(page);
  await signOut(page);
  await device.countsBack();
  await button.click();
  await expect(page.getByRole("alert")).toContainText("somebody may have a copy of it");
  await signIn(page, user);
});

test("without scripts, and where a browser knows none, nothing is offered", async ({ browser, console }) => {
  const user = await console.user();
  const quiet = await browser.newContext({ baseURL: console.url, javaScriptEnabled: false });
  const page = await quiet.newPage();
  await page.goto("/sign-in");
  await expect(page.getByText("Use a passkey")).toBeHidden();
  await page.getByLabel("E-mail").fill(user.email);
  await page.getByLabel("Password").fill(user.password);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.goto(SECURITY);
  await expect(page.getByText("Registering one needs scripts in your browser.")).toBeVisible();
  await expect(page.getByText("Add a passkey")).toBeHidden();
  await quiet.close();

  const old = await browser.newContext({ baseURL: console.url });
  const there = await old.newPage();
  await there.addInitScript(() => Reflect.deleteProperty(window, "PublicKeyCredential"));
  await signIn(there, user);
  await open(there, SECURITY);
  await expect(there.getByText("This browser knows no passkeys.")).toBeVisible();
  await expect(there.getByText("Add a passkey")).toBeHidden();
  await old.close();
});

for (const theme of ["light", "dark"] as const) {
  for (const width of [360, 1280] as const) {
    test.describe(`${theme}, ${width} wide`, () => {
      test.use({ colorScheme: theme, viewport: { width, height: 900 }, reducedMotion: "reduce" });

      test("every page has nothing that axe finds, and fits", async ({ page, console, problems }) => {
        problems.allow(/401 \(/);
        const look = async (name: string) => {
          await page.screenshot({ path: `test-results/pictures/${name}-${theme}-${width}.png`, fullPage: true });
          const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
          expect(overflow, "sideways scrolling").toBeLessThanOrEqual(0);
          expect(await accessibilityFindings(page), name).toEqual([]);
        };
        await registered(page, console);
        await row(page, "Phone").getByText("Rename", { exact: true }).first().click();
        await look("passkeys-settings");
        await page.getByRole("button", { name: "Remove Phone" }).click();
        await expect(page.getByText("The passkey is removed")).toBeVisible();
        await hydrated(page);
        await signOut(page);
        await look("passkeys-sign-in");
        await page.getByRole("button", { name: "Use a passkey" }).click();
        await expect(page.getByRole("alert")).toBeVisible();
        await look("passkeys-refused");
      });
    });
  }
}
