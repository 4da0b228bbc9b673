// Node: amqplib and an undici pool; as many deliveries under way as are prefetched.
"use strict";

const amqp = require("amqplib");
const { Pool } = require("undici");

const { BENCH_AMQP_URL, BENCH_SINK_URL, BENCH_QUEUE, BENCH_RESULTS } = process.env;
const prefetch = Number(process.env.BENCH_PREFETCH);
const connections = Number(process.env.BENCH_CONCURRENCY);
const target = new URL(BENCH_SINK_URL);
const pool = new Pool(target.origin, { connections, pipelining: 1 });
const headers = { "content-type": "application/json" };

async function main() {
  const consuming = await amqp.connect(BENCH_AMQP_URL, { noDelay: true });
  const publishing = await amqp.connect(BENCH_AMQP_URL, { noDelay: true });
  const channel = await consuming.createChannel();
  const results = await publishing.createConfirmChannel();
  await channel.prefetch(prefetch);

  async function handle(message) {
    const { statusCode, body } = await pool.request({
      path: target.pathname, method: "POST", headers, body: message.content,
    });
    await body.dump();
    const { id } = JSON.parse(message.content);
    const result = Buffer.from(JSON.stringify({ id, status: statusCode }));
    results.sendToQueue(BENCH_RESULTS, result, { persistent: true }, (error) => {
      if (error) throw error;
      channel.ack(message);
    });
  }

  await channel.consume(BENCH_QUEUE, handle);
}

main();
