// What users of the `openai` package for Node do with its Responses API.

import OpenAI from 'openai';
import { zodTextFormat } from 'openai/helpers/zod';
import { z } from 'zod';

import { told } from './recipes.mjs';

const Place = zodTextFormat(z.object({ city: z.string(), country: z.string() }), 'place');
const QUESTION = 'What is the weather like where I live?';

function connect(baseURL, who) {
  return new OpenAI({
    baseURL,
    apiKey: 'sk-made-up',
    maxRetries: 0,
    defaultHeaders: { 'X-User-Id': who },
  });
}

async function remembers(baseURL) {
  const client = connect(baseURL, 'ann');
  await client.chat.completions.create({
    model: 'talks',
    messages: [{ role: 'user', content: 'I live in Lisbon.' }],
  });
  const { data, response } = await client.responses
    .create({ model: 'talks', input: 'Which city do I live in?' })
    .withResponse();
  const stream = client.responses.stream({
    model: 'quiet',
    input: 'And in which country?',
    previous_response_id: data.id,
  });
  const kinds = new Set();
  for await (const event of stream) kinds.add(event.type);
  const last = await stream.finalResponse();
  return {
    memory: response.headers.get('x-memory-status'),
    request_id: response.headers.get('x-request-id'),
    text: data.output_text,
    streamed: last.output_text,
    usage: last.usage.total_tokens,
    whole: kinds.has('response.completed'),
  };
}

async function parses(baseURL) {
  const { responses } = connect(baseURL, 'ann');
  const ask = { input: 'Where is Lisbon?', text: { format: Place } };
  const streamed = await responses.stream({ model: 'structured', ...ask }).finalResponse();
  return {
    parsed: (await responses.parse({ model: 'structured', ...ask })).output_parsed,
    streamed: streamed.output_parsed,
    refusal: (await responses.parse({ model: 'refuses', ...ask })).output[0].content[0].refusal,
  };
}

const tools = [['get_weather', 'city'], ['get_time', 'zone']].map(([name, argument]) => ({
  type: 'function',
  name,
  strict: true,
  parameters: {
    type: 'object',
    properties: { [argument]: { type: 'string' } },
    required: [argument],
    additionalProperties: false,
  },
}));

const functions = {
  get_weather: ({ city }) => `22 degrees in ${city}`,
  get_time: ({ zone }) => `ten in ${zone}`,
};

function answersTo(response) {
  return response.output
    .filter((item) => item.type === 'function_call')
    .map((call) => ({
      type: 'function_call_output',
      call_id: call.call_id,
      output: functions[call.name](JSON.parse(call.arguments)),
    }));
}

// What the tools gave back alone, after the response that asked for it.
async function stepByStep(client) {
  let response = await client.responses.create({ model: 'calls-tools', input: QUESTION, tools });
  for (let outputs = answersTo(response); outputs.length; outputs = answersTo(response)) {
    response = await client.responses.create({
      model: 'calls-tools',
      input: outputs,
      previous_response_id: response.id,
      tools,
    });
  }
  return response.output_text;
}

// The whole history in each step, streamed.
async function withHistory(client) {
  const input = [{ role: 'user', content: QUESTION }];
  for (;;) {
    const response = await client.responses
      .stream({ model: 'calls-tools', input, tools, store: false })
      .finalResponse();
    const outputs = answersTo(response);
    if (!outputs.length) return response.output_text;
    input.push(...response.output, ...outputs);
  }
}

async function usesTools(baseURL) {
  const saw = {};
  for (const [way, loop] of [['alone', stepByStep], ['resent', withHistory]]) {
    const client = connect(baseURL, way);
    await client.responses.create({ model: 'talks', input: 'I live in Lisbon.' });
    saw[way] = await loop(client);
  }
  return saw;
}

// How a response that fails, one that breaks off, and two that are left end.
async function ends(baseURL) {
  const { responses } = connect(baseURL, 'ann');
  const ask = { input: 'Hello?', stream: true };
  const refused = await responses.create({ ...ask, model: 'fails-429' }).catch((error) => error);
  const saw = { refused: [refused.code, refused.requestID], text: '', class: null };
  try {
    for await (const event of await responses.create({ ...ask, model: 'breaks' })) {
      if (event.type === 'response.output_text.delta') saw.text += event.delta;
    }
  } catch (error) {
    saw.class = error.constructor.name;
  }

  const gone = new AbortController();
  const stream = await responses.create({ ...ask, model: 'stays' }, { signal: gone.signal });
  for await (const _ of stream) gone.abort();

  const goneToo = new AbortController();
  const asking = responses
    .create({ model: 'waits', input: 'Hello?' }, { signal: goneToo.signal })
    .catch((error) => error.constructor.name);
  await told();
  goneToo.abort();
  await asking;
  return saw;
}

export const recipes = {
  'remembers responses': remembers,
  'parses responses': parses,
  'uses tools in responses': usesTools,
  'ends responses': ends,
};
