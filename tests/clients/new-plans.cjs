// @azure/arm-commitmentplans: commitment plans and skus, over http, with the client's default options.
'use strict';

const assert = require('node:assert/strict');
const { AzureMLCommitmentPlansManagementClient } = require('@azure/arm-commitmentplans');
const { lifeOfPlans, refusals } = require('./plans.cjs');
const { settings, step } = require('./steps.cjs');

const { origin, subscription } = settings;
const as = (token) => {
  const credential = { getToken: async () => ({ token, expiresOnTimestamp: Date.now() + 3_600_000 }) };
  return new AzureMLCommitmentPlansManagementClient(credential, subscription, { baseUri: origin });
};

async function skus(client) {
  const found = await step('list skus', () => client.skus.list());
  const s2 = found.find(({ name }) => name === 'S2');
  assert.equal(s2.tier, 'Standard');
  assert.equal(s2.resourceType, 'commitmentPlans');
  assert.deepEqual({ ...s2.capacity }, { minimum: 1, maximum: 10, default: 1, scaleType: s2.capacity.scaleType });
  assert.ok(s2.locations.includes('South Central US'));
  assert.ok(s2.capabilities.every(({ name, value }) => name && value));
}

(async () => {
  const client = as(settings.token);
  await skus(client);
  await lifeOfPlans(client, 'new');
  await refusals(client, as(settings.reader));
})();
