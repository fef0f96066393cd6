// azure-arm-machinelearning: commitment plans, over http, with the client's default options.
'use strict';

const { CommitmentPlansManagementClient } = require('azure-arm-machinelearning');
const { TokenCredentials } = require('ms-rest');
const { lifeOfPlans, refusals } = require('./plans.cjs');
const { settings } = require('./steps.cjs');

const { origin, subscription } = settings;
const as = (token) => new CommitmentPlansManagementClient(new TokenCredentials(token), subscription, origin);

(async () => {
  await lifeOfPlans(as(settings.token), 'old');
  await refusals(as(settings.token), as(settings.reader));
})();
