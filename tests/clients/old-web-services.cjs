// azure-arm-machinelearning: web services, over http, with the client's default options.
'use strict';

const assert = require('node:assert/strict');
const { WebServicesManagementClient } = require('azure-arm-machinelearning');
const { TokenCredentials } = require('ms-rest');
const { modelled } = require('./models.cjs');
const { settings, step, refusal, score } = require('./steps.cjs');

const { origin, subscription, group } = settings;
const as = (token) => new WebServicesManagementClient(new TokenCredentials(token), subscription, origin).webServices;
const services = as(settings.token);

async function lifeOfAService() {
  const definition = modelled(settings.definition);
  const made = await step('create', () => services.createOrUpdate(group, 'old client', definition));
  assert.equal(made.name, 'old client');
  assert.equal(made.properties.provisioningState, 'Succeeded');

  const found = await step('get', () => services.get(group, 'old client'));
  for (const part of ['packageProperty', 'input', 'output', 'exampleRequest', 'title']) {
    assert.deepEqual(found.properties[part], definition.properties[part], part);
  }
  assert.ok(found.properties.modifiedOn instanceof Date && !Number.isNaN(+found.properties.modifiedOn));

  const keys = await step('keys', () => services.listKeys(group, 'old client'));
  assert.ok(keys.primary && keys.secondary && keys.primary !== keys.secondary);
  assert.ok((await score(found.properties.swaggerLocation, keys.primary)).includes(settings.models.first.digest));

  const { name, type } = settings.definition.properties.assets[settings.asset];
  const { uri, credentials, digest } = settings.models.second;
  const change = {
    location: found.location,
    properties: { packageType: 'Graph', assets: { [settings.asset]: { name, type, locationInfo: { uri, credentials } } } },
  };
  const patched = await step('patch the model', () => services.patch(group, 'old client', change));
  assert.equal(patched.properties.assets[settings.asset].locationInfo.uri, uri);
  assert.equal(patched.properties.assets[settings.asset].locationInfo.credentials, undefined);
  assert.deepEqual(Object.keys(patched.properties.assets), Object.keys(definition.properties.assets));
  assert.ok((await score(found.properties.swaggerLocation, keys.secondary)).includes(digest));
  const repeated = await step('patch it again', () => services.patch(group, 'old client', change));
  assert.deepEqual(repeated.properties.modifiedOn, patched.properties.modifiedOn);

  const rotated = await step('patch a key', () =>
    services.patch(group, 'old client', {
      location: found.location,
      properties: { packageType: 'Graph', keys: { primary: 'another-key' } },
    }));
  assert.equal(rotated.properties.keys, undefined);
  const after = await services.listKeys(group, 'old client');
  assert.equal(after.primary, 'another-key');
  assert.equal(after.secondary, keys.secondary);

  const replaced = await step('replace', () =>
    services.createOrUpdate(group, 'old client', {
      ...definition,
      properties: { ...definition.properties, title: 'Replaced', description: null },
    }));
  assert.equal(replaced.properties.title, 'Replaced');
  assert.equal(replaced.properties.description, undefined);

  await step('make regional properties', () =>
    services.createRegionalProperties(group, 'old client', 'westeurope'));
  const regional = await services.get(group, 'old client', { region: 'West Europe' });
  assert.equal(regional.name, 'old client');

  await step('delete', () => services.remove(group, 'old client'));
  await step('delete again', () => services.remove(group, 'old client'));
}

async function pages() {
  for (const [name, first, next] of [
    ['list a group', () => services.listByResourceGroup(group), (link) => services.listByResourceGroupNext(link)],
    ['list a subscription', () => services.listBySubscriptionId(), (link) => services.listBySubscriptionIdNext(link)],
  ]) {
    const names = [];
    const count = await step(name, async () => {
      let number = 0;
      for (let page = await first(); ; page = await next(page.nextLink)) {
        number += 1;
        names.push(...page.map((service) => service.name));
        if (!page.nextLink) return number;
      }
    });
    assert.ok(count > 1, `${name}: ${count} pages`);
    assert.deepEqual(names, settings.services);
  }
}

async function refusals() {
  const missing = await refusal('get what is not there', () => services.get(group, 'nobody'));
  assert.equal(missing.statusCode, 404);
  assert.equal(missing.code, 'NotFound');
  assert.equal(missing.body.details[0].code, 'WebServiceNotFound');
  assert.match(missing.body.details[0].message, /nobody/);

  const small = modelled(settings.small);
  const fixed = { ...small, properties: { ...small.properties, readOnly: true } };
  await services.createOrUpdate(group, 'fixed', fixed);
  const change = { location: small.location, properties: { packageType: 'Graph', title: 'Other' } };
  const readOnly = await refusal('change what is read-only', () => services.patch(group, 'fixed', change));
  assert.deepEqual([readOnly.statusCode, readOnly.code], [409, 'Conflict']);
  assert.equal(readOnly.body.details[0].code, 'WebServiceReadOnly');
  await services.remove(group, 'fixed');

  const reader = as(settings.reader);
  assert.equal((await reader.get(group, settings.services[0])).name, settings.services[0]);
  for (const [name, action] of [
    ['patch as a Reader', () => reader.patch(group, settings.services[0], change)],
    ['see keys as a Reader', () => reader.listKeys(group, settings.services[0])],
    ['delete as a Reader', () => reader.remove(group, settings.services[0])],
  ]) {
    const forbidden = await refusal(name, action);
    assert.deepEqual([forbidden.statusCode, forbidden.code], [403, 'AuthorizationFailed'], name);
  }

  const astray = structuredClone(small);
  astray.properties.packageProperty.edges[0].targetNodeId = 'nowhere';
  const bad = await refusal('create of a bad definition', () => services.createOrUpdate(group, 'bad', astray));
  assert.deepEqual([bad.statusCode, bad.code, bad.body.details[0].code], [400, 'BadRequest', 'DanglingEdge']);
  assert.match(bad.body.details[0].message, /nowhere/);

  const unknown = await refusal('an unknown token', () => as('none').get(group, settings.services[0]));
  assert.deepEqual([unknown.statusCode, unknown.code], [401, 'InvalidAuthenticationToken']);
}

(async () => {
  await lifeOfAService();
  await pages();
  await refusals();
})();
