// The steps that both clients of commitment plans share.
'use strict';

const assert = require('node:assert/strict');
const { WebServicesManagementClient } = require('azure-arm-machinelearning');
const { TokenCredentials } = require('ms-rest');
const { modelled } = require('./models.cjs');
const { settings, step, refusal, score } = require('./steps.cjs');

const { origin, subscription, group } = settings;
const TRANSACTIONS = 'machineLearningWebServiceTransactions';

/** Makes a web service that a plan pays for; the clients of commitment plans cannot. */
async function paidService(name, planId) {
  const services = new WebServicesManagementClient(new TokenCredentials(settings.token), subscription, origin).webServices;
  const definition = modelled(settings.definition);
  definition.properties.commitmentPlan = { id: planId };
  const made = await services.createOrUpdate(group, name, definition);
  const { primary } = await services.listKeys(group, name);
  return {
    id: made.id,
    score: () => score(made.properties.swaggerLocation, primary),
    remove: () => services.remove(group, name),
  };
}

/** Creates, uses, changes and deletes plans, with a web service that they pay for. */
async function lifeOfPlans(client, prefix) {
  const [first, second] = [`${prefix}-first`, `${prefix}-second`];
  const { commitmentPlans, commitmentAssociations, usageHistory } = client;
  const sku = { name: 'S1', tier: 'Standard', capacity: 1 };
  const plan = { location: 'South Central US', sku, tags: { team: 'retail' } };
  const made = await step('create', () => commitmentPlans.createOrUpdate(plan, group, first));
  assert.equal(made.name, first);
  assert.deepEqual({ ...made.sku }, sku);
  assert.equal(made.properties.includedQuantities[TRANSACTIONS].allowance, 100_000);
  await commitmentPlans.createOrUpdate({ ...plan, properties: {} }, group, second);

  const found = await step('get', () => commitmentPlans.get(group, first));
  assert.equal(found.id, made.id);
  assert.ok(found.properties.creationDate instanceof Date);
  assert.equal(found.properties.suspendPlanOnOverage, false);
  const listed = await step('list', () => commitmentPlans.list());
  assert.deepEqual(listed.map(({ name }) => name), [first, second]);
  const inGroup = await step('list a group', () => commitmentPlans.listInResourceGroup(group));
  assert.deepEqual(inGroup.map(({ id }) => id), listed.map(({ id }) => id));

  const patched = await step('patch', () =>
    commitmentPlans.patch({ tags: { team: 'web' }, sku: { name: 'S2', tier: 'Standard', capacity: 2 } }, group, first));
  assert.deepEqual({ ...patched.tags }, { team: 'web' });
  assert.deepEqual([patched.sku.name, patched.sku.capacity], ['S2', 2]);
  assert.notEqual(patched.etag, made.etag);

  const service = await step('make a web service with a plan', () => paidService(`${prefix} paid`, made.id));
  const associations = await step('list associations', () => commitmentAssociations.list(group, first));
  assert.equal(associations.length, 1);
  assert.equal(associations[0].properties.associatedResourceId, service.id);
  const association = await step('get an association', () =>
    commitmentAssociations.get(group, first, associations[0].name));
  assert.equal(association.properties.commitmentPlanId, made.id);

  await service.score();
  await service.score();
  const history = await step('usage history', () => usage(usageHistory, first));
  assert.equal(history[0].usage[TRANSACTIONS], 2);
  assert.equal(history[0].planQuantitiesAfterUsage[TRANSACTIONS], 1_999_998);
  assert.ok(history[0].usageDate instanceof Date);

  const inUse = await refusal('delete a plan in use', () => commitmentPlans.remove(group, first));
  assert.deepEqual([inUse.statusCode, inUse.code], [409, 'Conflict']);
  assert.equal(inUse.body.details[0].code, 'CommitmentPlanInUse');
  const moved = await step('move an association', () =>
    commitmentAssociations.move(group, first, association.name, {
      destinationPlanId: made.id.replace(first, second),
    }));
  assert.equal(moved.properties.commitmentPlanId, made.id.replace(first, second));
  assert.deepEqual((await commitmentAssociations.list(group, first)).length, 0);
  assert.equal((await commitmentAssociations.get(group, second, association.name)).name, association.name);

  await step('delete', () => commitmentPlans.remove(group, first));
  await service.remove();
  assert.equal((await commitmentAssociations.list(group, second)).length, 0);
  await commitmentPlans.remove(group, second);
}

/** Returns the usage history once it has the scored calls: the server writes them once a second. */
async function usage(usageHistory, name) {
  for (let turn = 0; turn < 40; turn += 1) {
    const found = await usageHistory.list(group, name);
    if (found.length > 0 && found[0].usage[TRANSACTIONS] >= 2) return found;
    await new Promise((done) => setTimeout(done, 100));
  }
  return assert.fail('nothing was charged to the plan');
}

/** Requests that the server refuses, and the errors that the clients raise. */
async function refusals(client, reader) {
  const { commitmentPlans, commitmentAssociations } = client;
  const plan = { location: 'South Central US', sku: { name: 'S1', tier: 'Standard', capacity: 1 } };
  for (const [name, action] of [
    ['get what is not there', () => commitmentPlans.get(group, 'nobody')],
    ['delete what is not there', () => commitmentPlans.remove(group, 'nobody')],
    ['associations of what is not there', () => commitmentAssociations.list(group, 'nobody')],
  ]) {
    const missing = await refusal(name, action);
    assert.deepEqual([missing.statusCode, missing.code], [404, 'ResourceNotFound'], name);
    assert.match(missing.message, /nobody/);
  }

  const bad = await refusal('create with an unknown sku', () =>
    commitmentPlans.createOrUpdate({ ...plan, sku: { name: 'S9', tier: 'Standard', capacity: 1 } }, group, 'bad'));
  assert.equal(bad.statusCode, 400);
  assert.ok([bad.code, bad.body.details[0].code].includes('InvalidSku'));
  assert.match(bad.message, /S9/);

  const forbidden = await refusal('create as a Reader', () => reader.commitmentPlans.createOrUpdate(plan, group, 'bad'));
  assert.deepEqual([forbidden.statusCode, forbidden.code], [403, 'AuthorizationFailed']);
  assert.equal((await reader.commitmentPlans.list()).length, 0);
}

module.exports = { lifeOfPlans, refusals };
