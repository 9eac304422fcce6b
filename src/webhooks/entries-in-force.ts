// Applies the configuration of webhooks to their lanes: at the start, after a change through the API, and after an edit
// of webhooks.json.

import { isDeepStrictEqual } from 'node:util';
import { maskUrlsIn } from '../base/redaction.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { EarlierStates } from './earlier-states.ts';
import type { Enablement } from './enablement.ts';
import type { EngineContext } from './engine-context.ts';
import { Lane } from './lane.ts';
import type { WebhookOutbox } from './outbox.ts';
import type { Removal } from './removal.ts';
import type { Resuming } from './resume-now.ts';
import type { Transport } from './transport.ts';
import type { WebhookEntry, WebhookRegistry } from './webhook-entries.ts';
import { afterNewTarget } from './webhook-health.ts';

export interface EntriesInForce {
  /** Creates the lanes of all entries; called once, at the start, before events are received. */
  createAll(): void;
  /** Creates the lane of a new entry. */
  create(entry: WebhookEntry): Lane;
  /** `isAsked`: a user asks for the webhook to be enabled. */
  apply(lane: Lane, entry: WebhookEntry, isAsked?: boolean): Promise<void>;
  /** Called when webhooks.json was edited. */
  followRegistry(): void;
  /** Warns if other webhooks send to the same URL, which may be intended; returns their ids. */
  warnOfTwins(lane: Lane): readonly string[];
  /** Warns of webhooks whose configuration cannot be used. */
  warnOfRefusals(lanes: readonly Lane[]): void;
}

export interface EntriesInForceOptions {
  readonly context: EngineContext;
  readonly registry: Pick<WebhookRegistry, 'all'>;
  readonly earlierStates: EarlierStates;
  readonly outbox: Pick<WebhookOutbox, 'lanesChanged'>;
  readonly transport: Pick<Transport, 'purge'>;
  readonly dispatcher: Pick<Dispatcher, 'wake'>;
  readonly resuming: Pick<Resuming, 'resume'>;
  readonly enablement: Enablement;
  readonly removal: Pick<Removal, 'remove'>;
  /** Gives a lane the pending deliveries that it left behind when it disappeared. */
  readonly takeReturned: (lane: Lane) => void;
}

/** Refused webhooks that are named one by one. */
const maxNamed = 20;

export function createEntriesInForce({
  context: { clock, lanes, turns, nodes, warn, inBackground },
  registry,
  earlierStates,
  outbox,
  transport,
  dispatcher,
  resuming,
  enablement,
  removal,
  takeReturned,
}: EntriesInForceOptions): EntriesInForce {
  function laneOf({ id, config, refusal }: WebhookEntry): Lane {
    const lane = new Lane(config, earlierStates.of(id), { refusal });
    lanes.set(id, lane);
    return lane;
  }

  function create(entry: WebhookEntry): Lane {
    const lane = laneOf(entry);
    takeReturned(lane);
    outbox.lanesChanged();
    dispatcher.wake(lane);
    return lane;
  }

  async function followEntry(id: string): Promise<void> {
    const entry = registry.all().get(id);
    const lane = lanes.get(id);
    if (lane?.runId !== undefined) return;
    if (entry === undefined) {
      if (lane !== undefined) await removal.remove(lane);
    } else if (lane === undefined) {
      const created = create(entry);
      warnOfRefusals([created]);
      warnOfTwins(created);
      if (!entry.config.enabled) await enablement.createdDisabled(created);
      else if (created.state.disabledAt !== null && created.state.disabledInFile)
        await enablement.enable(created, false);
    } else await apply(lane, entry);
  }

  async function apply(lane: Lane, { config, refusal }: WebhookEntry, isAsked = false): Promise<void> {
    const wasEnabled = lane.isEnabled;
    const hasMoved = lane.config.url !== config.url;
    const wasRefused = lane.refusal;
    // False for a webhook that its receiver disabled while the file could not be written: it still says `enabled:
    // true`.
    const mayEnable = isAsked || lane.state.disabledAt === null || lane.state.disabledInFile;
    const isEnabled = config.enabled && (wasEnabled || mayEnable);
    if (isEnabled === wasEnabled && refusal === wasRefused && isDeepStrictEqual(config, lane.config)) return;
    lane.configure({ ...config, enabled: lane.config.enabled }, refusal);
    // Connections opened with the old configuration are not used with the new one.
    transport.purge();
    outbox.lanesChanged();
    if (refusal !== undefined && refusal !== wasRefused) warnOfRefusal(lane);
    if (refusal === undefined && wasRefused !== undefined)
      warn(`webhook ${lane.id} (${maskUrlsIn(config.name)}) can be used again; its deliveries are sent`);
    if (wasEnabled && !isEnabled) await enablement.disable(lane, 'by_hand', 'Disabled by a user.', true);
    if (!wasEnabled && isEnabled) await enablement.enable(lane, false);
    else {
      lane.configure(config, refusal);
      outbox.lanesChanged();
      if (hasMoved) await resuming.resume(lane, afterNewTarget(lane.state, clock.now()));
      else dispatcher.wake(lane);
    }
  }

  function warnOfTwins(lane: Lane): readonly string[] {
    if (lane.refusal !== undefined) return [];
    const twins = [...lanes.values()]
      .filter(
        ({ id, runId, url, refusal }) =>
          id !== lane.id && runId === undefined && refusal === undefined && url.href === lane.url.href,
      )
      .map(({ id }) => id);
    if (twins.length > 0)
      warn(
        `webhook ${lane.id} sends to the same URL as ${twins.slice(0, 5).join(', ')}; events that match both are sent twice`,
      );
    return twins;
  }

  function warnOfRefusals(some: readonly Lane[]): void {
    const refused = some.filter(({ refusal }) => refusal !== undefined);
    for (const lane of refused.slice(0, maxNamed)) warnOfRefusal(lane);
    if (refused.length > maxNamed)
      warn(`${refused.length - maxNamed} more webhooks cannot be used now; their states say why`);
  }

  function warnOfRefusal({ id, config, refusal, runId }: Lane): void {
    const place = nodes === undefined ? 'webhooks.json' : 'the database';
    const where = runId === undefined ? `It stays in ${place} as it is` : `It belongs to run ${runId}`;
    warn(
      `webhook ${id} (${maskUrlsIn(config.name)}) is refused: ${maskUrlsIn(refusal ?? '')}. ${where}; its deliveries wait.`,
    );
  }

  return {
    createAll() {
      warnOfRefusals([...registry.all().values()].map(laneOf));
    },
    create,
    apply,
    followRegistry() {
      const entries = registry.all();
      for (const lane of lanes.values())
        if (lane.runId === undefined && !entries.has(lane.id))
          inBackground(turns.take(lane.id, () => followEntry(lane.id)));
      for (const id of entries.keys()) inBackground(turns.take(id, () => followEntry(id)));
    },
    warnOfTwins,
    warnOfRefusals,
  };
}
