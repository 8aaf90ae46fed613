// `/openapi.json` and `/docs`: valid by the official schema of OpenAPI, readable without scripts, and what the page shows is
// what the tests of the server run.

import { Validator } from "@seriousme/openapi-schema-validator";
import { accessibilityFindings, expect, test } from "../support/test";

type Operation = { operationId: string; "x-codeSamples": { label: string; source: string }[] };
type Description = { openapi: string; paths: Record<string, Record<string, Operation>>; "x-base": string };

test("the description is valid by the official schema of OpenAPI 3.1", async ({ console }) => {
  const description = (await (await fetch(`http://127.0.0.1:${console.port}/openapi.json`)).json()) as Description;
  const validator = new Validator();
  const { valid, errors } = await validator.validate(structuredClone(description));
  expect(errors).toBeUndefined();
  expect(valid).toBe(true);
  expect(validator.version).toBe("3.1");
});

test("the reference shows every operation with the examples that are tested", async ({ page, console }) => {
  const description = (await (await fetch(`http://127.0.0.1:${console.port}/openapi.json`)).json()) as Description;
  const loaded: string[] = [];
  page.on("request", (request) => loaded.push(new URL(request.url()).pathname));
  await page.goto("/docs");
  expect(loaded.filter((path) => /\.(js|wasm)$/.test(path)), "it needs no script").toEqual([]);
  const shown = await page.locator(".operation").evaluateAll((sections) =>
    sections.map((section) => [section.id, [...section.querySelectorAll(".samples pre")].map((pre) => pre.textContent)] as const),
  );
  const by_name = new Map(shown);
  let count = 0;
  for (const operation of Object.values(description.paths).flatMap((methods) => Object.values(methods))) {
    const sources = operation["x-codeSamples"].map(({ source }) => source.replaceAll(description["x-base"], console.url));
    expect(by_name.get(operation.operationId), operation.operationId).toEqual(sources);
    count += 1;
  }
  expect(by_name.size).toBe(count);
  await page.getByRole("link", { name: "Report what was done" }).first().click();
  await expect(page.locator("#report_usage")).toBeInViewport();
});

test("an example is shown in one language at a time, also without scripts", async ({ browser, console }) => {
  const context = await browser.newContext({ baseURL: console.url, javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto("/docs#get_user");
  const section = page.locator("#get_user");
  await expect(section.locator(".samples pre:visible")).toHaveText(/^curl /);
  await section.getByText("Python", { exact: true }).click();
  await expect(section.locator(".samples pre:visible")).toHaveText(/urllib/);
  await expect(section.locator(".samples pre:visible")).toHaveCount(1);
  await context.close();
});

for (const theme of ["light", "dark"] as const) {
  for (const width of [360, 1280] as const) {
    test.describe(`${theme}, ${width} wide`, () => {
      test.use({ colorScheme: theme, viewport: { width, height: 900 }, reducedMotion: "reduce" });

      test("the reference has nothing that axe finds and does not scroll sideways", async ({ page }) => {
        await page.goto("/docs");
        for (const details of await page.locator("#report_usage details").all()) await details.locator("summary").click();
        const sideways = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        expect(sideways).toBe(0);
        expect(await accessibilityFindings(page)).toEqual([]);
        await page.screenshot({ path: test.info().outputPath(`docs-${theme}-${width}.png`) });
        await page.locator("#report_usage").scrollIntoViewIfNeeded();
        await page.locator("#report_usage").screenshot({ path: test.info().outputPath(`docs-operation-${theme}-${width}.png`) });
      });
    });
  }
}
