// The worked examples (../examples), and a player that acts them out on a real server in real time.

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect } from "@playwright/test";
import type { Console, User } from "./console";

/** Available, held and owed, in credits. */
export type Stands = [string, string, string];

/** ../examples/README.md says what each word means. */
export type Step = {
  grant?: string;
  credits?: string;
  kind?: string;
  priority?: number;
  from_s?: number;
  until_s?: number;
  charge?: string;
  of?: string;
  quantity?: string;
  owe?: boolean;
  ahead_s?: number;
  from_month_us?: number;
  hold?: string;
  lasts_s?: number;
  settle?: string;
  over?: boolean;
  release?: string;
  correct?: string;
  back?: string;
  void?: string;
  pass_s?: number;
  costs?: string;
  missing?: string;
  price?: string;
  paid?: string;
  stands: Stands;
};

export type Example = {
  what: string;
  by_hand: string[];
  not_in_browser?: string;
  steps: Step[];
  left: Record<string, string>;
  expired?: Record<string, string>;
  voided?: Record<string, string>;
  books?: string[];
};

type Tiers = { tiers: { up_to?: number; credits_per_unit: number }[] };
type Pricing = { flat: { credits_per_unit: number } } | { graduated: Tiers } | { volume: Tiers } | { package: { size: number; credits_per_package: number } };
type Price = { operation: string; unit: string; rounding: string; minimum?: number; pricing: "free" | Pricing };

const FILES = ["prices", "rounding", "burn-order", "holds", "debt", "corrections"];
const DEBT_LIMIT = "50";
/** A new price list must leave a minute; the rest is for slow machines. */
const NOTICE_MS = 75_000;
/** Operations that the price list of a new server has at the same price. */
const FROM_THE_START = ["account.read", "deployment.hour"];
const PATIENCE_MS = 20_000;

function read<T>(file: string): T {
  return JSON.parse(readFileSync(resolve(import.meta.dirname, `../examples/${file}.json`), "utf8")) as T;
}

export const examples: Example[] = FILES.flatMap((file) => read<Example[]>(file));

/** A server with the examples' prices, and a service that may do everything. */
export class Stage {
  private constructor(
    readonly console: Console,
    readonly key: string,
    private readonly pricesFrom: number,
  ) {}

  static async of(console: Console): Promise<Stage> {
    const from = Date.now() + NOTICE_MS;
    await console.importRateCard(toml(read<Price[]>("rate-card"), new Date(from)));
    const scopes = ["--scopes", "check,charge,hold,correct", "--debt-limit", DEBT_LIMIT];
    const { key } = await console.command<{ key: string }>("service-key", "create", "--name", "examples", ...scopes);
    return new Stage(console, key, from);
  }

