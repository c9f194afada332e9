// Witness handler: tells which execution environment served a request, only when a nonce was sent.
//
// Works behind an API Gateway REST proxy (nonce in the header x-tenantcheck-nonce or the query parameter
// tenantcheckNonce) and by direct Invoke (nonce in the payload's tenantcheckNonce). Paste it; or call arrived() in the
// first line of your own handler, before any check can end the call, and answer with witness().

import { randomUUID } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const environmentId = randomUUID(); // made once per process, at module load
// Answering slowly makes requests overlap, so that one tenant needs several environments.
const holdMs = Number(process.env.TENANTCHECK_HOLD_MS ?? "50");
const kept = 32;

let count = 0;
let nonces: string[] = [];

interface Context {
  logStreamName: string;
  tenantId?: string;
}

interface Event {
  headers?: Record<string, string | undefined> | null;
  queryStringParameters?: Record<string, string | undefined> | null;
  requestContext?: unknown;
  tenantcheckNonce?: string;
}

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

// Call this in the first line of a handler: it counts, and notes the nonce, before any check can end the call.
export function arrived(event: Event): Arrival {
  count += 1;
  const headers = Object.entries(event.headers ?? {});
  const sent = headers.find(([name]) => name.toLowerCase() === "x-tenantcheck-nonce")?.[1];
  const nonce = sent ?? event.queryStringParameters?.tenantcheckNonce ?? event.tenantcheckNonce;
  const scratch = remembered("tenantcheck-nonces", "").split(" ").filter(Boolean);
  const arrival = { nonce, count, memory: nonces.slice(-kept), scratch: scratch.slice(-kept) };
  if (nonce) {
    nonces = [...nonces.slice(-kept), nonce];
    writeFileSync(join(tmpdir(), "tenantcheck-nonces"), [...scratch.slice(-kept), nonce].join(" "));
  }
  return arrival;
}

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

export async function handler(event: Event, context: Context): Promise<unknown> {
  const arrival = arrived(event);
  const answer = arrival.nonce ? await witness(arrival, context) : { ok: true };
  if (event.requestContext === undefined) {
    return answer;
  }
  return {
    statusCode: 200,
    headers: { "content-type": "application/json" },
    body: JSON.stringify(answer),
  };
}
