// What the server does right now, and what it did in the last minutes.

import { Chart, WINDOW, roundBytes, roundLatency } from './chart.js';
import { byId, clone, reconcile, say, show } from './dom.js';
import { brief, bytes, latency, moment, span, whole } from './format.js';
import { isSuccessor, quantile, rate } from './metrics.js';

const LATENCY = 'notifier_delivery_latency_seconds';

// Why streams end, for those who did not write the server.
const CLOSES = {
  gone: 'the client went away',
  lifetime: 'open for long enough',
  expired: 'the credential ran out',
  revoked: 'ended by a call',
  drain: 'the server stops',
  slow: 'the client did not read',
  unavailable: 'the journal could not be read',
};

const value = (name) => (reading) => reading.value(name) ?? 0;
const accepted = (reading) => reading.by('notifier_publishes_total', 'result').get('accepted') ?? 0;
const deliveries = value('notifier_deliveries_total');

// memory is what the process has of the machine, as far as the system tells.
const memory = (reading) => reading.value('process_resident_memory_bytes') ?? value('go_memstats_sys_bytes')(reading);

export class Overview {
  #readings = []; // of the last minutes and of this process
  #charts = {
    streams: new Chart(byId('chart-streams'), { format: brief }),
    publishes: new Chart(byId('chart-publishes'), { format: brief }),
    deliveries: new Chart(byId('chart-deliveries'), { format: brief }),
    latency: new Chart(byId('chart-latency'), { lines: 2, format: latency, ceiling: roundLatency, least: 0.00001 }),
    memory: new Chart(byId('chart-memory'), { format: bytes, ceiling: roundBytes }),
  };

  // add takes a new reading, and tells whether the server has begun anew before it.
  add(now) {
    const before = this.#readings.at(-1);
    const restarted = before !== undefined && !isSuccessor(before, now);
    if (restarted) {
      this.#readings = [];
      for (const chart of Object.values(this.#charts)) chart.restart(now.time);
    }
    this.#readings = this.#readings.filter(({ time }) => time >= now.time - WINDOW);
    this.#readings.push(now);
    this.#gauges(now);
    if (before && !restarted) this.#rates(before, now);
    this.#reasons(now);
    this.#journal(before && !restarted ? before : null, now);
    return restarted;
  }

  #gauges(now) {
    const open = value('notifier_streams_open')(now);
    const most = value('notifier_streams_max')(now);
    this.#charts.streams.add(now.time, [open]);
    say(byId('chart-streams').querySelector('b'), whole(open));
    say(byId('chart-streams').querySelector('small'), most > 0 ? `of ${whole(most)}` : 'open');
    note('chart-streams', `${whole(value('notifier_streams_catching_up')(now))} catching up`, `${whole(value('notifier_streams_slow')(now))} slow`);

    this.#charts.memory.add(now.time, [memory(now)]);
    say(byId('chart-memory').querySelector('b'), bytes(memory(now)));
    const build = [...now.by('notifier_build_info', 'version').keys()][0];
    say(byId('version'), build ?? '');
    const started = now.value('process_start_time_seconds');
    say(byId('uptime'), started ? `up ${span(now.time / 1000 - started)}` : '');
  }

  #rates(before, now) {
    const each = (name, pick, ...notes) => {
      const current = rate(before, now, pick);
      this.#charts[name].add(now.time, [current]);
      say(byId(`chart-${name}`).querySelector('b'), brief(current));
      note(`chart-${name}`, ...notes);
    };
    const delivered = rate(before, now, value('notifier_delivered_bytes_total'));
    each('publishes', accepted, `${brief(accepted(now))} in all`);
    each('deliveries', deliveries, `${brief(deliveries(now))} in all`, `${bytes(delivered)}/s`);

    const times = [0.5, 0.99].map((q) => quantile(q, before, now, LATENCY));
    this.#charts.latency.add(now.time, times);
    const card = byId('chart-latency');
    for (const [i, b] of card.querySelectorAll('b').entries()) say(b, times[i] === null ? '–' : latency(times[i]));

    const cpu = rate(before, now, value('process_cpu_seconds_total'));
    note('chart-memory', `${brief(cpu * 100)} % of a core`, `${whole(value('process_open_fds')(now))} files`);
  }

  #reasons(now) {
    const oldest = this.#readings[0];
    const closes = counts(oldest, now, 'notifier_streams_closed_total', 'reason');
    const ended = closes.filter(({ all }) => all > 0);
    table('closes', ended, CLOSES);
    const never = closes.slice(ended.length).map(({ reason }) => reason);
    show(byId('closes-none'), never.length > 0 ? `Not yet: ${never.join(', ')}` : '');
    const refusals = counts(oldest, now, 'notifier_refusals_total', 'reason');
    table('refusals', refusals, {});
    byId('refusals-empty').hidden = refusals.length > 0;
  }

  #journal(before, now) {
    const oldest = value('notifier_journal_oldest_timestamp_seconds')(now);
    const disk = value('notifier_journal_disk_bytes')(now);
    const sync = before && quantile(0.99, before, now, 'notifier_journal_sync_seconds');
    const dropped = [...now.by('notifier_journal_dropped_events_total', 'bound').values()].reduce((a, b) => a + b, 0);
    facts(byId('journal'), [
      ['Events', whole(value('notifier_journal_events')(now))],
      ['Their size', bytes(value('notifier_journal_bytes')(now))],
      ['On disk', disk > 0 ? bytes(disk) : 'in memory only'],
      ['The oldest', oldest > 0 ? moment(new Date(oldest * 1000)) : '–'],
      ['Dropped', whole(dropped)],
      ...(disk > 0 ? [['Sync p99', sync ? latency(sync) : '–']] : []),
    ]);
  }
}

function note(card, ...parts) {
  say(byId(card).querySelector('.note'), parts.join(' · '));
}

// counts are a family's counters, the largest first: in all, and since a reading.
function counts(oldest, now, name, label) {
  const earlier = oldest.by(name, label);
  return [...now.by(name, label)]
    .map(([reason, all]) => ({ reason, all, recent: all - (earlier.get(reason) ?? 0) }))
    .sort((a, b) => b.all - a.all || a.reason.localeCompare(b.reason));
}

function table(id, rows, meanings) {
  const most = Math.max(1, ...rows.map(({ all }) => all));
  byId(id).hidden = rows.length === 0;
  reconcile(byId(id).tBodies[0], rows, {
    key: ({ reason }) => reason,
    create: () => clone('reason-row'),
    update(row, { reason, all, recent }) {
      say(row.querySelector('.name'), reason);
      say(row.querySelector('small'), meanings[reason] ?? '');
      say(row.querySelector('.recent'), recent > 0 ? `+${brief(recent)}` : '');
      say(row.querySelector('.all'), whole(all));
      row.querySelector('.bar').style.width = `${(100 * all) / most}%`;
    },
  });
}

function facts(list, pairs) {
  reconcile(list, pairs, {
    key: ([term]) => term,
    create() {
      const pair = document.createElement('div');
      pair.append(document.createElement('dt'), document.createElement('dd'));
      return pair;
    },
    update(pair, [term, text]) {
      say(pair.firstChild, term);
      say(pair.lastChild, text);
    },
  });
}
