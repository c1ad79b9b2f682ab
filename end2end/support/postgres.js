// Databases of their own in the PostgreSQL that the test script starts.

import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { test } from '@playwright/test';

const SERVER = process.env.BROKEFORGE_TEST_POSTGRES;

/** Skips where there is none; where all must run, that is a failure. */
export function needsPostgres() {
  if (!SERVER && process.env.CI === 'true') throw new Error('BROKEFORGE_TEST_POSTGRES names no PostgreSQL');
  test.skip(!SERVER, 'BROKEFORGE_TEST_POSTGRES names no PostgreSQL; script/test starts one');
}

/** An empty database; its address. */
export function makeDatabase() {
  const name = `e2e_${randomBytes(6).toString('hex')}`;
  psql(SERVER, `CREATE DATABASE ${name}`);
  return SERVER.replace(/[^/]*$/, name);
}

export function dropDatabase(url) {
  psql(SERVER, `DROP DATABASE IF EXISTS ${url.split('/').pop()} WITH (FORCE)`);
}

/** Runs a statement past the panels; what it selects, without headers. */
export function psql(url, statement) {
  return execFileSync('psql', ['--no-psqlrc', '--quiet', '-At', '-c', statement, url], { encoding: 'utf8' }).trim();
}
