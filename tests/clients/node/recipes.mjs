// Serves a client's recipes to a test: a line with a recipe's name in, a line with what it saw out.
// A recipe that waits for `told` gets one more line in the meantime.

import { createInterface } from 'node:readline';

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

export async function serve(recipes) {
  for (let line = await lines.next(); !line.done; line = await lines.next()) {
    const { recipe, base_url } = JSON.parse(line.value);
    let saw;
    try {
      saw = { saw: (await recipes[recipe](base_url)) ?? null };
    } catch (error) {
      saw = { raised: error.stack };
    }
    process.stdout.write(`${JSON.stringify(saw)}\n`);
  }
}

// Wait for the test to say that the moment has come.
export async function told() {
  await lines.next();
}
