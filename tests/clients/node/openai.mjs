// What users of the `openai` package for Node do.

import OpenAI from 'openai';
import { zodResponseFormat } from 'openai/helpers/zod';
import { z } from 'zod';

import { recipes as responses } from './openai_responses.mjs';
import { serve, told } from './recipes.mjs';

const Place = zodResponseFormat(z.object({ city: z.string(), country: z.string() }), 'place');

function connect(baseURL, options = {}) {
  return new OpenAI({ baseURL, apiKey: 'sk-made-up', maxRetries: 0, ...options });
}

function user(content) {
  return [{ role: 'user', content }];
}

async function remembers(baseURL) {
  const ann = connect(baseURL, { defaultHeaders: { 'X-User-Id': 'ann' } });
  await ann.chat.completions.create({ model: 'talks', messages: user('I live in Lisbon.') });
  const ways = {
    nobody: [{}, {}],
    'X-User-Id': [{}, { headers: { 'X-User-Id': 'ann' } }],
    user: [{ user: 'ann' }, {}],
    metadata: [{ metadata: { user_id: 'ann' } }, {}],
    safety_identifier: [{ safety_identifier: 'ann' }, {}],
  };
  const saw = {};
  for (const [way, [who, options]] of Object.entries(ways)) {
    const { data, response } = await connect(baseURL)
      .chat.completions.create(
        {
          model: 'talks',
          messages: user('Which city do I live in?'),
          memory: { mode: 'read' },
          ...who,
        },
        options,
      )
      .withResponse();
    saw[way] = {
      memory: response.headers.get('x-memory-status'),
      request_id: response.headers.get('x-request-id'),
      text: data.choices[0].message.content,
    };
  }
  return saw;
}

async function streams(baseURL) {
  const saw = {};
  for (const model of ['talks', 'thinks', 'quiet', 'slow']) {
    const stream = await connect(baseURL).chat.completions.create({
      model,
      messages: user('Which weather?'),
      stream: true,
      stream_options: { include_usage: true },
    });
    saw[model] = { text: '', reasoning: '', usage: null };
    for await (const chunk of stream) {
      saw[model].usage = chunk.usage?.total_tokens ?? null;
      saw[model].text += chunk.choices[0]?.delta.content ?? '';
      saw[model].reasoning += chunk.choices[0]?.delta.reasoning_content ?? '';
    }
  }
  return saw;
}

const tools = [
  {
    type: 'function',
    function: {
      name: 'get_weather',
      parse: JSON.parse,
      function: ({ city }) => `22 degrees in ${city}`,
      parameters: { type: 'object', properties: { city: { type: 'string' } } },
    },
  },
  {
    type: 'function',
    function: {
      name: 'get_time',
      parse: JSON.parse,
      function: ({ zone }) => `ten in ${zone}`,
      parameters: { type: 'object', properties: { zone: { type: 'string' } } },
    },
  },
];

async function usesTools(baseURL) {
  const saw = {};
  for (const [who, stream] of [['plain', false], ['streamed', true]]) {
    const client = connect(baseURL, { defaultHeaders: { 'X-User-Id': who } });
    await client.chat.completions.create({ model: 'talks', messages: user('I live in Lisbon.') });
    const runner = client.chat.completions.runTools({
      model: 'calls-tools',
      messages: user('What is the weather like where I live?'),
      tools,
      stream,
    });
    saw[who] = await runner.finalContent();
  }
  return saw;
}

async function parses(baseURL) {
  const chat = connect(baseURL).chat.completions;
  const ask = { messages: user('Where is Lisbon?'), response_format: Place };
  const message = async (model) =>
    (await chat.parse({ model, ...ask })).choices[0].message;
  const streamed = await chat.stream({ model: 'structured', ...ask }).finalChatCompletion();
  return {
    parsed: (await message('structured')).parsed,
    streamed: streamed.choices[0].message.parsed,
    refusal: (await message('refuses')).refusal,
    cut: await message('is-cut').catch((error) => error.constructor.name),
  };
}

async function fails(baseURL) {
  const saw = {};
  for (const status of [400, 401, 403, 404, 409, 422, 429, 500, 503]) {
    for (const stream of [false, true]) {
      const asking = connect(baseURL).chat.completions.create({
        model: `fails-${status}`,
        messages: user('Hello?'),
        stream,
      });
      const error = await asking.catch((thrown) => thrown);
      saw[`${status} ${stream ? 'streamed' : 'whole'}`] = {
        classes: [error.constructor.name],
        status: error.status,
        code: error.code,
        request_id: error.requestID,
        retry_after: error.headers.get('retry-after'),
      };
    }
  }
  return saw;
}

async function triesAgain(baseURL) {
  const client = connect(baseURL, { maxRetries: 1 });
  const answer = await client.chat.completions.create({ model: 'busy', messages: user('Hello?') });
  return answer.choices[0].message.content;
}

async function isCutOff(baseURL) {
  let text = '';
  try {
    const stream = await connect(baseURL).chat.completions.create({
      model: 'breaks',
      messages: user('Hello?'),
      stream: true,
    });
    for await (const chunk of stream) text += chunk.choices[0].delta.content ?? '';
  } catch (error) {
    return { text, class: error.constructor.name };
  }
  return { text, class: null };
}

async function leaves(baseURL) {
  const gone = new AbortController();
  const stream = await connect(baseURL).chat.completions.create(
    { model: 'stays', messages: user('Hello?'), stream: true },
    { signal: gone.signal },
  );
  for await (const _ of stream) gone.abort();

  const goneToo = new AbortController();
  const asking = connect(baseURL)
    .chat.completions.create(
      { model: 'waits', messages: user('Hello?') },
      { signal: goneToo.signal },
    )
    .catch((error) => error.constructor.name);
  await told();
  goneToo.abort();
  return await asking;
}

async function asksElsewhere(baseURL) {
  const client = connect(baseURL);
  const models = [];
  for await (const model of client.models.list()) models.push(model.id);
  const ask = { model: 'talks', prompt: 'Once' };
  let streamed = '';
  for await (const piece of await client.completions.create({ ...ask, stream: true })) {
    streamed += piece.choices[0].text;
  }
  const embed = { model: 'embeds', input: ['one', 'two'] };
  const vectors = await client.embeddings.create(embed); // asks for base64 by itself
  const packed = await client.embeddings.create({ ...embed, encoding_format: 'base64' });
  return {
    models,
    model: (await client.models.retrieve('org/model')).id,
    completion: (await client.completions.create(ask)).choices[0].text,
    'completion, streamed': streamed,
    vectors: vectors.data.map((item) => item.embedding),
    base64: packed.data.map((item) => item.embedding),
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
  ...responses,
});
