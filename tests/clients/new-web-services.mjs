// @azure/arm-webservices: web services, over https, with the client's default options.

import assert from 'node:assert/strict';
import { AzureMLWebServicesManagementClient } from '@azure/arm-webservices';
import steps from './steps.cjs';

const { settings, step, refusal, score } = steps;
const { origin, subscription, group } = settings;

const as = (token) => {
  const credential = { getToken: async () => ({ token, expiresOnTimestamp: Date.now() + 3_600_000 }) };
  return new AzureMLWebServicesManagementClient(credential, subscription, { endpoint: origin });
};
const client = as(settings.token);
const services = client.webServices;

async function lifeOfAService() {
  const { definition } = settings;
  const made = await step('create', () => services.beginCreateOrUpdateAndWait(group, 'new client', definition));
  assert.equal(made.name, 'new client');
  assert.equal(made.properties.provisioningState, 'Succeeded');

  const found = await step('get', () => services.get(group, 'new client'));
  assert.deepEqual(found.properties.package, definition.properties.package);
  assert.equal(found.properties.title, definition.properties.title);
  assert.ok(found.properties.modifiedOn instanceof Date && !Number.isNaN(+found.properties.modifiedOn));

  const keys = await step('keys', () => services.listKeys(group, 'new client'));
  assert.ok(keys.primary && keys.secondary && keys.primary !== keys.secondary);
  assert.ok((await score(found.properties.swaggerLocation, keys.primary)).includes(settings.models.first.digest));

  const { name, type } = definition.properties.assets[settings.asset];
  const { place, credentials, uri, digest } = settings.models.second;
  const patched = await step('patch the model', () =>
    services.beginPatchAndWait(group, 'new client', {
      properties: { assets: { [settings.asset]: { name, type, locationInfo: { uri: place, credentials } } } },
    }));
  assert.equal(patched.properties.assets[settings.asset].locationInfo.uri, uri);
  assert.equal(patched.properties.assets[settings.asset].locationInfo.credentials, undefined);
  assert.deepEqual(Object.keys(patched.properties.assets), Object.keys(definition.properties.assets));
  assert.ok((await score(found.properties.swaggerLocation, keys.secondary)).includes(digest));

  const tagged = await step('patch tags alone', () =>
    services.beginPatchAndWait(group, 'new client', { tags: { owner: 'Ada' } }));
  assert.deepEqual(tagged.tags, { owner: 'Ada' });
  assert.equal(tagged.properties.title, definition.properties.title);

  const status = await step('make regional properties', () =>
    services.beginCreateRegionalPropertiesAndWait(group, 'new client', 'westeurope'));
  assert.equal(status.provisioningState, 'Succeeded');
  const regional = await services.get(group, 'new client', { region: 'West Europe' });
  assert.equal(regional.name, 'new client');

  await step('delete', () => services.beginRemoveAndWait(group, 'new client'));
  await step('delete again', () => services.beginRemoveAndWait(group, 'new client'));
}

async function pages() {
  for (const [name, list] of [
    ['list a group', () => services.listByResourceGroup(group)],
    ['list a subscription', () => services.listBySubscriptionId()],
  ]) {
    const names = [];
    const count = await step(name, async () => {
      let number = 0;
      for await (const page of list().byPage()) {
        number += 1;
        names.push(...page.map((service) => service.name));
      }
      return number;
    });
    assert.ok(count > 1, `${name}: ${count} pages`);
    assert.deepEqual(names, settings.services);
  }
  const operations = await step('list the operations', async () => {
    const found = [];
    for await (const operation of client.operations.list()) found.push(operation);
    return found;
  });
  const names = operations.map((operation) => operation.name);
  for (const known of ['webServices/Get', 'webServices/Patch', 'webServices/ListKeys']) {
    assert.ok(names.includes(`Microsoft.MachineLearning/${known}`), names.join());
  }
  assert.ok(operations.every(({ display }) => display.provider && display.resource && display.operation));
}

async function refusals() {
  const missing = await refusal('get what is not there', () => services.get(group, 'nobody'));
  assert.deepEqual([missing.name, missing.statusCode, missing.code], ['RestError', 404, 'NotFound']);
  assert.equal(missing.details.body.error.details[0].code, 'WebServiceNotFound');

  const { small } = settings;
  const fixed = { ...small, properties: { ...small.properties, readOnly: true } };
  await services.beginCreateOrUpdateAndWait(group, 'fixed', fixed);
  const change = { properties: { packageType: 'Graph', title: 'Other' } };
  const readOnly = await refusal('change what is read-only', () => services.beginPatchAndWait(group, 'fixed', change));
  assert.deepEqual([readOnly.statusCode, readOnly.code], [409, 'Conflict']);
  assert.equal(readOnly.details.body.error.details[0].code, 'WebServiceReadOnly');
  await services.beginRemoveAndWait(group, 'fixed');

  const reader = as(settings.reader).webServices;
  assert.equal((await reader.get(group, settings.services[0])).name, settings.services[0]);
  for (const [name, action] of [
    ['patch as a Reader', () => reader.beginPatchAndWait(group, settings.services[0], change)],
    ['see keys as a Reader', () => reader.listKeys(group, settings.services[0])],
    ['delete as a Reader', () => reader.beginRemoveAndWait(group, settings.services[0])],
  ]) {
    const forbidden = await refusal(name, action);
    assert.deepEqual([forbidden.statusCode, forbidden.code], [403, 'AuthorizationFailed'], name);
  }

  const bad = structuredClone(small);
  bad.properties.realtimeConfiguration = { maxConcurrentCalls: 3 };
  const refused = await refusal('create of a bad definition', () =>
    services.beginCreateOrUpdateAndWait(group, 'bad', bad));
  const [detail] = refused.details.body.error.details;
  assert.deepEqual([refused.statusCode, refused.code, detail.code], [400, 'BadRequest', 'OutOfRange']);
  assert.match(detail.target, /maxConcurrentCalls/);

  const unknown = await refusal('an unknown token', () => as('none').webServices.get(group, settings.services[0]));
  assert.deepEqual([unknown.statusCode, unknown.code], [401, 'InvalidAuthenticationToken']);
}

await lifeOfAService();
await pages();
await refusals();
