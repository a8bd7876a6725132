// What users of the Vercel AI SDK do, with `@ai-sdk/openai-compatible`.

import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { embedMany, generateText, Output, stepCountIs, streamText, tool } from 'ai';
import { z } from 'zod';

import { serve, told } from './recipes.mjs';

globalThis.AI_SDK_LOG_WARNINGS = false;

const Place = Output.object({ schema: z.object({ city: z.string(), country: z.string() }) });

function connect(baseURL, options = {}) {
  return createOpenAICompatible({
    name: 'gateway',
    baseURL,
    apiKey: 'sk-made-up',
    includeUsage: true,
    supportsStructuredOutputs: true,
    ...options,
  });
}

async function remembers(baseURL) {
  const ann = connect(baseURL, { headers: { 'X-User-Id': 'ann' } });
  await generateText({ model: ann('talks'), prompt: 'I live in Lisbon.' });
  const ways = {
    nobody: {},
    'X-User-Id': { headers: { 'X-User-Id': 'ann' } },
    user: { providerOptions: { gateway: { user: 'ann' } } },
    metadata: { providerOptions: { gateway: { metadata: { user_id: 'ann' } } } },
    safety_identifier: { providerOptions: { gateway: { safety_identifier: 'ann' } } },
  };
  const saw = {};
  for (const [way, who] of Object.entries(ways)) {
    const { text, response } = await generateText({
      model: connect(baseURL, { headers: { 'X-Memory': 'read' } })('talks'),
      prompt: 'Which city do I live in?',
      ...who,
    });
    saw[way] = {
      memory: response.headers['x-memory-status'],
      request_id: response.headers['x-request-id'],
      text,
    };
  }
  return saw;
}

async function streams(baseURL) {
  const saw = {};
  for (const name of ['talks', 'thinks', 'quiet', 'slow']) {
    const stream = streamText({ model: connect(baseURL)(name), prompt: 'Which weather?' });
    saw[name] = {
      text: await stream.text,
      reasoning: (await stream.reasoningText) ?? '',
      usage: (await stream.usage).totalTokens,
    };
  }
  return saw;
}

const tools = {
  get_weather: tool({
    inputSchema: z.object({ city: z.string() }),
    execute: async ({ city }) => `22 degrees in ${city}`,
  }),
  get_time: tool({
    inputSchema: z.object({ zone: z.string() }),
    execute: async ({ zone }) => `ten in ${zone}`,
  }),
};

async function usesTools(baseURL) {
  const saw = {};
  for (const [who, ask] of [['plain', generateText], ['streamed', streamText]]) {
    const gateway = connect(baseURL, { headers: { 'X-User-Id': who } });
    await generateText({ model: gateway('talks'), prompt: 'I live in Lisbon.' });
    const answer = await ask({
      model: gateway('calls-tools'),
      prompt: 'What is the weather like where I live?',
      tools,
      stopWhen: stepCountIs(5),
    });
    saw[who] = await answer.text;
  }
  return saw;
}

async function parses(baseURL) {
  const ask = (name) => ({
    model: connect(baseURL)(name),
    prompt: 'Where is Lisbon?',
    output: Place,
  });
  const failed = async (name) => {
    try {
      return (await generateText(ask(name))).output;
    } catch (error) {
      return error.name;
    }
  };
  return {
    parsed: (await generateText(ask('structured'))).output,
    streamed: await streamText(ask('structured')).output,
    refusal: await failed('refuses'),
    cut: await failed('is-cut'),
  };
}

// A stream's errors are handed to `onError`, and the promises that it leaves behind reject too.
async function streamed(model) {
  let text = '';
  let error = null;
  const stream = streamText({
    model,
    prompt: 'Hello?',
    maxRetries: 0,
    onError: (told) => { error = told.error; },
  });
  for await (const piece of stream.textStream) text += piece;
  return { text, error };
}

async function fails(baseURL) {
  const saw = {};
  for (const status of [400, 401, 403, 404, 409, 422, 429, 500, 503]) {
    const model = connect(baseURL)(`fails-${status}`);
    const whole = await generateText({ model, prompt: 'Hello?', maxRetries: 0 }).catch((e) => e);
    for (const [how, error] of [['whole', whole], ['streamed', (await streamed(model)).error]]) {
      saw[`${status} ${how}`] = {
        classes: [error.name],
        status: error.statusCode,
        code: error.data.error.code,
        request_id: error.responseHeaders['x-request-id'],
        retry_after: error.responseHeaders['retry-after'],
      };
    }
  }
  return saw;
}

async function triesAgain(baseURL) {
  const model = connect(baseURL)('busy');
  return (await generateText({ model, prompt: 'Hello?', maxRetries: 1 })).text;
}

async function isCutOff(baseURL) {
  const { text, error } = await streamed(connect(baseURL)('breaks'));
  return { text, class: error && (error.name ?? error.type) };
}

async function leaves(baseURL) {
  const gone = new AbortController();
  const stream = streamText({
    model: connect(baseURL)('stays'),
    prompt: 'Hello?',
    abortSignal: gone.signal,
  });
  for await (const _ of stream.textStream) gone.abort();

  const goneToo = new AbortController();
  const asking = generateText({
    model: connect(baseURL)('waits'),
    prompt: 'Hello?',
    abortSignal: goneToo.signal,
  }).catch((error) => error.name);
  await told();
  goneToo.abort();
  return await asking;
}

async function asksElsewhere(baseURL) {
  const gateway = connect(baseURL);
  const complete = { model: gateway.completionModel('talks'), prompt: 'Once' };
  const vectors = await embedMany({
    model: gateway.textEmbeddingModel('embeds'),
    values: ['one', 'two'],
  });
  return {
    completion: (await generateText(complete)).text,
    'completion, streamed': await streamText(complete).text,
    vectors: vectors.embeddings,
  };
}

await serve({
  remembers,
  streams,
  'uses tools': usesTools,
  parses,
  fails,
  'tries again': triesAgain,
  'is cut off': isCutOff,
  leaves,
  'asks elsewhere': asksElsewhere,
});
