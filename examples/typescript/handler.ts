// Witness for tenantcheck: tells which execution environment served a request, only when a nonce was sent.
//
// Wrap your own handler, `export const handler = witnessed(async (event, context) => …)`, or use the one at the end. Or
// call arrived() in the first line of your own, before any check can end the call, and add witness() to its answer.
//
// Works behind an API Gateway REST proxy (nonce in the header x-tenantcheck-nonce or the query parameter
// tenantcheckNonce) and by direct Invoke (nonce in the payload's tenantcheckNonce). Where the function has the variable
// TENANTCHECK_KEY, only requests that bring that key are told anything (x-tenantcheck-key, tenantcheckKey).

import { createHash, randomUUID, timingSafeEqual } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const environmentId = randomUUID(); // made once per process, at module load
// Answering slowly makes requests overlap, so that one tenant needs several environments.
const holdMs = Number(process.env.TENANTCHECK_HOLD_MS ?? "50");
const ownKey = process.env.TENANTCHECK_KEY ?? "";
const kept = 32;

let count = 0;
let nonces: string[] = [];

interface Context {
  logStreamName: string;
  tenantId?: string;
}

interface Event {
  headers?: Record<string, string | undefined> | null;
  multiValueHeaders?: Record<string, string[] | undefined> | null;
  queryStringParameters?: Record<string, string | undefined> | null;
  requestContext?: unknown;
  tenantcheckNonce?: string;
  tenantcheckKey?: string;
}

type Handler = (event: Event, context: Context) => Promise<unknown>;

// The scratch directory (/tmp on Lambda) survives a crash of the process.
function remembered(name: string, initial: string): string {
  const file = join(tmpdir(), name);
  if (!existsSync(file)) {
    writeFileSync(file, initial);
  }
  return readFileSync(file, "utf8");
}

interface Arrival {
  nonce: string | undefined;
  count: number;
  memory: string[];
  scratch: string[];
}

// What came in this header, or under this name in the query or in the payload of an Invoke.
function sent(event: Event, header: string, name: "tenantcheckNonce" | "tenantcheckKey"): string | undefined {
  const headers = Object.entries({ ...event?.multiValueHeaders, ...event?.headers });
  const value = headers.find(([each]) => each.toLowerCase() === header)?.[1]?.toString();
  return value ?? event?.queryStringParameters?.[name] ?? event?.[name];
}

function equal(one: string, other: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(one), digest(other));
}

// Counts the request, and notes its nonce: to be called in the first line.
export function arrived(event: Event): Arrival {
  count += 1;
  const mayKnow = ownKey === "" || equal(sent(event, "x-tenantcheck-key", "tenantcheckKey") ?? "", ownKey);
  const nonce = mayKnow ? sent(event, "x-tenantcheck-nonce", "tenantcheckNonce") : undefined;
  const scratch = remembered("tenantcheck-nonces", "").split(" ").filter(Boolean);
  const arrival = { nonce, count, memory: nonces.slice(-kept), scratch: scratch.slice(-kept) };
  if (nonce) {
    nonces = [...nonces.slice(-kept), nonce];
    writeFileSync(join(tmpdir(), "tenantcheck-nonces"), [...scratch.slice(-kept), nonce].join(" "));
  }
  return arrival;
}

// Which environment this is, and what it still has of earlier requests.
export async function witness(arrival: Arrival, context: Context): Promise<Record<string, unknown>> {
  const answer = {
    executionEnvironmentId: environmentId,
    sandboxId: remembered("tenantcheck-sandbox-id", randomUUID()),
    logStreamName: context.logStreamName,
    invocationCount: arrival.count,
    tenantId: context.tenantId ?? null,
    nonce: arrival.nonce,
    residue: { memory: arrival.memory, scratch: arrival.scratch },
  };
  await sleep(holdMs);
  return answer;
}

// An answer in the form that API Gateway wants, where it asked.
function answered(event: Event, answer: unknown): unknown {
  if (event.requestContext === undefined) {
    return answer;
  }
  return {
    statusCode: 200,
    headers: { "content-type": "application/json" },
    body: JSON.stringify(answer),
  };
}

// Requests that bring a nonce are answered with the witness, all others by the handler inside.
export function witnessed(inner: Handler): Handler {
  return async (event, context) => {
    const arrival = arrived(event);
    if (arrival.nonce) {
      return answered(event, await witness(arrival, context));
    }
    return inner(event, context);
  };
}

export const handler = witnessed(async (event) => answered(event, { ok: true }));
