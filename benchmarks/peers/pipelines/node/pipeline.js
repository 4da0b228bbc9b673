// A webhook pipeline as one writes it by hand in Node: ingest, worker or recorder, by the argument.
//
// ingest: HTTP in, a persistent message for each event on a quorum queue, 202 after the confirms.
// worker: POSTs each event to the registry's webhooks, publishes a result for each POST, acks after.
// recorder: writes results to SQLite in batches, acks after the commit.
"use strict";

const http = require("node:http");
const { timingSafeEqual, createHash } = require("node:crypto");
const amqp = require("amqplib");

const EVENTS = "hand.events";
const RESULTS = "hand.results";
const UNDER_WAY = 64;
const BATCH_SIZE = 500;
const BATCH_WAIT_MS = 100;
const MAX_BODY = 4 << 20;
const TIMEOUT_MS = 30_000;
const { HAND_AMQP_URL, HAND_BIND, HAND_TOKEN, HAND_HOOKS, HAND_DATABASE } = process.env;

function fail(error) {
  console.error(error);
  process.exit(1);
}

async function open(confirms) {
  const connection = await amqp.connect(HAND_AMQP_URL, { noDelay: true });
  connection.on("error", fail);
  connection.on("close", () => fail("the broker closed the connection"));
  const channel = await (confirms ? connection.createConfirmChannel() : connection.createChannel());
  for (const name of [EVENTS, RESULTS]) {
    await channel.assertQueue(name, { durable: true, arguments: { "x-queue-type": "quorum" } });
  }
  return channel;
}

function publish(channel, queue, content, type) {
  const options = { persistent: true, mandatory: true, contentType: "application/json", type };
  return new Promise((resolve, reject) => {
    channel.sendToQueue(queue, content, options, (error) => (error ? reject(error) : resolve()));
  });
}

async function readBody(request) {
  const parts = [];
  let size = 0;
  for await (const part of request) {
    size += part.length;
    if (size > MAX_BODY) throw Object.assign(new Error("too large"), { status: 413 });
    parts.push(part);
  }
  return Buffer.concat(parts);
}

function readEvents(body) {
  let document;
  try {
    document = JSON.parse(body);
  } catch (error) {
    throw Object.assign(error, { status: 400 });
  }
  const events = Array.isArray(document) ? document : document.events;
  if (!Array.isArray(events) || events.some((event) => !event?.id)) {
    throw Object.assign(new Error("an event has no id"), { status: 400 });
  }
  return events;
}

async function ingest() {
  const channel = await open(true);
  const digest = (text) => createHash("sha256").update(text).digest();
  const token = digest(`Bearer ${HAND_TOKEN}`);

  async function accept(request) {
    // POST /registries/NAME/events
    const parts = request.url.split("/");
    if (parts.length !== 4 || parts[3] !== "events") return [404, "not found"];
    if (request.method !== "POST") return [405, "POST only"];
    if (!timingSafeEqual(digest(request.headers.authorization ?? ""), token)) {
      return [401, "wrong token"];
    }
    const events = readEvents(await readBody(request));
    await Promise.all(
      events.map((event) => publish(channel, EVENTS, Buffer.from(JSON.stringify(event)), parts[2])),
    );
    return [202, ""];
  }

  const [host, port] = HAND_BIND.split(":");
  http
    .createServer({ keepAliveTimeout: 60_000 }, async (request, response) => {
      const [status, text] = await accept(request).catch((error) => [error.status ?? 503, error.message]);
      response.writeHead(status, { "content-length": Buffer.byteLength(text) });
      response.end(text);
    })
    .listen(Number(port), host);
}

async function work() {
  const { Agent, request } = require("undici");
  const hooks = JSON.parse(HAND_HOOKS);
  const timeouts = { headersTimeout: TIMEOUT_MS, bodyTimeout: TIMEOUT_MS };
  const dispatcher = new Agent({ connections: 10 * UNDER_WAY, pipelining: 1, ...timeouts });
  const headers = { "content-type": "application/json" };
  const [channel, results] = [await open(false), await open(true)];
  await channel.prefetch(UNDER_WAY);

  async function post(eventId, content, webhook) {
    const [startedMs, began] = [Date.now(), process.hrtime.bigint()];
    const made = { event_id: eventId, webhook, status: 0, error: "", started_ms: startedMs, answer: "" };
    try {
      const response = await request(webhook, { dispatcher, method: "POST", headers, body: content });
      made.status = response.statusCode;
      made.answer = (await response.body.text()).slice(0, 16 << 10);
    } catch (error) {
      made.error = String(error.message);
    }
    made.duration_us = Number((process.hrtime.bigint() - began) / 1000n);
    return made;
  }

  async function deliver(message) {
    const { id } = JSON.parse(message.content);
    const made = (hooks[message.properties.type] ?? []).map(async (webhook) => {
      const result = await post(id, message.content, webhook);
      await publish(results, RESULTS, Buffer.from(JSON.stringify(result)));
    });
    await Promise.all(made);
    channel.ack(message);
  }

  await channel.consume(EVENTS, (message) => deliver(message).catch(fail));
}

async function record() {
  const database = require("better-sqlite3")(HAND_DATABASE);
  database.pragma("journal_mode = WAL");
  database.pragma("synchronous = NORMAL");
  database.exec(`CREATE TABLE IF NOT EXISTS results (id INTEGER PRIMARY KEY, event_id TEXT,
    webhook TEXT, status INTEGER, error TEXT, started_ms INTEGER, duration_us INTEGER, answer TEXT);
    CREATE INDEX IF NOT EXISTS results_by_webhook ON results (webhook, started_ms)`);
  const insert = database.prepare(`INSERT INTO results
    (event_id, webhook, status, error, started_ms, duration_us, answer)
    VALUES (@event_id, @webhook, @status, @error, @started_ms, @duration_us, @answer)`);
  const write = database.transaction((batch) => {
    for (const message of batch) insert.run(JSON.parse(message.content));
  });
  const channel = await open(false);
  await channel.prefetch(2 * BATCH_SIZE);
  let [batch, timer] = [[], null];

  function flush() {
    clearTimeout(timer);
    const written = batch;
    [batch, timer] = [[], null];
    write(written);
    channel.ack(written.at(-1), true);
  }

  await channel.consume(RESULTS, (message) => {
    batch.push(message);
    if (batch.length >= BATCH_SIZE) flush();
    else timer ??= setTimeout(flush, BATCH_WAIT_MS);
  });
}

({ ingest, worker: work, recorder: record })[process.argv[2]]().catch(fail);
