// CloudEvents as the official SDK sends them. No browser: what a platform service does, over HTTP.

import { CONSTANTS, CloudEvent, HTTP } from "cloudevents";
import type { Charged, Console, User } from "../support/console";
import { expect, test } from "../support/test";

/** One prediction (0.1 credits), with a dimension of each type. */
function prediction(id: string, user: User, time: string): CloudEvent<Record<string, unknown>> {
  return new CloudEvent({
    id,
    source: `/services/${user.user_id}`,
    type: "model.prediction",
    subject: user.user_id,
    time,
    datacontenttype: "application/json",
    data: { quantity: 1, model: "churn", tokens: 7, cached: true },
    // An extension of somebody on the way; it changes nothing.
    traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
  });
}

/** The same in the console's own form. */
function native(event: CloudEvent<Record<string, unknown>>): object {
  return {
    id: event.id,
    source: event.source,
    user_id: event.subject,
    operation: event.type,
    quantity: 1,
    occurred_at: event.time,
    dimensions: { model: "churn", tokens: "7", cached: "true" },
  };
}

async function post<T>(console: Console, key: string, headers: Record<string, string>, body: string): Promise<{ status: number; body: T }> {
  const response = await fetch(`http://127.0.0.1:${console.port}/usage/events`, {
    method: "POST",
    headers: { ...headers, authorization: `Bearer ${key}` },
    body,
  });
  return { status: response.status, body: (await response.json()) as T };
}

const JSON_HEADERS = { "content-type": "application/json" };

/** An hour ago: within what may still be booked, whenever this runs. */
const recently = () => new Date(Date.now() - 3_600_000).toISOString();

test("an event of the SDK is charged once, and its native form is the same event", async ({ console }) => {
  const [user, key] = [await console.user(), await console.serviceKey()];
  const event = prediction("one", user, recently());
  const message = HTTP.structured(event);
  const headers = message.headers as Record<string, string>;
  const first = await post<Charged>(console, key, headers, message.body as string);
  expect(first).toMatchObject({ status: 200, body: { credits: 0.1, balance: 99.9, replayed: false } });

  const again = await post<Charged>(console, key, headers, message.body as string);
  expect(again).toEqual({ status: 200, body: { ...first.body, replayed: true } });
  const own = await post<Charged>(console, key, JSON_HEADERS, JSON.stringify(native(event)));
  expect(own).toEqual(again);
});

test("a batch of SDK events is charged, those of the native form are replays", async ({ console }) => {
  const [user, key] = [await console.user(), await console.serviceKey()];
  const events = ["a", "b", "c"].map((id) => prediction(id, user, recently()));
  const known = await post<Charged>(console, key, JSON_HEADERS, JSON.stringify(native(events[0]!)));
  expect(known).toMatchObject({ status: 200, body: { replayed: false } });

  // The SDK reads batches and leaves writing them to JSON.
  const headers = { "content-type": CONSTANTS.MIME_CE_BATCH };
  const batch = await post<{ results: Charged[] }>(console, key, headers, JSON.stringify(events));
  expect(batch).toMatchObject({ status: 200, body: { accepted: 2, replayed: 1, rejected: 0 } });
  const natives = await post<{ results: Charged[] }>(console, key, JSON_HEADERS, JSON.stringify(events.map(native)));
  expect(natives).toMatchObject({ status: 200, body: { accepted: 0, replayed: 3, rejected: 0 } });
  expect(natives.body.results.map((one) => one.event_id)).toEqual(batch.body.results.map((one) => one.event_id));
});

test("what the SDK sends otherwise is refused in words of CloudEvents", async ({ console }) => {
  const [user, key] = [await console.user(), await console.serviceKey()];
  const binary = HTTP.binary(prediction("binary", user, recently()));
  const refused = await post<Refused>(console, key, binary.headers as Record<string, string>, binary.body as string);
  expect(refused).toMatchObject({ status: 415, body: { error: { message: expect.stringContaining("binary mode") } } });

  const late = HTTP.structured(prediction("late", user, "2020-01-01T00:00:00.000Z"));
  const old = await post<Refused>(console, key, late.headers as Record<string, string>, late.body as string);
  expect(old).toMatchObject({ status: 422, body: { error: { details: { time: expect.any(String) } } } });
});

type Refused = { error: { message: string; details?: Record<string, string> } };
