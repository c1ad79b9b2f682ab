// What a cycle asks for.

import { randomUUID } from 'node:crypto';

/** Adds and removals of rules, chosen by chance; never two for the same rule. */
export function ruleRequests(world, random, active) {
  const removable = [...active];
  return Array.from({ length: random.between(1, 3) }, () => {
    // About eight rules stay, so that there is always something to remove.
    if (removable.length > 0 && random.chance(removable.length / 16 + 0.2)) {
      const [rule] = removable.splice(random.between(0, removable.length - 1), 1);
      return removal(world, rule);
    }
    return addition(world, random);
  });
}

export function provisioning(world) {
  return {
    what: 'provision',
    path: 'servers/provision',
    input: { server_id: world.server },
    operations: `verb = 'provision'`,
  };
}

function addition(world, random) {
  const first = world.nextPort;
  world.nextPort += 4;
  const rule = {
    name: `Port ${first}`,
    port: random.chance(0.2) ? `${first}:${first + 2}` : String(first),
    protocol: random.pick(['tcp', 'udp', 'any']),
    source: random.pick(['', '', '10.1.0.0/16', '192.0.2.7', '2001:db8::/32']),
    action: random.pick(['allow', 'allow', 'deny']),
  };
  const request_key = randomUUID();
  return {
    what: 'add',
    path: 'firewall/create',
    rule,
    input: { server_id: world.server, rule, request_key },
    operations: `verb = 'install' AND resource_id = (SELECT id FROM firewall_rules WHERE request_key = '${request_key}')`,
    record: `request_key = '${request_key}'`,
  };
}

function removal(world, rule) {
  return {
    what: 'remove',
    path: 'lifecycle/remove',
    rule,
    input: { server_id: world.server, kind: 'firewall_rule', id: rule.id },
    operations: `verb = 'remove' AND resource_id = ${rule.id}`,
    record: `id = ${rule.id}`,
  };
}