  /** When an event of this step happened; undefined for now. Events may lie ahead by five minutes: so prices to come can be tried. */
  happened(step: Step): string | undefined {
    if (step.from_month_us !== undefined) {
      const now = new Date();
      return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth()) + step.from_month_us / 1_000).toISOString();
    }
    if (FROM_THE_START.includes(step.of ?? "")) return undefined;
    return new Date(this.pricesFrom + (step.ahead_s ?? 1) * 1_000).toISOString();
  }

  async post(path: string, body: unknown): Promise<{ status: number; body: Answer }> {
    const response = await fetch(`http://127.0.0.1:${this.console.port}${path}`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${this.key}` },
      body: JSON.stringify(body),
    });
    return { status: response.status, body: (await response.json()) as Answer };
  }
}

type Answer = { event_id: string; hold_id: string; credits: number; balance: number; error: { details: { missing: number } } };

/** An example that has been played, and the ids that came of it. */
export class Played {
  /** By the name of the event. */
  readonly events = new Map<string, string>();
  private readonly grants = new Map<string, string>();
  private readonly holds = new Map<string, string>();

  private constructor(
    private readonly stage: Stage,
    readonly user: User,
    readonly example: Example,
  ) {}

  static async on(stage: Stage, example: Example): Promise<Played> {
    const play = new Played(stage, await stage.console.user(), example);
    for (const [place, step] of example.steps.entries()) {
      await play.step(step, `${example.what}: step ${place + 1}`);
    }
    return play;
  }

  private async step(step: Step, what: string): Promise<void> {
    if (step.grant !== undefined) return this.grant(step.grant, step);
    if (step.charge !== undefined) return this.charge(step.charge, step, what);
    if (step.hold !== undefined) return this.hold(step.hold, step, what);
    if (step.settle !== undefined) {
      const asked = { quantity: step.quantity, allow_over: step.over === true };
      return this.closed(step.settle, await this.stage.post(`/usage/holds/${this.holds.get(step.settle)}/settle`, asked), step, what);
    }
    if (step.release !== undefined) {
      const { body } = await this.stage.post(`/usage/holds/${this.holds.get(step.release)}/release`, {});
      expect([body.credits, body.balance], what).toEqual([Number(step.back), Number(step.stands[0])]);
      return;
    }
    if (step.correct !== undefined) return this.correct(step.correct, step, what);
    if (step.void !== undefined) {
      await this.stage.console.command("grant", "void", "--id", this.grants.get(step.void) ?? "", "--reason", "taken back");
      return;
    }
    await expect.poll(() => this.balance(), { message: what, timeout: PATIENCE_MS, intervals: [100] }).toBe(Number(step.stands[0]));
  }

  private async grant(name: string, step: Step): Promise<void> {
    const at = (seconds: number) => new Date(Date.now() + seconds * 1_000).toISOString();
    const more: string[] = [];
    if (step.priority !== undefined) more.push("--priority", String(step.priority));
    if (step.from_s !== undefined) more.push("--effective-at", at(step.from_s));
    if (step.until_s !== undefined) more.push("--expires-at", at(step.until_s));
    const given = ["--email", this.user.email, "--credits", step.credits ?? "", "--kind", step.kind ?? "promo", "--reason", name];
    const { grant_id } = await this.stage.console.command<{ grant_id: string }>("grant", ...given, ...more);
    this.grants.set(name, grant_id);
  }

  private async charge(id: string, step: Step, what: string): Promise<void> {
    const happened = this.stage.happened(step);
    const report = { ...this.report(id, step), ...(happened && { occurred_at: happened }), ...(step.owe && { on_insufficient: "debt" }) };
    this.closed(id, await this.stage.post("/usage/events", report), step, what);
  }

  private async hold(id: string, step: Step, what: string): Promise<void> {
    const asked = { ...this.report(id, step), ...(step.lasts_s !== undefined && { expires_in_s: step.lasts_s }) };
    const answer = await this.stage.post("/usage/holds", asked);
    this.judge(answer, step, what);
    this.holds.set(id, answer.body.hold_id);
  }

  private async correct(id: string, step: Step, what: string): Promise<void> {
    const asked = { id: `to-${step.quantity}`, quantity: step.quantity, reason: "counted twice" };
    this.judge(await this.stage.post(`/usage/events/${this.user.user_id}/${id}/corrections`, asked), step, what);
  }

  private closed(id: string, answer: { status: number; body: Answer }, step: Step, what: string): void {
    this.judge(answer, step, what);
    if (answer.status === 200) this.events.set(id, answer.body.event_id);
  }

  private judge({ status, body }: { status: number; body: Answer }, step: Step, what: string): void {
    if (step.missing !== undefined) {
      expect([status, body.error?.details.missing], what).toEqual([402, Number(step.missing)]);
    } else {
      expect([status, body.credits, body.balance], `${what} ${JSON.stringify(body)}`).toEqual([200, Number(step.costs), Number(step.stands[0])]);
    }
  }

  private async balance(): Promise<number> {
    const { body } = await this.stage.post("/usage/check", { user_id: this.user.user_id, operation: "account.read", quantity: 0 });
    return body.balance;
  }

  /** Ids are unique within their source; a source for each user keeps the examples apart. */
  private report(id: string, step: Step) {
    const { user_id } = this.user;
    return { id, source: user_id, user_id, operation: step.of, quantity: step.quantity };
  }
}

/** The prices as `rate-card import` reads them. */
function toml(prices: Price[], from: Date): string {
  const price = ({ operation, unit, rounding, minimum, pricing }: Price) => {
    const least = minimum === undefined ? "" : `minimum = "${minimum}"\n`;
    return `[[price]]\noperation = "${operation}"\nunit = "${unit}"\nrounding = "${rounding}"\n${least}${kind(pricing)}\n`;
  };
  return `effective_from = "${from.toISOString()}"\n${prices.map(price).join("\n")}`;
}

function kind(pricing: "free" | Pricing): string {
  if (pricing === "free") return "free = true";
  if ("flat" in pricing) return `credits_per_unit = "${pricing.flat.credits_per_unit}"`;
  if ("graduated" in pricing) return `graduated = ${steps(pricing.graduated)}`;
  if ("volume" in pricing) return `volume = ${steps(pricing.volume)}`;
  return `package = { units = "${pricing.package.size}", credits = "${pricing.package.credits_per_package}" }`;
}

function steps({ tiers }: Tiers): string {
  const tier = ({ up_to, credits_per_unit }: Tiers["tiers"][number]) =>
    `{ ${up_to === undefined ? "" : `up_to = "${up_to}", `}credits_per_unit = "${credits_per_unit}" }`;
  return `[${tiers.map(tier).join(", ")}]`;
}
