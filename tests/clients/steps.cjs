// Shared by the scripts: the settings that the test wrote, steps with a time limit, and expected errors.
'use strict';

const assert = require('node:assert/strict');
const { readFileSync } = require('node:fs');

// No client may have to poll; the oldest waits for half a minute before each poll.
const LONGEST_MS = 15_000;

const settings = JSON.parse(readFileSync(process.argv[2], 'utf8'));

/** Runs one step, prints how long it took, and fails if that was too long. */
async function step(name, action) {
  const began = performance.now();
  const found = await action();
  const took = performance.now() - began;
  console.log(`${name}: ${Math.round(took)} ms`);
  assert.ok(took < LONGEST_MS, `${name} took ${Math.round(took)} ms`);
  return found;
}

/** Returns the error of an action that must be refused, within the same time limit. */
function refusal(name, action) {
  return step(name, async () => {
    let found;
    try {
      found = await action();
    } catch (error) {
      return error;
    }
    return assert.fail(`${name} was not refused: ${JSON.stringify(found)}`);
  });
}

/** Scores the rows of the settings; returns the digests of the models that answered. */
async function score(swaggerLocation, key) {
  const place = swaggerLocation.replace(/\/swagger\.json$/, '/execute?api-version=2.0&details=true');
  const answer = await fetch(place, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify(settings.rows),
  });
  const body = await answer.json();
  assert.equal(answer.status, 200, JSON.stringify(body));
  assert.ok(body.Results.output1.value.Values.length > 0);
  return answer.headers.get('x-mlmgmt-models');
}

module.exports = { settings, step, refusal, score };
