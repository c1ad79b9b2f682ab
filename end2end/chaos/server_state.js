// What the server itself says, read on the server and not over the panel.

/** Sections of one look, each after a line `@NAME`. */
const LOOK = `
echo @status; ufw status
echo @kernel; for tool in iptables-save ip6tables-save; do $tool | grep -c -- '-A ufw6*-user-input .*--dport'; done
echo @rollback; ls /var/lib/brokeforge/firewall-rollback
echo @units; systemctl list-units --no-legend --plain 'brokeforge-*' | cut -d' ' -f1
echo @processes; grep -lzs '^BROKEFORGE_STEP=' /proc/[0-9]*/environ
echo @changes; cat /var/log/ufw-changes
echo @started; journalctl -q -o json --output-fields=UNIT MESSAGE_ID=39f53479d3a045ac8e11786248231fbf | sed -n 's/.*"UNIT":"brokeforge-\\([0-9]*-[0-9]*-[0-9]*\\)\\.service".*/\\1/p'
echo @installed; awk '$3 == "install" { print $4 }' /var/log/dpkg.log
cd /var/lib/brokeforge/steps
echo @folders; for folder in */*-*-*; do echo "$folder $(head -n 1 "$folder/result" 2>/dev/null)"; done
echo @output; for folder in */*-*-*; do cat "$folder/output"; done
echo @end
`;

/** Reads it until nothing ends any more: the last process of a unit takes a moment to go. */
export async function look(world) {
  let state;
  for (let attempt = 0; attempt < 50; attempt++) {
    state = parse(await world.host.sh(LOOK));
    if (state.units.length === 0 && state.processes.length === 0) break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return state;
}

function parse(text) {
  const sections = {};
  let current;
  for (const line of text.split('\n')) {
    const name = line.match(/^@(\w+)$/)?.[1];
    if (name) current = sections[name] = [];
    else current?.push(line);
  }
  if (!sections.end) throw new Error(`the look at the server ended early:\n${text}`);
  const { status, base } = readStatus(sections.status);
  return {
    ...sections,
    status,
    base,
    kernel: sections.kernel.reduce((sum, count) => sum + Number(count), 0),
    rollback: sections.rollback.filter((name) => !['take-back', 'lock'].includes(name)),
    folders: sections.folders.filter((line) => !line.startsWith('*/')),
  };
}

/** The rules of `ufw status` in our words, and those that provisioning keeps. */
function readStatus(lines) {
  const [status, base] = [[], []];
  for (const line of lines) {
    const found = line.match(/^(\S+)\/(tcp|udp)( \(v6\))?\s+(ALLOW|DENY)(?: IN)?\s+(\S+)(?: \(v6\))?\s*(# .*)?$/);
    if (!found) continue;
    const [, port, protocol, v6, action, from, comment] = found;
    const source = from === 'Anywhere' ? `anywhere${v6 ? 6 : 4}` : from;
    (comment ? base : status).push(`${action.toLowerCase()} ${protocol} ${port} ${source}`);
  }
  return { status, base };
}

/** The lines that `ufw status` has for a rule of the panel. */
export function linesOf({ action, protocol, port, source }) {
  const protocols = protocol === 'any' ? ['tcp', 'udp'] : [protocol];
  const sources = source ? [source.replace(source.includes(':') ? /\/128$/ : /\/32$/, '')] : ['anywhere4', 'anywhere6'];
  return protocols.flatMap((protocol) => sources.map((from) => `${action} ${protocol} ${port} ${from}`));
}
